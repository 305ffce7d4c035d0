"""The administrator's few words with NATS: read and make the JetStream streams and, for drills, delete them all.

Speaks the client protocol (INFO, CONNECT, SUB, PUB, MSG) over TLS with the administrator's certificate; whoever makes
streams thus needs no NATS library.
"""

from __future__ import annotations

import json
import secrets
import socket
import ssl
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BufferedRWPair
from pathlib import Path
from typing import Any

from ringfence_bootstrap.description import NATS_ADMIN
from ringfence_bootstrap.errors import NatsRefused
from ringfence_bootstrap.nats.accounts import inbox_prefix
from ringfence_bootstrap.nats.streams import Stream

_SECONDS = 5.0


class NatsAdmin:
    """Requests to the JetStream API as the administrator; each opens a connection to the first server that answers."""

    def __init__(self, servers: Sequence[tuple[str, int]], ca_file: Path, certificate: Path, key: Path) -> None:
        """Takes (host, port) of each server, the authority of their certificates, and one's own."""
        self._servers = servers
        self._tls = ssl.create_default_context(cafile=str(ca_file))
        self._tls.load_cert_chain(certificate, key)

    def stream_names(self) -> list[str]:
        """Names of all JetStream streams."""
        return list(self.request("$JS.API.STREAM.NAMES").get("streams") or [])

    def configuration(self, stream: str) -> dict[str, Any]:
        """The configuration of a stream that is there."""
        config: dict[str, Any] = self.request(f"$JS.API.STREAM.INFO.{stream}")["config"]
        return config

    def make_stream(self, stream: Stream) -> None:
        """Makes a stream; raises NatsRefused, for more replicas than the cluster has servers too."""
        self.request(f"$JS.API.STREAM.CREATE.{stream.name}", stream.configuration())

    def mend_stream(self, stream: Stream) -> None:
        """Brings a stream that is there to its definition, messages kept; raises NatsRefused."""
        self.request(f"$JS.API.STREAM.UPDATE.{stream.name}", stream.configuration())

    def make_streams(self, streams: Iterable[Stream]) -> None:
        """Makes the streams that are missing and brings the others to their definition; raises NatsRefused."""
        there = self.stream_names()
        for stream in streams:
            (self.mend_stream if stream.name in there else self.make_stream)(stream)

    def delete_streams(self) -> list[str]:
        """Deletes every stream with all its messages; returns their names."""
        names = self.stream_names()
        for name in names:
            self.request(f"$JS.API.STREAM.DELETE.{name}")
        return names

    def request(self, subject: str, content: Mapping[str, object] | None = None) -> dict[str, Any]:
        """Sends a request, empty or JSON, and returns the answer; raises NatsRefused, or OSError."""
        payload = b"" if content is None else json.dumps(content).encode()
        with self._connection() as stream:
            inbox = f"{inbox_prefix(NATS_ADMIN)}.{secrets.token_hex(8)}"
            connect = json.dumps({"verbose": False, "pedantic": False, "lang": "python", "version": "1"})
            publish = f"CONNECT {connect}\r\nSUB {inbox} 1\r\nPUB {subject} {inbox} {len(payload)}\r\n"
            stream.write(publish.encode() + payload + b"\r\n")
            stream.flush()
            answer: dict[str, Any] = json.loads(_first_message(stream))
        if "error" in answer:
            raise NatsRefused(f"NATS refused {subject}: {answer['error'].get('description')}")
        return answer

    @contextmanager
    def _connection(self) -> Iterator[BufferedRWPair]:
        host, plain = self._connect()
        with plain:
            read_info(plain)
            with self._tls.wrap_socket(plain, server_hostname=host) as secure, secure.makefile("rwb") as stream:
                yield stream

    def _connect(self) -> tuple[str, socket.socket]:
        refused: OSError | None = None
        for host, port in self._servers:
            try:
                return host, socket.create_connection((host, port), _SECONDS)
            except OSError as error:
                refused = error
        raise refused or OSError("no server is named")


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
            raise NatsRefused(f"NATS refused: {line.decode().strip()}")
        if word == b"PING":
            stream.write(b"PONG\r\n")
            stream.flush()
    raise ConnectionError("NATS closed the connection")
