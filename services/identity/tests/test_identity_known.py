"""What decisions consult when it has left memory: authorisations and KYC decisions, known for ever, at any size."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import psycopg
import pytest
from ringfence_identity.aliases.domain.events import AliasRegistered
from ringfence_identity.batches import record_all
from ringfence_identity.bootstrap import MODELS
from ringfence_identity.migrations import migrations
from ringfence_identity.modules import Modules, event_codec
from ringfence_identity.parties.adapters.decisions_reader import DecisionsReader
from ringfence_identity.parties.application.commands import PartyCommands
from ringfence_identity.parties.domain.events import KycChanged, PartyRegistered
from ringfence_identity.parties.domain.kyc import KycState, PartyKind
from ringfence_identity.parties.domain.parties import KycDecision
from ringfence_identity.parties.domain.state import Decided, decision_key
from ringfence_identity.parties.domain.state import State as PartyState
from ringfence_identity.principals.domain.errors import ExistsWithDifferentData
from ringfence_identity.principals.domain.events import PrincipalRegistered
from ringfence_identity.principals.domain.roles import Kind
from ringfence_identity.tokens.adapters.authorisations_reader import AuthorisationsReader
from ringfence_identity.tokens.application.authorisations import AuthorisationCommands
from ringfence_identity.tokens.domain.holders import TokenHolder
from ringfence_identity.tokens.domain.state import Authorised, authorisation_key
from ringfence_identity.tokens.domain.state import State as TokenState
from ringfence_kernel.access.caller import Caller
from ringfence_kernel.projecting.projector import fill
from ringfence_kernel.proposals.application import Proposals
from ringfence_kernel.service import rebuild
from ringfence_kernel.service.event_sourced import store_digest
from ringfence_kernel.store import EventStore, apply_migrations
from ringfence_kernel.values.clock import DAY_NS, NANOSECONDS, ManualClock
from ringfence_kernel.values.errors import ClockWrong, Overloaded
from ringfence_kernel.values.ids import external_id
from ringfence_kernel.writing.looking_up import Knowing, LookUps
from ringfence_kernel.writing.recent import Recent
from ringfence_kernel.writing.snapshots import SnapshotFile, restore, take
from ringfence_kernel.writing.writer import GroupWriter
from ringfence_local_stack.pytest_plugin import FilledDatabase
from ringfence_local_stack.servers.database import Database

START_NS = 1_800_000_000 * 10**9
RECENT = 3
OPERATOR, PLATFORM, ANNA = b"operator........", b"platform........", b"party-anna......"
HOLDER = "spiffe://ringfence.local/service/payment-instruction"
DIGEST, OTHER = b"d" * 32, b"e" * 32


def an_id(name: str) -> bytes:
    """Returns an id by name."""
    return external_id("test", PLATFORM, name)


def timed(name: str) -> bytes:
    """Returns an id that stands where its name stands, as ids do that begin with their time."""
    return name.encode().ljust(6) + b"\x70" + bytes(9)


class Vault:
    """Signs at once, and lets everybody submit for the platform."""

    def __init__(self, signing: Callable[[], None] = lambda: None) -> None:
        """Calls `signing` while it signs."""
        self._signing = signing

    async def sign(self, claims: Mapping[str, object]) -> str:
        """Returns the name of the token."""
        self._signing()
        return str(claims["jti"])

    async def read(self, token: str, certificate_sha256: bytes) -> TokenHolder:
        """Returns the platform."""
        return TokenHolder(PLATFORM, None, frozenset({"payments.submit"}), certificate_sha256, 0)


@dataclass
class Running:
    """The commands over a store, in a process that remembers the newest few."""

    store: EventStore
    clock: ManualClock = field(default_factory=lambda: ManualClock(START_NS))
    modules: Modules = field(init=False)
    writer: GroupWriter = field(init=False)

    def start(self, snapshot: SnapshotFile | None = None) -> int:
        """Starts a process, with nothing but the store and perhaps a snapshot; returns how many events it replays."""
        self.modules = few()
        for model in MODELS:
            fill(self.store, event_codec(), model)
        states = self.modules.states()
        self.writer = GroupWriter(self.store, event_codec(), states, self.clock, MODELS)
        if snapshot is not None:
            restore(snapshot, self.store, self.writer, states)
        replayed = self.writer.load()
        self._task = asyncio.create_task(self.writer.run())
        return replayed

    async def stop(self) -> None:
        """Ends the process: what it had in memory is gone."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def restart(self, snapshot: SnapshotFile | None = None) -> int:
        """Ends it and starts another."""
        await self.stop()
        return self.start(snapshot)

    async def record(self, events: Sequence[object]) -> None:
        """Has events happen."""
        await self.writer.commit(lambda unit: record_all(unit, events))

    async def authorise(
        self, name: str, digest: bytes = DIGEST, submission: bytes = b"", signing: Callable[[], None] = lambda: None
    ) -> int:
        """Has a submission authorised; returns the end of the authorisation."""
        authorised = await self.commands(signing).authorise(
            "", b"", PLATFORM, submission or an_id(name), digest, HOLDER
        )
        return authorised.expires_ns

    def commands(self, signing: Callable[[], None] = lambda: None) -> AuthorisationCommands:
        """Returns the commands about authorisations."""
        return AuthorisationCommands(
            self.modules.tokens,
            self.modules.principal_queries,
            self.modules.alias_queries,
            self.clock,
            Vault(signing),
            Vault(),
            Knowing(self.writer, self.modules.tokens.authorisations, LookUps(AuthorisationsReader(self.store).read)),
            "ringfence-identity",
        )

    async def decide(self, *decisions: tuple[str, KycState], party: bytes = ANNA) -> list[str]:
        """Has decisions made under ids by name; returns the reasons."""
        commands = PartyCommands(
            self.writer,
            self.modules.parties,
            self.modules.principal_queries,
            None,  # type: ignore[arg-type]
            Knowing(self.writer, self.modules.parties.kyc_decisions, LookUps(DecisionsReader(self.store).read)),
            Proposals(self.writer, self.modules.proposals),
        )
        items = [KycDecision(PLATFORM, party, to, "why", an_id(name) if name else b"") for name, to in decisions]
        answers = await commands.decide_kyc(items, Caller("", None, OPERATOR, ""))
        return [each.reason for each in answers]

    async def fill(self) -> None:
        """Has enough happen for all that was before to leave memory."""
        for number in range(RECENT):
            await self.authorise(f"filler {self.writer.head.position} {number}")
        for number in range(RECENT):
            to = (KycState.REFRESH_DUE, KycState.CHECKING, KycState.VERIFIED)[number % 3]
            await self.decide((f"filler {self.writer.head.position}", to))

    async def differences(self) -> dict[str, int]:
        """Returns what `rebuild --verify` finds to differ."""
        await self.writer.commit(lambda unit: store_digest(self.writer, unit))
        report = await asyncio.to_thread(rebuild, self.store, event_codec(), few().states(), MODELS, compare=True)
        return {name: count for name, count in report.differences.items() if count}


def few() -> Modules:
    """Returns empty states that remember a few of each."""
    tokens = TokenState(authorisations=Recent(Authorised, RECENT))
    return Modules(tokens=tokens, parties=PartyState(kyc_decisions=Recent(Decided, RECENT)))


def registered(party: bytes) -> PartyRegistered:
    """Returns the event that registers a party."""
    index, digest = an_id(f"number of {party.hex()}"), an_id(f"data of {party.hex()}")
    return PartyRegistered(PLATFORM, party, PartyKind.PERSON, {"name": b"sealed"}, index, digest, PLATFORM)


def moved(party: bytes, before: KycState, after: KycState, decision: bytes = b"") -> KycChanged:
    """Returns the event that moves a party."""
    return KycChanged(PLATFORM, party, before, after, "why", decision, OPERATOR)


def migrate(database: Database) -> None:
    """Makes the service's tables, for clocks that move only when told."""
    apply_migrations(database.owner_conninfo, database.app_role, migrations())
    database.let_clocks_differ()


@pytest.fixture
async def running(filled_database: FilledDatabase) -> AsyncIterator[Running]:
    """A process, an operator, a platform, and Anna who is verified."""
    made = filled_database("identity", migrate)
    process = Running(EventStore(psycopg.conninfo.make_conninfo(made.app_url, password=made.app_password)))
    process.start()
    await process.record(
        [
            PrincipalRegistered(OPERATOR, Kind.OPERATOR, "operator", b"", b"k" * 32, b"", True, OPERATOR),
            PrincipalRegistered(PLATFORM, Kind.PLATFORM, "platform", b"", b"k" * 32, b"", True, OPERATOR),
            registered(ANNA),
            moved(ANNA, KycState.NOT_STARTED, KycState.SUBMITTED),
            moved(ANNA, KycState.SUBMITTED, KycState.CHECKING),
            moved(ANNA, KycState.CHECKING, KycState.VERIFIED),
        ]
    )
    yield process
    await process.stop()
    process.store.close()


async def test_memory_holds_the_newest_alone(running: Running) -> None:
    """However many submissions were authorised and decisions made, a few of each are in memory."""
    for _ in range(3):
        await running.fill()
    assert len(running.modules.tokens.authorisations) == len(running.modules.parties.kyc_decisions) == RECENT
    assert await running.differences() == {}


@pytest.mark.parametrize("restarts", [False, True])
async def test_a_submission_is_authorised_for_one_digest_while_it_lives(running: Running, restarts: bool) -> None:
    """Long after it has left memory the same is authorised again and other contents are not, after a kill too."""
    await running.authorise("a")
    for _ in range(2):
        await running.fill()
        if restarts:
            await running.restart()
        with pytest.raises(ExistsWithDifferentData):
            await running.authorise("a", OTHER)
        await running.authorise("a")
    assert await running.differences() == {}


async def test_an_authorisation_counts_until_its_last_day_is_over(running: Running) -> None:
    """Authorised again it lives longer; when that has expired too, the table keeps the row and it counts no more."""
    await running.authorise("a")
    running.clock.advance(10 * DAY_NS)
    ends_ns = await running.authorise("a")
    await running.fill()
    running.clock.advance(ends_ns - running.clock.now_ns() - 1)
    with pytest.raises(ExistsWithDifferentData):
        await running.authorise("a", OTHER)
    running.clock.advance(DAY_NS)
    await running.authorise("a", OTHER)
    await running.fill()
    with pytest.raises(ExistsWithDifferentData):
        await running.authorise("a")
    assert await running.differences() == {}


@pytest.mark.parametrize("restarts", [False, True])
async def test_a_decision_is_made_once_for_ever(running: Running, restarts: bool) -> None:
    """Its id gives the first answer and changes nothing, another decision under it is refused, whatever came since."""
    assert await running.decide(("a", KycState.EDD), ("b", KycState.CHECKING), ("c", KycState.VERIFIED)) == ["", "", ""]
    await running.fill()
    if restarts:
        await running.restart()
    assert running.modules.parties.kyc_decisions.get(decision_key(PLATFORM, an_id("a"))) is None
    before = running.writer.head.position
    assert await running.decide(("a", KycState.EDD), ("a", KycState.BLOCKED)) == ["", "EXISTS_WITH_DIFFERENT_DATA"]
    assert (running.modules.parties.parties[ANNA].kyc, running.writer.head.position) == (KycState.VERIFIED, before)
    assert await running.differences() == {}


def empty_tables(running: Running) -> None:
    """Takes the rows away that are written with the events."""
    with running.store.connection() as connection:
        connection.execute("DELETE FROM authorisations")
        connection.execute("DELETE FROM kyc_decisions")


async def test_the_tables_are_what_keeps_them(running: Running) -> None:
    """Without its rows what has left memory would be new: the proof that memory does not secretly hold it."""
    await running.authorise("a")
    await running.decide(("a", KycState.EDD), ("b", KycState.CHECKING), ("c", KycState.VERIFIED))
    await running.fill()
    empty_tables(running)
    await running.authorise("a", OTHER)
    await running.decide(("a", KycState.EDD))
    assert running.modules.parties.parties[ANNA].kyc is KycState.EDD
    assert (await running.differences()).keys() == {"authorisations", "kyc_decisions"}


async def test_a_look_reaches_as_far_as_its_table(running: Running) -> None:
    """Where tables lack events, as those of a release without them do, nobody is told that an id is new."""
    await running.authorise("a")
    await running.decide(("a", KycState.EDD), ("b", KycState.CHECKING), ("c", KycState.VERIFIED))
    await running.fill()
    empty_tables(running)
    with running.store.connection() as connection:
        names = ["projection:authorisations", "projection:kyc-decisions"]
        connection.execute("UPDATE cursors SET position = 1 WHERE name = ANY(%s)", (names,))
    with pytest.raises(Overloaded):
        await running.authorise("a", OTHER)
    with pytest.raises(Overloaded):
        await running.decide(("a", KycState.BLOCKED))


async def test_a_rebuild_fills_the_tables_anew(running: Running) -> None:
    """Whatever stood in them, afterwards they are what the events say."""
    await running.authorise("a")
    await running.decide(("a", KycState.EDD), ("b", KycState.CHECKING), ("c", KycState.VERIFIED))
    await running.fill()
    with running.store.connection() as connection:
        connection.execute("UPDATE authorisations SET digest = 'x'")
        connection.execute("DELETE FROM kyc_decisions")
    await running.stop()
    await asyncio.to_thread(rebuild, running.store, event_codec(), few().states(), MODELS, compare=False)
    running.start()
    assert await running.differences() == {}
    with pytest.raises(ExistsWithDifferentData):
        await running.authorise("a", OTHER)


@pytest.mark.parametrize("looks", [False, True])
async def test_what_leaves_while_a_token_is_signed_is_found(
    running: Running, looks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A submission that was authorised, and has left memory, since a look was made or spared is known all the same."""
    if looks:
        for name in ("zz", *map(str, range(RECENT))):
            await running.authorise(name, submission=timed(name))
    state, first = running.modules.tokens.authorisations, authorisation_key(PLATFORM, timed("b"))
    assert state.may_have_left(first) == looks
    sign = Vault.sign

    async def slow(vault: Vault, claims: Mapping[str, object]) -> str:
        """Signs when much has happened."""
        monkeypatch.setattr(Vault, "sign", sign)
        for name in ("b", *map(str, range(RECENT))):
            await running.authorise(name, submission=timed(name))
        return await sign(vault, claims)

    monkeypatch.setattr(Vault, "sign", slow)
    with pytest.raises(ExistsWithDifferentData):
        await running.authorise("b", OTHER, submission=timed("b"))
    assert state.get(first) is None
    assert await running.differences() == {}


PARTIES = 1_500
BYTES_EACH = 1_000
"""A GiB for a million of each, less what the process needs without any."""


def lives(number: int) -> list[object]:
    """Returns what leads a party with an IBAN to being verified, by three decisions with ids."""
    party = an_id(f"party {number}")
    steps = [KycState.NOT_STARTED, KycState.SUBMITTED, KycState.CHECKING, KycState.VERIFIED]
    moves = [moved(party, before, after, an_id(f"{after} {number}")) for before, after in pairwise(steps)]
    index, account = an_id(f"iban {number}"), an_id(f"account {number}")
    return [registered(party), *moves, AliasRegistered(PLATFORM, party, index, account, False, b"sealed", PLATFORM)]


async def test_a_start_from_a_snapshot_is_a_replay(running: Running, tmp_path: Path) -> None:
    """With many parties and IBANs: the same state, the same tables, the same answers, and few bytes for each.

    The small scale of "identity with 1 M parties and 1 M aliases": a snapshot holds what memory holds, as it is.
    """
    for first in range(0, PARTIES, 100):
        await running.record([event for number in range(first, first + 100) for event in lives(number)])
    await running.authorise("a")
    snapshot = SnapshotFile(tmp_path, "identity")
    taken = await running.writer.between_groups(lambda: take(running.writer, running.modules.states()))
    assert taken is not None
    assert snapshot.write(taken) < BYTES_EACH * PARTIES
    await running.fill()
    events, digests, answers = [], [], []
    for held in (snapshot, None):
        events.append(await running.restart(held))
        digests.append(running.modules.states().digest())
        answers.append(await running.decide((f"{KycState.CHECKING} 7", KycState.CHECKING), party=an_id("party 7")))
        answers.append(await running.decide((f"{KycState.CHECKING} 7", KycState.BLOCKED), party=an_id("party 7")))
        with pytest.raises(ExistsWithDifferentData):
            await running.authorise("a", OTHER)
        assert len(running.writer.versions) < 10
    assert events == [2 * RECENT, running.writer.head.position]
    assert digests[0] == digests[1]
    assert answers == [[""], ["EXISTS_WITH_DIFFERENT_DATA"]] * 2
    assert len(running.modules.parties.parties) == PARTIES + 1
    assert len(running.modules.aliases.aliases) == PARTIES
    assert await running.differences() == {}


async def test_no_authorisation_rests_on_a_clock_that_was_set_back(running: Running) -> None:
    """What was signed by a clock an hour ahead is not recorded by one that is right, though the store would take it."""
    before = running.store.head()
    running.clock.advance(3_600 * NANOSECONDS)
    with pytest.raises(ClockWrong):
        await running.authorise("s", signing=lambda: running.clock.advance(-3_600 * NANOSECONDS))
    assert running.store.head() == before
    assert await running.authorise("s") == START_NS + 30 * DAY_NS
