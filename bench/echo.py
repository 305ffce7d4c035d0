"""A gRPC server that does nothing, in a process of its own: what the transport alone makes of callers of one transfer.

Mutual TLS, requests, replies and metadata are as in the measurement of custody; nobody is authenticated, nothing is
traced, decided or stored.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import grpc
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from ringfence_protos.custody.v1 import custody_pb2

from bench.load import Job, Request, Seen, closed_loop
from bench.wire import CALL_SECONDS, CHANNEL_OPTIONS, CREATE

NAME = "localhost"
KEY, CERTIFICATE = "key.pem", "certificate.pem"
REPLY = custody_pb2.CreateTransfersResponse(status=b"\0", timestamp_ns=[time.time_ns()]).SerializeToString()
METADATA = (("authorization", f"Bearer {'0' * 700}"),)
"""As long as an access token."""


def transport(jobs: Iterable[Job], callers: int, seconds: float) -> Seen:
    """Has callers send requests of one row each to a server that does nothing."""

    async def run(port: int, folder: Path) -> Seen:
        pair = (folder / KEY).read_bytes(), (folder / CERTIFICATE).read_bytes()
        tls = grpc.ssl_channel_credentials(pair[1], *pair)
        options = [*CHANNEL_OPTIONS, ("grpc.ssl_target_name_override", NAME)]
        async with grpc.aio.secure_channel(f"127.0.0.1:{port}", tls, options) as channel:
            create: Any = channel.unary_unary(CREATE, None, custody_pb2.CreateTransfersResponse.FromString)

            async def ask(request: Request) -> int:
                reply = await create(request.body, metadata=METADATA, timeout=CALL_SECONDS)
                return len(reply.status)

            waiting = iter(jobs)
            await asyncio.gather(*(ask(request) for job in islice(waiting, callers) for request in job))
            return await closed_loop(ask, waiting, callers, seconds)

    with tempfile.TemporaryDirectory() as folder, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        make_certificate(Path(folder))
        with _server(folder) as port:
            return runner.run(run(port, Path(folder)))


@contextmanager
def _server(folder: str) -> Iterator[int]:
    """Starts a server for as long as the block lasts; it ends with this process in any case."""
    command, pipe = [sys.executable, "-m", "bench.echo", folder], subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, start_new_session=True) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            yield int(child.stdout.readline())
        finally:
            child.stdin.close()


def make_certificate(folder: Path) -> None:
    """Writes a key and a certificate that both sides show and trust, for an hour."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / KEY).write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    (folder / CERTIFICATE).write_bytes(certificate.public_bytes(pem))


async def serve(folder: Path) -> None:
    """Listens on a free port, prints it, and answers until standard input ends."""

    async def answer(request: bytes, context: Any) -> bytes:
        return REPLY

    _, service, method = CREATE.split("/")
    handlers: dict[str, Any] = {method: grpc.unary_unary_rpc_method_handler(answer)}
    server = grpc.aio.server()
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(service, handlers)])
    pair = (folder / KEY).read_bytes(), (folder / CERTIFICATE).read_bytes()
    credentials = grpc.ssl_server_credentials([pair], pair[1], require_client_auth=True)
    print(server.add_secure_port("127.0.0.1:0", credentials), flush=True)
    await server.start()
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(None)


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1])))
