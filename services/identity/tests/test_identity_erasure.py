"""Erasure reaches the keys in memory, whatever happens to the call that asked for it."""

import asyncio
import contextlib
import threading
from collections.abc import Sequence
from typing import Any

from ringfence_identity.aliases.application.commands import AliasCommands
from ringfence_identity.modules import event_codec
from ringfence_identity.parties.adapters.stored_personal import StoredPersonal
from ringfence_identity.parties.application.commands import PartyCommands, key_forgetter
from ringfence_identity.parties.domain import parties
from ringfence_kernel.proposals.application import Proposals
from ringfence_kernel.store import Head
from ringfence_kernel.values.clock import SystemClock
from ringfence_kernel.writing.looking_up import Knowing, LookUps
from ringfence_kernel.writing.recent import LookedUp
from ringfence_kernel.writing.writer import GroupWriter

PARTY = b"some party......"


class SlowStore:
    """An event store whose commit waits for the test."""

    def __init__(self) -> None:
        self.asked, self.go_on = threading.Event(), threading.Event()

    def append(self, position: int, events: Sequence[Any], *_: Any) -> Head:
        """Commits when told to."""
        self.asked.set()
        assert self.go_on.wait(10)
        return Head(1, position + len(events), bytes(32))


class Keys:
    """Remembers what was to be forgotten."""

    def __init__(self) -> None:
        self.forgotten: list[bytes] = []

    def destruction(self, subject: bytes) -> Any:
        """Returns statements that nobody runs here."""
        return lambda connection: None

    def forget(self, subjects: Sequence[bytes]) -> None:
        """Notes the subjects."""
        self.forgotten += subjects


async def test_a_key_is_forgotten_although_the_caller_has_gone(world: Any) -> None:
    """A call that ends between its decision and its commit still drops the destroyed key from memory."""
    world.happens(parties.register(*world.of_parties, world.party(PARTY), world.server(world.platform)))
    world.journal.clear()
    store, keys = SlowStore(), Keys()
    writer = GroupWriter(store, event_codec(), world.modules.states(), SystemClock())  # type: ignore[arg-type]
    writer.subscribe(key_forgetter(keys))  # type: ignore[arg-type]
    running = asyncio.create_task(writer.run())
    aliases = AliasCommands(writer, *world.of_aliases, keys)  # type: ignore[arg-type]
    personal = StoredPersonal(store, event_codec())  # type: ignore[arg-type]
    decisions = Knowing(writer, world.parties.kyc_decisions, LookUps(lambda keys: LookedUp(0)))
    commands = PartyCommands(
        writer,
        *world.of_parties,
        keys,  # type: ignore[arg-type]
        personal,
        aliases,
        decisions,
        Proposals(writer, world.modules.proposals),
    )
    erasing = asyncio.create_task(commands.erase(world.platform, [PARTY], world.alice))
    await asyncio.to_thread(store.asked.wait, 10)
    erasing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await erasing
    assert keys.forgotten == []
    store.go_on.set()
    await writer.commit(lambda unit: None)
    assert keys.forgotten == [PARTY]
    running.cancel()
