"""Serves the console on the loopback address, for whoever has started it, until it is stopped."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread

import uvicorn
from ringfence_console import Host, OneTimeLink, console
from ringfence_console.guard import ENTRANCE

LOOPBACK = "127.0.0.1"
Told = Callable[[str], None]
"""Is told each link that lets a browser in, which works once."""


def serve(host: Host, told: Told, port: int = 0) -> None:
    """Serves a host until Ctrl-C; port 0 takes a free one."""
    with socket.create_server((LOOPBACK, port)) as listening:
        _server(host, told, listening).run([listening])


@contextmanager
def served(host: Host, told: Told, port: int = 0) -> Iterator[OneTimeLink]:
    """Serves a host beside what else is done, and gives what lets browsers in."""
    with socket.create_server((LOOPBACK, port)) as listening:
        server = _server(host, told, listening)
        thread = Thread(target=server.run, args=([listening],), name="console", daemon=True)
        thread.start()
        try:
            yield server.admission
        finally:
            server.should_exit = True
            thread.join()


class _Server(uvicorn.Server):
    """A server that knows who is let in."""

    def __init__(self, config: uvicorn.Config, admission: OneTimeLink) -> None:
        super().__init__(config)
        self.admission = admission


def _server(host: Host, told: Told, listening: socket.socket) -> _Server:
    address = f"{LOOPBACK}:{listening.getsockname()[1]}"
    admission = OneTimeLink(lambda key: told(f"http://{address}{ENTRANCE}?key={key}"))
    # No access log: it would have the link in it.
    settings = uvicorn.Config(
        console(host, admission, [address]),
        access_log=False,
        log_level="warning",
        server_header=False,
        lifespan="off",
        ws="none",
    )
    return _Server(settings, admission)
