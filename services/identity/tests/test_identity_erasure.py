"""Erasure reaches the keys in memory, whatever happens to the call that asked for it."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from ringfence_identity.aliases.application.commands import AliasCommands
from ringfence_identity.aliases.application.ports import AccountOwner
from ringfence_identity.aliases.application.two_people import AliasActs
from ringfence_identity.aliases.domain.state import Retired
from ringfence_identity.modules import event_codec
from ringfence_identity.parties.adapters.signed_log import SignedLog
from ringfence_identity.parties.application import erasing as erasing_module
from ringfence_identity.parties.application.commands import key_forgetter
from ringfence_identity.parties.application.erasing import Erasing, ErasingProposals, ErasurePorts
from ringfence_identity.parties.application.ports import Registered
from ringfence_identity.parties.application.recording import record_of_party
from ringfence_identity.parties.domain import parties
from ringfence_identity.parties.domain.erasing import Looked, Retention
from ringfence_identity.parties.domain.errors import (
    ErasureNotLogged,
    ErasureRegisterUnavailable,
    ErasureRegisterWrong,
)
from ringfence_identity.parties.domain.events import PartyErased
from ringfence_kernel.proposals.application import Decision, Proposals, Verdict
from ringfence_kernel.rpc.errors import RemoteError
from ringfence_kernel.store import Head, StoredEvent
from ringfence_kernel.values.clock import SystemClock
from ringfence_kernel.values.errors import StoreUnavailable
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.writing.writer import GroupWriter
from ringfence_protos.audit.v1.taken_over_pb2 import GetTakenOverResponse
from structlog.testing import capture_logs

from .conftest import World

PARTY, THEIR_ID, INDEX = b"some party......", b"the tenant's id.", b"index-of-an-iban"


class SlowStore:
    """An event store whose commit waits for the test."""

    def __init__(self) -> None:
        self.asked, self.go_on = threading.Event(), threading.Event()

    def append(self, position: int, events: Sequence[Any], *_: Any) -> Head:
        """Commits when told to."""
        self.asked.set()
        assert self.go_on.wait(10)
        return Head(1, position + len(events), bytes(32))


class FailingStore(SlowStore):
    """An event store that commits nothing, and holds nothing."""

    def append(self, position: int, events: Sequence[Any], *_: Any) -> Head:
        """Fails when told to, unless there is nothing to commit."""
        self.asked.set()
        assert self.go_on.wait(10)
        raise StoreUnavailable

    def replay(self, *_: Any) -> Iterator[Any]:
        """Yields nothing."""
        return iter(())

    def head(self) -> Head:
        """Stands at the beginning."""
        return Head(1, 0, bytes(32))


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

    def __init__(self) -> None:
        self.added: list[Registered] = []
        self.read_of: list[bytes] = []
        self.marked = self.kept = b""
        self.is_away = False
        self.signed = 0
        self.asked_for: list[int] = []

    async def has(self, position: int, warned: set[str]) -> bool:
        """Has signed as far as the test says."""
        self.asked_for.append(position)
        return position <= self.signed

    async def look(self, tenant: bytes, parties: Mapping[bytes, bytes], at_ns: int) -> dict[bytes, Looked]:
        """Sees nothing."""
        return {}

    async def erased_as(self, subjects: Sequence[bytes]) -> dict[bytes, bytes]:
        """Names everybody by the tenant's id."""
        return dict.fromkeys(subjects, THEIR_ID)

    async def last_events(self, subjects: Sequence[bytes]) -> dict[bytes, int]:
        """Knows none."""
        return {}

    def add(self, erased: Registered) -> None:
        """Keeps whom it is given, unless it is away."""
        if self.is_away:
            raise ErasureRegisterUnavailable
        self.added.append(erased)

    def mark(self, marker: bytes) -> None:
        """Takes a marker once."""
        self.marked = self.marked or marker

    def marker(self) -> bytes:
        """Returns the register's marker."""
        return self.marked

    def keep(self, marker: bytes) -> None:
        """Notes which register it is, in the database."""
        self.kept = self.kept or marker

    def known(self) -> bytes:
        """Returns which register it was."""
        return self.kept

    def subjects(self) -> Iterator[bytes]:
        """Yields the party."""
        yield PARTY

    def read(self, subject: bytes) -> Registered:
        """Returns what is kept of the party."""
        self.read_of.append(subject)
        return Registered(PARTY, World.platform, THEIR_ID, (INDEX,))


async def test_a_key_is_forgotten_although_the_caller_has_gone(world: Any) -> None:
    """A call that ends between its decision and its commit still drops the destroyed key from memory."""
    world.happens(parties.register(*world.of_parties, world.party(PARTY), world.server(world.platform)))
    world.journal.clear()
    store, keys = SlowStore(), Keys()
    writer, erasing_again = erasing_over(world, store, keys, Outside())
    running = asyncio.create_task(writer.run())
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


async def test_what_is_not_committed_is_not_in_the_register(world: Any) -> None:
    """An erasure whose commit fails never happened, and the register, which keeps for good, has not heard of it."""
    world.happens(parties.register(*world.of_parties, world.party(PARTY), world.server(world.platform)))
    world.journal.clear()
    store, outside = FailingStore(), Outside()
    writer, erasing = erasing_over(world, store, Keys(), outside)
    running = asyncio.create_task(writer.run())
    erased = PartyErased(world.platform, PARTY, world.alice)
    failing = asyncio.create_task(writer.commit(lambda unit: unit.record(PARTY, erased)))
    await asyncio.to_thread(store.asked.wait, 10)
    settling = asyncio.create_task(erasing.settle())
    await asyncio.sleep(0)
    store.go_on.set()
    assert isinstance((await asyncio.gather(failing, return_exceptions=True))[0], StoreUnavailable)
    await asyncio.gather(settling, return_exceptions=True)
    assert outside.added == []
    running.cancel()


async def replayed(world: Any, outside: Outside) -> list[Recorded]:
    """Has a new leader read the register, with a store that commits; returns what was recorded."""
    recorded: list[Recorded] = []
    store = SlowStore()
    store.go_on.set()
    writer, erasing = erasing_over(world, store, Keys(), outside)
    writer.subscribe(recorded.extend)
    running = asyncio.create_task(writer.run())
    await erasing.replay()
    running.cancel()
    return recorded


@pytest.mark.parametrize("known", [True, False])
async def test_a_restored_database_learns_what_the_register_says(world: Any, known: bool) -> None:
    """The tombstone has the tenant's own id, IBANs stay taken, and what is known already is not read again."""
    if known:
        world.happens(parties.register(*world.of_parties, world.party(PARTY), world.server(world.platform)))
        world.journal.clear()
    outside = Outside()
    recorded = await replayed(world, outside)
    assert world.aliases.retired[INDEX] == Retired(world.platform, PARTY)
    assert [each.event.party for each in recorded if isinstance(each.event, PartyErased)] == [THEIR_ID] * known
    assert list(world.parties.erased) == ([PARTY] if known else [])
    await replayed(world, outside)
    assert outside.read_of == ([PARTY] if known else [PARTY, PARTY])


@pytest.mark.parametrize("found", [b"", b"another-register"])
async def test_nobody_leads_with_an_empty_or_another_register(world: Any, found: bytes) -> None:
    """Once a database has used a register, one without its marker is refused, and gets none."""
    outside = Outside()
    await replayed(world, outside)
    assert outside.kept == outside.marked != b""
    outside.marked = found
    with pytest.raises(ErasureRegisterWrong):
        await replayed(world, outside)
    assert outside.marked == found


async def test_an_erasure_is_told_once_the_log_has_signed_it(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the log it stands, and is answered as not logged within a bound; who asks again is told when it is."""
    monkeypatch.setattr(erasing_module, "LOGGED_SECONDS", 0.3)
    world.happens(parties.register(*world.of_parties, world.party(PARTY), world.server(world.platform)))
    world.journal.clear()
    outside, store = Outside(), SlowStore()
    store.go_on.set()
    writer, erasing = erasing_over(world, store, Keys(), outside)
    running = asyncio.create_task(writer.run())
    await erasing.await_log()
    assert outside.asked_for == []
    await erasing.replay()
    outside.signed = writer.head.position - 1
    with pytest.raises(ErasureNotLogged):
        await erasing.await_log()
    assert list(world.parties.erased) == [PARTY]
    monkeypatch.setattr(erasing_module, "LOGGED_SECONDS", 60)
    waiting = asyncio.create_task(erasing.await_log())
    await asyncio.sleep(0.05)
    assert not waiting.done()
    outside.signed = writer.head.position
    await waiting
    assert set(outside.asked_for) == {writer.head.position}
    outside.asked_for.clear()
    await erasing.await_log()
    assert outside.asked_for == []
    running.cancel()


@pytest.mark.parametrize("away", ["the log", "the register", ""])
async def test_one_erasure_withholds_no_other_answer(world: Any, monkeypatch: pytest.MonkeyPatch, away: str) -> None:
    """What else was decided with it is told as it was, and so is an erasure that was refused; it alone is not done."""
    monkeypatch.setattr(erasing_module, "LOGGED_SECONDS", 0.2)
    world.happens(parties.register(*world.of_parties, world.party(PARTY), world.server(world.platform)))
    world.journal.clear()
    outside, store = Outside(), SlowStore()
    store.go_on.set()
    writer, erasing = erasing_over(world, store, Keys(), outside)
    running = asyncio.create_task(writer.run())
    erased = PartyErased(world.platform, PARTY, world.alice)
    await writer.commit(lambda unit: record_of_party(unit, world.parties, PARTY, [erased]))
    outside.is_away = away == "the register"
    outside.signed = 0 if away == "the log" else writer.head.position
    ids = b"refused erasure.", b"erasure done....", b"something else.."
    decisions = [Decision(each, Verdict.CONFIRM) for each in ids]
    found = dict(zip(decisions, ["ERASURE_REFUSED", "", ""], strict=True))

    async def decided(self: Any, decisions: Any, caller: Any) -> list[str]:
        return [found[each] for each in decisions]

    async def prepared(self: Any, decisions: Any) -> set[bytes]:
        return {each.proposal for each in decisions if b"erasure" in each.proposal}

    monkeypatch.setattr(Proposals, "decide", decided)
    monkeypatch.setattr(Erasing, "prepare", prepared)
    proposals = ErasingProposals(writer, world.modules.proposals, erasing=erasing)
    caller: Any = None
    reason = {"the log": "ERASURE_NOT_LOGGED", "the register": "ERASURE_REGISTER_UNAVAILABLE", "": ""}[away]
    assert await proposals.decide(decisions, caller) == ["ERASURE_REFUSED", reason, ""]
    assert await proposals.decide(decisions[::2], caller) == ["ERASURE_REFUSED", ""]
    running.cancel()


class _Audit:
    """A peer that says how far it has signed, or is away."""

    def __init__(self, said: GetTakenOverResponse | RemoteError) -> None:
        self._said = said

    async def call(self, *_: Any, **__: Any) -> GetTakenOverResponse:
        """Answers."""
        if isinstance(self._said, RemoteError):
            raise self._said
        return self._said


class _History:
    """A store of three events."""

    def head(self) -> Head:
        """Stands at the third."""
        return Head(1, 3, b"3" * 32)

    def read(self, after: int, limit: int) -> list[StoredEvent]:
        """Returns events whose hashes are their positions."""
        found = range(after + 1, min(4, after + 1 + limit))
        return [StoredEvent(each, PARTY, each, "", b"", b"%d" % each * 32) for each in found]


@pytest.mark.parametrize(
    ("said", "has"),
    [
        (GetTakenOverResponse(epoch=1, position=2, hash=b"2" * 32), True),
        (GetTakenOverResponse(epoch=1, position=3, hash=b"3" * 32), True),
        (GetTakenOverResponse(epoch=1, position=1, hash=b"1" * 32), False),
        (GetTakenOverResponse(epoch=1, position=3, hash=b"2" * 32), False),
        (GetTakenOverResponse(epoch=2, position=3, hash=b"3" * 32), False),
        (GetTakenOverResponse(epoch=1, position=4, hash=b"4" * 32), False),
        (GetTakenOverResponse(), False),
        (RemoteError("UNIMPLEMENTED", "", "", {}), False),
    ],
)
async def test_the_log_is_believed_about_this_history_alone(said: Any, has: bool) -> None:
    """What it signed of an earlier history of a restored database, however far, is not what was committed now."""
    audit: Any = _Audit(said)
    history: Any = _History()
    warned = set[str]()
    with capture_logs() as logged:
        assert [await SignedLog(audit, history).has(2, warned) for _ in range(2)] == [has, has]
    assert [each["code"] for each in logged] == ([said.code] if isinstance(said, RemoteError) else [])


def erasing_over(world: Any, store: Any, keys: Any, outside: Any) -> tuple[GroupWriter, Erasing]:
    """Returns a writer over a store, and erasing with the outside given."""
    writer = GroupWriter(store, event_codec(), world.modules.states(), SystemClock())
    writer.subscribe(key_forgetter(keys))
    proposals = Proposals(writer, world.modules.proposals)
    acts = AliasActs(world.aliases, world.principal_queries, proposals)
    aliases = AliasCommands(writer, *world.of_aliases, keys, NoAccounts(), acts)
    ports = ErasurePorts(
        neighbours=outside,
        lifetimes=outside,
        register=outside,
        log=outside,
        mark=outside,
        retention=Retention({}),
        clock=SystemClock(),
    )
    return writer, Erasing(writer, *world.of_parties, keys, aliases, proposals, ports)
