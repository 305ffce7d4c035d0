"""What libpq is told about peers that vanish, and how a connection is given up that waits for one."""

from __future__ import annotations

import asyncio
import os
import select
import socket
from contextlib import suppress
from typing import Any

import psycopg

FAIL_EARLY = {
    "connect_timeout": 3,
    "keepalives_idle": 2,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": 3_000,
    "target_session_attrs": "read-write",
    "client_encoding": "utf8",
}
"""What libpq is told unless the connection string says otherwise.

A peer that has vanished is noticed in seconds, also while what was sent is not acknowledged, when keepalives do not run
(RFC 5482). Of several hosts it is the primary that is connected to. Texts are UTF-8, whatever a database was made for.
"""


def parameters_of(conninfo: str) -> dict[str, Any]:
    """Returns the parameters of a libpq connection string or URL, with those of `FAIL_EARLY` where it has none."""
    return {**FAIL_EARLY, **psycopg.conninfo.conninfo_to_dict(conninfo)}


def check(connection: psycopg.Connection[Any]) -> None:
    """Raises psycopg.OperationalError where the server has ended the connection.

    A server that ends says so, or its kernel does: only then there is something to read, and the server is asked. One
    that has vanished is noticed by the next statement as early as by a question.
    """
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    if waiting.poll(0):
        connection.execute(b"")


async def readable(fileno: int, seconds: float) -> None:
    """Waits until there is something to read, and so long at most.

    psycopg's own wait for news wakes ten times a second meanwhile.
    """
    loop, heard = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(fileno, heard.set)
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await heard.wait()
    finally:
        loop.remove_reader(fileno)


def shut(connection: psycopg.Connection[Any]) -> None:
    """Ends a connection under a thread that waits for its server: the thread gets an OperationalError at once."""
    with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as own:
        own.shutdown(socket.SHUT_RDWR)
