"""The administrator's few words with NATS: make the JetStream streams and, for drills, list and delete them all.

Speaks the client protocol (INFO, CONNECT, SUB, PUB, MSG) over TLS with the administrator's certificate; the stack thus
needs no NATS library.
"""

import json
import secrets
import socket
import ssl
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from io import BufferedRWPair
from pathlib import Path
from typing import Any

from ringfence_local_stack.errors import LocalStackError
from ringfence_local_stack.processes.ports import LOOPBACK
from ringfence_local_stack.servers.certificates import CertificateFiles
from ringfence_local_stack.servers.nats_streams import Stream

_SECONDS = 5.0


class NatsAdmin:
    """Requests to the JetStream API as the administrator; each opens its own connection."""

    def __init__(self, port: int, ca_file: Path, certificate: CertificateFiles) -> None:
        self._port = port
        self._tls = ssl.create_default_context(cafile=str(ca_file))
        self._tls.load_cert_chain(certificate.certificate, certificate.key)

    def stream_names(self) -> list[str]:
        """Names of all JetStream streams."""
        return list(self.request("$JS.API.STREAM.NAMES").get("streams") or [])

    def make_streams(self, streams: Iterable[Stream]) -> None:
        """Makes the streams that are missing and brings the others to their definition, messages kept.

        Raises LocalStackError where NATS refuses one, as it does more replicas than it has servers.
        """
        there = self.stream_names()
        for stream in streams:
            verb = "UPDATE" if stream.name in there else "CREATE"
            self.request(f"$JS.API.STREAM.{verb}.{stream.name}", stream.configuration())

    def delete_streams(self) -> list[str]:
        """Deletes every stream with all its messages; returns their names."""
        names = self.stream_names()
        for name in names:
            self.request(f"$JS.API.STREAM.DELETE.{name}")
        return names

    def request(self, subject: str, content: Mapping[str, object] | None = None) -> dict[str, Any]:
        """Sends a request, empty or JSON, and returns the answer; raises LocalStackError on a refusal, or OSError."""
        payload = b"" if content is None else json.dumps(content).encode()
        with self._connection() as stream:
            inbox = f"_INBOX.{secrets.token_hex(8)}"
            connect = json.dumps({"verbose": False, "pedantic": False, "lang": "python", "version": "1"})
            publish = f"CONNECT {connect}\r\nSUB {inbox} 1\r\nPUB {subject} {inbox} {len(payload)}\r\n"
            stream.write(publish.encode() + payload + b"\r\n")
            stream.flush()
            answer: dict[str, Any] = json.loads(_first_message(stream))
        if "error" in answer:
            raise LocalStackError(f"NATS refused {subject}: {answer['error'].get('description')}")
        return answer

    @contextmanager
    def _connection(self) -> Iterator[BufferedRWPair]:
        with socket.create_connection((LOOPBACK, self._port), _SECONDS) as plain:
            read_info(plain)
            with self._tls.wrap_socket(plain, server_hostname=LOOPBACK) as secure, secure.makefile("rwb") as stream:
                yield stream


def read_info(plain: socket.socket) -> dict[str, Any]:
    """The server's greeting, read byte by byte because TLS begins right after it."""
    line = b""
    while not line.endswith(b"\r\n"):
        byte = plain.recv(1)
        if not byte:
            raise ConnectionError("NATS closed the connection")
        line += byte
    greeting: dict[str, Any] = json.loads(line.removeprefix(b"INFO "))
    return greeting


def _first_message(stream: BufferedRWPair) -> bytes:
    while line := stream.readline():
        word, *rest = line.split()
        if word == b"MSG":
            return stream.read(int(rest[-1]))
        if word == b"-ERR":
            raise LocalStackError(f"NATS refused: {line.decode().strip()}")
        if word == b"PING":
            stream.write(b"PONG\r\n")
            stream.flush()
    raise ConnectionError("NATS closed the connection")
