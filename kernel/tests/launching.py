"""The probe as a process, with complete settings that a test may change, and what its health says."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from ringfence_local_stack.servers.openbao import OpenBaoServer

from .probe_service import SERVICE

LONGEST_SECONDS = 90
"""For as long a loaded machine may have a process start, or end."""
SERVING = health_pb2.HealthCheckResponse.SERVING
PROGRAM = Path(__file__).with_name("probe_process.py")


@dataclass
class Launcher:
    """Starts the probe's process with complete settings, which a test may change."""

    openbao: OpenBaoServer
    folder: Path
    port: int = field(default_factory=lambda: free_port())

    def __post_init__(self) -> None:
        """Writes the files that the settings name."""
        for mount in ("pki-workload", "pki-client"):
            (self.folder / f"{mount}.pem").write_text(self.openbao.authority_certificate(mount))
        self.client = self.openbao.issue_principal_certificate(str(uuid.uuid4()), self.folder)

    def environment(self, **changes: str | None) -> dict[str, str]:
        """Returns complete settings with a fresh wrapped secret-id; None takes a variable away."""
        complete: dict[str, str | None] = {
            "PATH": os.environ["PATH"],
            "RINGFENCE_SERVICE": "custody",
            "RINGFENCE_LISTEN": f"localhost:{self.port}",
            "RINGFENCE_DATABASE_URL": str(self.folder),
            "RINGFENCE_OWNER_DATABASE_URL": str(self.folder),
            **self.openbao.environment("custody", self.folder),
            "RINGFENCE_NATS_URL": "tls://localhost:1",
            "RINGFENCE_WORKLOAD_CA_FILE": str(self.folder / "pki-workload.pem"),
            "RINGFENCE_CLIENT_CA_FILE": str(self.folder / "pki-client.pem"),
            "RINGFENCE_TRUST_DOMAIN": "ringfence.local",
            "RINGFENCE_IDENTITY_ADDRESS": "localhost:1",
            "RINGFENCE_LEAVE_SECONDS": "0",
            "RINGFENCE_DRAIN_SECONDS": "5",
        }
        return {name: value for name, value in (complete | changes).items() if value is not None}

    async def start(self, *arguments: str, **changes: str | None) -> asyncio.subprocess.Process:
        """Starts one command."""
        environment = await asyncio.to_thread(self.environment, **changes)
        pipe = asyncio.subprocess.PIPE
        return await asyncio.create_subprocess_exec(
            sys.executable, str(PROGRAM), *arguments, env=environment, stdout=pipe, stderr=pipe
        )

    async def run(self, *arguments: str, **changes: str | None) -> tuple[int | None, str, str]:
        """Runs one command to its end; returns its exit code and what it said."""
        process = await self.start(*arguments, **changes)
        output, errors = await asyncio.wait_for(process.communicate(), LONGEST_SECONDS)
        return process.returncode, output.decode(), errors.decode()

    @asynccontextmanager
    async def serving(self, **changes: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, grpc.aio.Channel]]:
        """Serves, and kills what a test leaves behind."""
        process = await self.start("serve", **changes)
        credentials = grpc.ssl_channel_credentials(
            (self.folder / "pki-workload.pem").read_bytes(),
            self.client.key.read_bytes(),
            self.client.certificate.read_bytes(),
        )
        try:
            async with grpc.aio.secure_channel(f"localhost:{self.port}", credentials) as channel:
                yield process, channel
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()


def free_port() -> int:
    """Returns a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return int(probe.getsockname()[1])


async def until_health_is(channel: grpc.aio.Channel, serving: bool) -> None:
    """Waits for a state of health, within a bound."""
    stub = health_pb2_grpc.HealthStub(channel)
    request = health_pb2.HealthCheckRequest(service=SERVICE)
    async with asyncio.timeout(LONGEST_SECONDS):
        while ((await stub.Check(request, wait_for_ready=True)).status == SERVING) is not serving:
            await asyncio.sleep(0.05)


async def probed(channel: grpc.aio.Channel) -> set[str]:
    """Returns which of the names for an orchestrator say SERVING."""
    stub, names = health_pb2_grpc.HealthStub(channel), ("live", "ready", "lead")
    requests = [health_pb2.HealthCheckRequest(service=name) for name in names]
    replies = [await stub.Check(request, timeout=10, wait_for_ready=True) for request in requests]
    return {name for name, reply in zip(names, replies, strict=True) if reply.status == SERVING}
