"""Where the services' telemetry goes: a collector in a process of its own that answers everything and keeps nothing.

It counts spans by looking for their bytes, so that the result can tell whether every call was traced.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc

METHOD = "ringfence.custody.v1.CustodyService/CreateTransfers"
# Field 5 of a span, its name, then field 6, its kind: the text also stands in an attribute and in callers' spans.
SERVER_SPAN = bytes([5 << 3 | 2, len(METHOD)]) + METHOD.encode() + bytes([6 << 3, 2])
SERVICES = ("trace.v1.TraceService", "metrics.v1.MetricsService")
COUNT, COUNT_SECONDS = "/bench.Sink/Count", 10


@dataclass(frozen=True)
class Sink:
    """A running sink."""

    endpoint: str
    pid: int

    def spans(self) -> int:
        """Returns how many spans of CreateTransfers have come in."""
        with grpc.insecure_channel(self.endpoint.removeprefix("http://")) as channel:
            call: Any = channel.unary_unary(COUNT)
            return int(call(b"", timeout=COUNT_SECONDS))


@contextmanager
def sink() -> Iterator[Sink]:
    """Starts a sink for as long as the block lasts; it ends with this process in any case."""
    command, pipe = [sys.executable, "-m", "bench.sink"], subprocess.PIPE
    # A session of its own: Ctrl-C is for the benchmark, which then closes its standard input.
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, start_new_session=True) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            yield Sink(f"http://127.0.0.1:{int(child.stdout.readline())}", child.pid)
        finally:
            child.stdin.close()


def serve() -> None:
    """Listens on a free port, prints it, and answers until standard input ends."""
    spans = 0

    def export(request: bytes, context: Any) -> bytes:
        nonlocal spans
        spans += request.count(SERVER_SPAN)
        return b""

    server = grpc.server(ThreadPoolExecutor(1))
    for service in SERVICES:
        handlers: dict[str, Any] = {"Export": grpc.unary_unary_rpc_method_handler(export)}
        name = f"opentelemetry.proto.collector.{service}"
        server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(name, handlers)])
    counting: dict[str, Any] = {
        "Count": grpc.unary_unary_rpc_method_handler(lambda request, context: str(spans).encode())
    }
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("bench.Sink", counting)])
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    server.start()
    sys.stdin.read()
    server.stop(None)


if __name__ == "__main__":
    serve()
