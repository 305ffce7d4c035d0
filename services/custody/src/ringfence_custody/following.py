"""Whom custody follows: identity for who may have money and act, payment-instruction for what banks tell."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial

from ringfence_kernel.feed import FOR_THE_RECORD, Follower
from ringfence_kernel.feed.hearing import Hearing
from ringfence_kernel.rpc.health import Check
from ringfence_kernel.service import EventSourced, Runtime, Task, follow, when_possible
from ringfence_kernel.store import EventStore, Head, load_cursor

from ringfence_custody.ledger.adapters import identity_feed
from ringfence_custody.ledger.application.commands import Commands
from ringfence_custody.reconciliation.adapters import payment_feed
from ringfence_custody.reconciliation.application.noting import Noting
from ringfence_custody.settings import CustodySettings


@dataclass(frozen=True, slots=True)
class Following:
    """A follower with the task that follows, and the checks that it has not halted and that its source answers."""

    follower: Follower
    task: Task
    checks: tuple[Check, Check]


async def follow_identity(
    runtime: Runtime[CustodySettings], core: EventSourced, commands: Commands, hearing: Hearing
) -> Following:
    """Wires the follower of who may have money, and who may act."""
    cursor = partial(cursor_of, core.store, identity_feed.CURSOR)
    follower = runtime.follower(
        "identity",
        identity_feed.take_over(commands),
        await cursor(),
        hears=lambda: core.doorbell.connected,
        hearing=hearing,
    )
    return Following(follower, *follow(follower, cursor))


async def follow_payments(runtime: Runtime[CustodySettings], core: EventSourced, noting: Noting) -> Following:
    """Wires the follower of what banks tell."""
    cursor = partial(cursor_of, core.store, payment_feed.CURSOR)
    follower = runtime.follower(
        "payment-instruction",
        payment_feed.take_over(noting),
        await cursor(),
        hears=lambda: core.doorbell.connected,
        looking=FOR_THE_RECORD,
    )
    return Following(follower, *follow(follower, cursor))


async def cursor_of(store: EventStore, name: str) -> Head:
    """Returns how far this service has followed another, in whichever of its processes."""
    return await when_possible(lambda: asyncio.to_thread(load_cursor, store, name))
