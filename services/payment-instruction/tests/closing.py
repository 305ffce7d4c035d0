"""What tests of closed payments have in common: little room in memory, and ways to fill it."""

from __future__ import annotations

import asyncio
import random

from ringfence_kernel.service import rebuild
from ringfence_kernel.service.event_sourced import store_digest
from ringfence_payment_instruction.bootstrap import MODELS
from ringfence_payment_instruction.modules import ModuleStates, event_codec
from ringfence_payment_instruction.submissions.adapters.archive import StoredArchive
from ringfence_payment_instruction.submissions.domain.state import State
from ringfence_payment_instruction.submissions.domain.status import Status
from ringfence_payment_instruction.submissions.domain.submission import stream_of

from .world import (
    PLATFORM,
    TENANT,
    World,
    an_id,
    order,
)

REST = 3
"""Closed instructions that stay in memory."""


async def settle(world: World, *names: str) -> None:
    """Pays one cent each, in submissions of their own, one after the other, until all is durable."""
    for name in names:
        await world.submit_batch(PLATFORM, an_id(f"s {name}"), [order(name, 1)])
        await world.until(lambda name=name: is_closed(world, name))
    await world.writer.commit(lambda unit: None)


def is_closed(world: World, name: str) -> bool:
    """Tells whether a payment's submission has come to its end, in memory or beyond."""
    submission = world.states.submissions.submission(stream_of(TENANT, an_id(f"s {name}")))
    return submission is None or submission.is_closed()


async def fill(world: World) -> None:
    """Closes enough other payments for everything before them to leave memory."""
    await settle(world, *(f"filler {random.randbytes(4).hex()}" for _ in range(REST + 1)))


async def get(world: World, *names: str) -> list[tuple[Status, str]]:
    """Returns where payments stand, as a caller is told."""
    found = await world.application.reads.get(TENANT, [an_id(name) for name in names])
    return [(Status(each.state.status), each.state.reason) for each in found]


async def is_same(world: World) -> dict[str, int]:
    """Returns what `rebuild --verify` finds to differ."""
    await world.writer.commit(lambda unit: store_digest(world.writer, unit))
    await world.until(lambda: world.projector.position >= world.writer.head.position)
    states = ModuleStates(State(StoredArchive(world.store, event_codec()).reopen, world.rest_rows))
    report = await asyncio.to_thread(rebuild, world.store, event_codec(), states.together(), MODELS, compare=True)
    return {name: count for name, count in report.differences.items() if count}


def stream_named(name: str) -> bytes:
    """Returns the stream of a payment's submission."""
    return stream_of(TENANT, an_id(f"s {name}"))
