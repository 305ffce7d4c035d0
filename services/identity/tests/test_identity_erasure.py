"""Erasure reaches the keys in memory, whatever happens to the call that asked for it."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ringfence_identity.aliases.application.commands import AliasCommands
from ringfence_identity.aliases.application.ports import AccountOwner
from ringfence_identity.aliases.application.two_people import AliasActs
from ringfence_identity.modules import event_codec
from ringfence_identity.parties.application.commands import key_forgetter
from ringfence_identity.parties.application.erasing import Erasing, ErasurePorts
from ringfence_identity.parties.application.ports import Registered
from ringfence_identity.parties.domain import parties
from ringfence_identity.parties.domain.erasing import Looked, Retention
from ringfence_kernel.proposals.application import Proposals
from ringfence_kernel.store import Head
from ringfence_kernel.values.clock import SystemClock
from ringfence_kernel.writing.writer import GroupWriter

from .conftest import World

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


class NoAccounts:
    """Knows of no account."""

    async def owners(self, tenant: bytes, accounts: Sequence[bytes]) -> dict[bytes, AccountOwner]:
        """Knows none."""
        return {}


class Outside:
    """Names one party as erased, and has nothing else to say."""

    async def look(self, tenant: bytes, parties: Mapping[bytes, bytes], at_ns: int) -> dict[bytes, Looked]:
        """Sees nothing."""
        return {}

    async def last_events(self, subjects: Sequence[bytes]) -> dict[bytes, int]:
        """Knows none."""
        return {}

    def add(self, erased: Registered) -> None:
        """Has everybody already."""

    def entries(self) -> Iterator[Registered]:
        """Yields the party."""
        yield Registered(PARTY, World.platform)


async def test_a_key_is_forgotten_although_the_caller_has_gone(world: Any) -> None:
    """A call that ends between its decision and its commit still drops the destroyed key from memory."""
    world.happens(parties.register(*world.of_parties, world.party(PARTY), world.server(world.platform)))
    world.journal.clear()
    store, keys = SlowStore(), Keys()
    writer = GroupWriter(store, event_codec(), world.modules.states(), SystemClock())  # type: ignore[arg-type]
    writer.subscribe(key_forgetter(keys))  # type: ignore[arg-type]
    running = asyncio.create_task(writer.run())
    proposals = Proposals(writer, world.modules.proposals)
    acts = AliasActs(world.aliases, proposals)
    aliases = AliasCommands(writer, *world.of_aliases, keys, NoAccounts(), acts)  # type: ignore[arg-type]
    outside = Outside()
    ports = ErasurePorts(
        neighbours=outside, lifetimes=outside, register=outside, retention=Retention({}), clock=SystemClock()
    )
    erasing_again = Erasing(writer, *world.of_parties, keys, aliases, proposals, ports)  # type: ignore[arg-type]
    erasing = asyncio.create_task(erasing_again.replay())
    await asyncio.to_thread(store.asked.wait, 10)
    erasing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await erasing
    assert keys.forgotten == []
    store.go_on.set()
    await writer.commit(lambda unit: None)
    assert keys.forgotten == [PARTY]
    running.cancel()
