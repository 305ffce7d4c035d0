"""Stores a digest of the state now and then, for `rebuild --verify` to compare with."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import psycopg
from ringfence_kernel import logs
from ringfence_kernel.errors import DomainError
from ringfence_kernel.writer import GroupWriter, Unit

PAUSE_SECONDS = 5.0
SHARE_OF_TIME = 0.01

_LOG = logs.get(__name__)


async def keep_digests(writer: GroupWriter) -> None:
    """Stores a digest whenever there is news, until cancelled; spends about one hundredth of the time on it."""
    last_position, pause = 0, PAUSE_SECONDS
    while True:
        await asyncio.sleep(pause)
        if writer.head.position == last_position:
            continue
        try:
            last_position, spent_seconds = await writer.submit(lambda unit: store_digest(writer, unit))
        except DomainError as error:
            _LOG.warning("digest_not_stored", reason=error.reason)
            continue
        pause = max(PAUSE_SECONDS, spent_seconds / SHARE_OF_TIME)


def store_digest(writer: GroupWriter, unit: Unit) -> tuple[int, float]:
    """Stores the digest of everything decided so far, in the commit that makes it durable.

    Returns the position that it is for, and the seconds spent.
    """
    started = time.monotonic()
    position, digest = writer.head.position + len(unit.events), writer.state.digest()

    def insert(connection: psycopg.Connection[Any]) -> None:
        connection.execute("INSERT INTO state_digests VALUES (%s, %s) ON CONFLICT DO NOTHING", (position, digest))

    unit.commit_also(insert)
    return position, time.monotonic() - started
