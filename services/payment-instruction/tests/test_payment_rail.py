"""Messages to the bank and from it: kept before they travel, delivered once, and no longer readable afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import obstore
import psycopg
import pytest
from ringfence_kernel.values.errors import StoreUnavailable
from ringfence_local_stack.servers.database import Database
from ringfence_local_stack.servers.seaweed import SeaweedServer
from ringfence_payment_instruction.rail.adapters.object_store import ObjectRail
from ringfence_payment_instruction.rail.adapters.spool import TOMBSTONE, SpoolRail
from ringfence_payment_instruction.rail.application.inbox import pause_seconds
from ringfence_payment_instruction.rail.application.ports import Rail, Sealed
from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.status import Directive, Stage, Status
from ringfence_payment_instruction.submissions.domain.submission import transfer_id_of

from .fakes import FakeSeals
from .messages import camt_054, entry
from .test_payment_application import bank_answers, submit
from .test_rail import Objects
from .world import BANK, BANK_FEED, BORIS, PLATFORM, STRANGER, TENANT, World, an_id, migrate

STEPS = (
    "before the message is sealed",
    "when it is sealed",
    "before the directive is committed",
    "when it is committed",
    "before the kept message is opened",
    "before it is delivered",
    "when it is delivered",
    "before the receipt is committed",
    "when it is committed",
)


class Fuse:
    """Ends a process at one of its steps: from then on nothing that it asks for is done."""

    def __init__(self, at: int) -> None:
        """Blows at a step, counted from 0."""
        self._left = at
        self.steps = 0
        self.is_blown = False

    def step(self) -> None:
        """Goes on, or raises."""
        if not self.is_blown:
            self.steps += 1
            self.is_blown = self.steps > self._left
        if self.is_blown:
            raise StoreUnavailable("the process has ended")


class FusedRail:
    """A rail of a process that may end."""

    def __init__(self, rail: Rail, fuse: Fuse) -> None:
        self._rail, self._fuse = rail, fuse

    def deliver(self, message_id: str, content: bytes) -> str | None:
        self._fuse.step()
        receipt = self._rail.deliver(message_id, content)
        self._fuse.step()
        return receipt

    def withdraw(self, message_id: str) -> bool:
        self._fuse.step()
        is_withdrawn = self._rail.withdraw(message_id)
        self._fuse.step()
        return is_withdrawn

    def pending(self) -> list[str]:
        return []


class FusedSeals(FakeSeals):
    """The seals of a process that may end."""

    def __init__(self, fuse: Fuse) -> None:
        super().__init__()
        self._fuse = fuse

    async def seal(self, message: bytes, field: str, content: bytes) -> Sealed:
        self._fuse.step()
        sealed = await super().seal(message, field, content)
        self._fuse.step()
        return sealed

    async def unseal(self, message: bytes, field: str, sealed: Sealed) -> bytes:
        self._fuse.step()
        return await super().unseal(message, field, sealed)


class FusedStore:
    """The store of a process that may end, once the first message is sealed."""

    def __init__(self, store: Any, fuse: Fuse) -> None:
        self._store, self._fuse = store, fuse

    def append(self, *arguments: Any) -> Any:
        if not self._fuse.steps:
            return self._store.append(*arguments)
        self._fuse.step()
        head = self._store.append(*arguments)
        self._fuse.step()
        return head

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class Bank:
    """Takes messages out of a place, and leaves their names."""

    def __init__(self, rail: Callable[[], Rail], look: Callable[[], dict[str, bytes]]) -> None:
        self.rail, self._look = rail, look
        self.taken: list[bytes] = []
        self.empty: Callable[[str], object] = lambda name: None

    def take(self) -> None:
        """Takes what is there."""
        for name, content in self._look().items():
            if content not in (b"", TOMBSTONE):
                self.taken.append(content)
                self.empty(name)


@pytest.fixture
def folder_bank(tmp_path: Path) -> Bank:
    """A bank that shares a folder."""
    outbox = tmp_path / "outbox"
    bank = Bank(lambda: SpoolRail(tmp_path), lambda: {each.name: each.read_bytes() for each in outbox.glob("*.xml")})
    bank.empty = lambda name: (outbox / name).write_bytes(b"")
    return bank


@pytest.fixture
def bucket_bank(seaweed_server: SeaweedServer) -> Bank:
    """A bank that shares a bucket."""
    shared = Objects(seaweed_server)
    bucket, store = shared.bucket, shared.store

    def look() -> dict[str, bytes]:
        found = [each["path"] for page in obstore.list(store, prefix=f"{bucket.prefix}outbox/") for each in page]
        return {name: bytes(obstore.get(store, name).bytes()) for name in found}

    bank = Bank(lambda: ObjectRail(bucket), look)
    bank.empty = lambda name: obstore.put(store, name, b"")
    return bank


async def start_fused(world: World, bank: Bank, at: int) -> Fuse:
    """Starts a process that ends at a step of sending."""
    fuse = Fuse(at)
    world.rail, world.seals = FusedRail(bank.rail(), fuse), FusedSeals(fuse)  # type: ignore[assignment]
    await world.restart()
    world.writer.store = FusedStore(world.store, fuse)  # type: ignore[assignment]
    return fuse


@pytest.mark.parametrize("kind", ["folder", "bucket"])
@pytest.mark.parametrize("at", range(len(STEPS)), ids=STEPS)
async def test_a_process_that_ends_between_two_steps_delivers_once(
    world: World, request: pytest.FixtureRequest, kind: str, at: int
) -> None:
    """Whatever was the last thing that it did, the next process does the rest, also when the bank was there between."""
    bank: Bank = request.getfixturevalue(f"{kind}_bank")
    fuse = await start_fused(world, bank, at)
    await submit(world, "out", creditor=STRANGER)
    await world.until(lambda: fuse.is_blown)
    bank.take()
    whole = await start_fused(world, bank, 10**6)
    await world.reaches("out", Status.SENT)
    bank.take()
    assert len(bank.taken) == 1
    assert whole.steps <= len(STEPS)
    assert outbox(world) == [True]


async def test_the_steps_are_all_there_are(world: World, folder_bank: Bank) -> None:
    """A process that does not end takes as many steps as the test above ends it at."""
    fuse = await start_fused(world, folder_bank, 10**6)
    await submit(world, "out", creditor=STRANGER)
    await world.reaches("out", Status.SENT)
    assert fuse.steps == len(STEPS)


def rows(database: Database, statement: str) -> list[tuple[Any, ...]]:
    """Returns what the owner of the tables sees."""
    with psycopg.connect(database.owner_conninfo, autocommit=True) as connection:
        return connection.execute(statement.encode()).fetchall()


def outbox(world: World) -> list[bool]:
    """Tells of each message whether it was delivered, having seen that none is kept longer."""
    found = rows(
        world.database, "SELECT delivered_at IS NOT NULL, envelope IS NULL, receipt IS NOT NULL FROM rail_outbox"
    )
    assert all(len(set(row)) == 1 for row in found)
    return [row[0] for row in found]


async def directed(world: World, name: str) -> None:
    """Brings a payment to where its message is decided on and the rail does not take it."""
    world.rail.is_broken = True
    await submit(world, name, creditor=STRANGER)
    await world.until(lambda: stage(world, name) is Stage.DISPATCH)
    await world.writer.commit(lambda unit: None)
    await world.between_attempts()


def stage(world: World, name: str) -> Stage:
    """Returns what an instruction waits for."""
    submission, index = world.states.submissions.find(TENANT, an_id(name)) or (None, 0)
    assert submission is not None
    return Stage(submission.stages[index])


async def test_a_party_erased_after_the_decision_is_paid_for(world: World) -> None:
    """What was decided on is handed over as it was, by a process that holds no keys; then nobody can read it again."""
    await directed(world, "out")
    assert outbox(world) == [False]
    ((envelope,),) = rows(world.database, "SELECT envelope FROM rail_outbox")
    assert b"Boris" not in envelope
    world.identity.erased |= {an_id("anna"), TENANT}
    world.rail.is_broken = False
    await world.restart()
    await world.reaches("out", Status.SENT)
    (content,) = world.rail.sent.values()
    assert b"Boris Example" in content
    assert outbox(world) == [True]


async def test_a_broken_row_is_written_again(world: World) -> None:
    """An envelope that does not open is no message: it is made anew from what was ordered."""
    await directed(world, "out")
    rows(world.database, "UPDATE rail_outbox SET envelope = 'broken' RETURNING 1")
    world.rail.is_broken = False
    await world.reaches("out", Status.SENT)
    assert outbox(world) == [True]


async def test_a_message_that_nobody_can_write_again_becomes_unknown(world: World) -> None:
    """Decided on before messages were kept, and its party erased since: only the bank can tell, and its word counts."""
    await directed(world, "out")
    rows(world.database, "DELETE FROM rail_outbox RETURNING 1")
    world.identity.erased |= {an_id("anna"), TENANT}
    await world.restart()
    world.rail.is_broken = False
    await world.reaches("out", Status.UNKNOWN)
    assert world.reason("out") == reasons.SUBJECT_ERASED
    assert world.rail.sent == {}
    bank_answers(world, "out", "RJCT", "AC04")
    await world.reaches("out", Status.FAILED)
    assert world.custody.balances[an_id("anna account")] == 1_000_00


async def test_what_changes_before_the_decision_is_not_sent(world: World) -> None:
    """A payment cancelled while its message is being sealed stays here, and the others leave in another message."""
    held = asyncio.Event()
    seal = world.seals.seal

    async def slowly(message: bytes, field: str, content: bytes) -> Sealed:
        await held.wait()
        return await seal(message, field, content)

    world.seals.seal = slowly  # type: ignore[method-assign]
    await submit(world, "one", "two", creditor=STRANGER)
    await world.reaches("two", Status.RESERVED)
    await world.application.approvals.decide(PLATFORM, TENANT, [an_id("one")], Directive.CANCEL, "")
    held.set()
    await world.reaches("two", Status.SENT)
    await world.reaches("one", Status.CANCELLED)
    (content,) = world.rail.sent.values()
    assert transfer_id_of(TENANT, an_id("two")).hex().encode() in content
    assert transfer_id_of(TENANT, an_id("one")).hex().encode() not in content


async def test_an_early_answer_ends_the_keeping(world: World) -> None:
    """Where the bank answers before we have noted that it has the message, nothing of it stays here."""
    await directed(world, "out")
    bank_answers(world, "out", "ACSC")
    await world.reaches("out", Status.SETTLED)
    assert outbox(world) == [True]
    assert world.rail.sent == {}


async def test_an_early_answer_to_one_payment_stands_for_its_message(world: World) -> None:
    """The bank that answers one payment has the others of the message too: nothing is handed over again."""
    world.rail.is_broken = True
    await submit(world, "one", "two", creditor=STRANGER)
    await world.until(lambda: stage(world, "two") is Stage.DISPATCH)
    await world.writer.commit(lambda unit: None)
    world.identity.erased |= {an_id("anna"), TENANT}
    bank_answers(world, "one", "ACSC")
    await world.reaches("one", Status.SETTLED)
    await world.reaches("two", Status.SENT)
    assert (outbox(world), world.rail.sent) == ([True], {})


async def test_a_file_that_was_kept_is_used_when_its_place_is_gone(world: World) -> None:
    """A notification that nobody vouched for yet lies sealed in the database, and credits the client once."""
    content = camt_054("N-1", BANK, entry("R1", "5.00", BORIS, payer="Carla Payer"))
    world.rail.inbox = {"credit.xml": content}
    await world.until(lambda: bool(rows(world.database, "SELECT 1 FROM rail_received")))
    ((envelope,),) = rows(world.database, "SELECT envelope FROM rail_received")
    assert b"Carla" not in envelope
    world.rail.inbox = {}
    world.voucher.principal = BANK_FEED
    await world.restart()
    await world.until(lambda: world.custody.balances[an_id("boris account")] == 5_00)
    accepted = [("accepted", None)]
    await world.until(lambda: rows(world.database, "SELECT outcome, envelope FROM rail_received") == accepted)
    world.rail.inbox = {"credit.xml": content, "again.xml": content}
    await world.until(lambda: not world.rail.inbox)
    assert world.rail.archived == ["credit.xml", "again.xml"]
    assert world.custody.balances[an_id("boris account")] == 5_00


async def test_a_file_that_was_decided_on_is_only_put_away(world: World) -> None:
    """A process that ended before it moved a refused file leaves the next one nothing to decide."""
    archive, world.rail.refuse = world.rail.refuse, _fails  # type: ignore[method-assign]
    world.rail.inbox = {"noise.xml": b"<Document/>"}
    refused = [("refused",)]
    await world.until(lambda: rows(world.database, "SELECT outcome FROM rail_received") == refused)
    world.rail.refuse = archive  # type: ignore[method-assign]
    await world.restart()
    world.application.rail.inbox.files.read_answers = _fails  # type: ignore[method-assign]
    await world.until(lambda: world.rail.refused == ["noise.xml"])


def _fails(*arguments: Any) -> Any:
    raise OSError(5, "it does not work")


async def test_keys_that_are_away_hold_messages_up_and_lose_none(world: World) -> None:
    """Without the key service nothing is decided, kept or taken; with it everything goes on by itself."""
    world.seals.is_away = True
    world.voucher.principal = BANK_FEED
    await submit(world, "out", creditor=STRANGER)
    world.rail.inbox = {"credit.xml": camt_054("N-1", BANK, entry("R1", "5.00", BORIS))}
    await world.until(lambda: world.reason("out") == "KEYS_UNAVAILABLE")
    assert list(world.rail.inbox) == ["credit.xml"]
    assert rows(world.database, "SELECT 1 FROM rail_outbox UNION ALL SELECT 1 FROM rail_received") == []
    world.seals.is_away = False
    await world.reaches("out", Status.SENT)
    await world.until(lambda: world.custody.balances[an_id("boris account")] == 5_00)


async def test_a_migrated_database_has_the_tables(database: Callable[[str], Database]) -> None:
    """The application's role reads and writes messages, and deletes none."""
    migrated = migrate(database("payment-instruction"))
    with psycopg.connect(migrated.app_conninfo, autocommit=True) as connection:
        for table in ("rail_outbox", "rail_received"):
            assert connection.execute(f"SELECT * FROM {table}".encode()).fetchall() == []
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"DELETE FROM {table}".encode())


@pytest.mark.parametrize(
    ("quiet_seconds", "pause"),
    [(0.0, 0.2), (1.9, 0.2), (5.0, 0.5), (3_600.0, 1.0)],
    ids=["news", "just", "a while", "long"],
)
def test_a_bank_that_is_quiet_is_asked_more_rarely(quiet_seconds: float, pause: float) -> None:
    """A look is late by a tenth of the quiet at most, and by a second; whoever sets more than that gets it."""
    assert pause_seconds(0.2, quiet_seconds) == pytest.approx(pause)
    assert pause_seconds(30.0, quiet_seconds) == 30.0
