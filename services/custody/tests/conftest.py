"""The service on a real database, without its wires: store, writer, read model and servicer in one process."""

from __future__ import annotations

import asyncio
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from ringfence_custody.calendars.api.servicer import CalendarServicer
from ringfence_custody.calendars.application.days import Days, DayTimer
from ringfence_custody.calendars.application.years import Years
from ringfence_custody.calendars.domain.state import State as CalendarState
from ringfence_custody.closings.module import ClosingsModule
from ringfence_custody.ledger.adapters.batches import StoredBatches
from ringfence_custody.ledger.adapters.schema import migrations
from ringfence_custody.ledger.adapters.statement_model import StatementModel
from ringfence_custody.ledger.adapters.statement_reader import StatementReader
from ringfence_custody.ledger.api.servicer import CustodyServicer
from ringfence_custody.ledger.application.accounts_quota import AccountsQuota
from ringfence_custody.ledger.application.acts import Acts, Moving
from ringfence_custody.ledger.application.adopting import RuleCommands
from ringfence_custody.ledger.application.commands import Commands, accounts_of
from ringfence_custody.ledger.application.queries import Queries
from ringfence_custody.ledger.application.recording import record
from ringfence_custody.ledger.application.state import State
from ringfence_custody.ledger.domain.authority import LOOKED_AT
from ringfence_custody.ledger.domain.book import Book
from ringfence_custody.ledger.domain.change_accounts import decide_release
from ringfence_custody.ledger.domain.events import AccountStatusChanged
from ringfence_custody.ledger.domain.lifecycle import AccountStatus
from ringfence_custody.ledger.domain.migrations import decide_opening
from ringfence_custody.ledger.domain.mirrors import decide_letter
from ringfence_custody.ledger.domain.rule_packs import PurposeRule
from ringfence_custody.modules import ModuleStates, event_codec
from ringfence_custody.reconciliation.adapters.match_model import MatchesModel, StoredMatches
from ringfence_custody.reconciliation.adapters.schema import migrations as reconciliation_migrations
from ringfence_custody.reconciliation.adapters.week_days import WeekDays
from ringfence_custody.reconciliation.domain.state import State as ReconciliationState
from ringfence_custody.reconciliation.module import ReconciliationModule
from ringfence_custody.registers.module import RegistersModule
from ringfence_kernel.access.caller import Caller, calling
from ringfence_kernel.feed.hearing import Hearing
from ringfence_kernel.projecting.projector import Projector, fill
from ringfence_kernel.proposals.application import Decision, Proposals, Verdict
from ringfence_kernel.store import EventStore, apply_migrations
from ringfence_kernel.values.clock import ManualClock
from ringfence_kernel.writing.backlog import Backlog
from ringfence_kernel.writing.snapshots import SnapshotFile, Snapshots
from ringfence_kernel.writing.states import SavedStates
from ringfence_kernel.writing.writer import GroupWriter, Unit
from ringfence_local_stack.pytest_plugin import FilledDatabase
from ringfence_local_stack.servers.database import Database
from ringfence_protos.custody.v1 import custody_pb2 as pb

from .ledger import MANDATE, START_NS

CODEC = event_codec()


def operator(number: int) -> Caller:
    """Returns an operator with a person, key and certificate of its own."""
    own = bytes(15) + bytes([number])
    thumbprint = urlsafe_b64encode(bytes(31) + bytes([number])).rstrip(b"=").decode()
    roles = frozenset({"operator"})
    return Caller("spiffe://test/principal", None, own, thumbprint, None, roles, person=own, key_sha256=own * 2)


OPERATOR, SECOND_OPERATOR = operator(7), operator(8)


def letter_stands(book: Book, account: int, now_ns: int) -> AccountStatusChanged | None:
    """Returns the event of a mirror whose letter is countersigned."""
    return decide_letter(book, account, stands=True, decided_by=bytes(16), reason="tests", now_ns=now_ns)


@dataclass
class Identity:
    """What custody hears of identity when it asks: nothing new, unless a test has something come; or nobody answers."""

    is_away: bool = False
    asked: int = 0
    coming: list[Callable[[], Awaitable[None]]] = field(default_factory=list)

    async def is_heard(self) -> bool:
        """Has what was to come taken in."""
        self.asked += 1
        while self.coming and not self.is_away:
            await self.coming.pop(0)()
        return not self.is_away


@dataclass
class Custody:
    """A running service."""

    store: EventStore
    writer: GroupWriter
    state: State
    whole: SavedStates
    commands: Commands
    rules: RuleCommands
    acts: Acts
    proposals: Proposals
    projector: Projector
    servicer: CustodyServicer
    clock: ManualClock
    identity: Identity
    hearing: Hearing
    calendars: CalendarState
    days: Days
    calendar_servicer: CalendarServicer
    reconciliation: ReconciliationModule
    reconciled: ReconciliationState
    registers: RegistersModule
    closings: ClosingsModule

    async def register(self, method: str, request: object, caller: Caller | None = None) -> Any:
        """Calls a method of the registers, as an operator where nobody is named."""
        with calling(caller or OPERATOR):
            return await getattr(self.registers.servicer, method)(request, None)

    async def agree(self, method: str, request: object) -> bytes:
        """Has two operators do what a method of the registers proposes; returns the proposal, empty for nothing."""
        proposal: bytes = (await self.register(method, request)).proposal_id
        if proposal:
            await self.confirm(proposal)
        return proposal

    async def call(self, method: str, request: object, tenant: bytes | None) -> object:
        """Calls a method as a principal of a tenant, or as the custodian's own.

        Transfers come from payment-instruction, those from a bank from an importer, in a window that is opened first.
        """
        service = None
        if isinstance(request, pb.CreateTransfersRequest) and tenant is not None:
            service = None if LOOKED_AT & set(request.transfers.code) else "payment-instruction"
            if service is None and self.state.look(tenant).migration is None:
                await self.open_window(tenant)
        with calling(replace(OPERATOR, tenant=tenant, service=service)):
            reply = await getattr(self.servicer, method)(request, None)
        if isinstance(request, pb.CreateAccountsRequest):
            await self.activate_mirrors(tenant or request.book_id)
        return reply

    async def activate_mirrors(self, tenant: bytes) -> None:
        """Makes the book's new bank mirrors active, as their countersigned letters would."""

        def decide(unit: Unit) -> None:
            book = self.state.look(tenant)
            for account, status in enumerate(book.accounts.status):
                if status == AccountStatus.PENDING_LETTER:
                    record(unit, tenant, book, letter_stands(book, account, unit.now_ns))

        await self.writer.commit(decide)

    async def open_window(self, tenant: bytes) -> None:
        """Opens the migration window that rows name, as two people would."""

        def decide(unit: Unit) -> None:
            book = self.state.book(tenant)
            record(unit, tenant, book, decide_opening(book, MANDATE, 2_592_000, "tests", bytes(16), unit.now_ns))

        await self.writer.commit(decide)

    async def lift(self, tenant: bytes, account_ids: Sequence[bytes], order_reference: str) -> None:
        """Releases accounts from an order, as two people would."""

        def decide(unit: Unit) -> None:
            book = self.state.book(tenant)
            accounts = accounts_of(book, account_ids)
            record(unit, tenant, book, decide_release(book, accounts, order_reference, bytes(16), unit.now_ns))

        await self.writer.commit(decide)

    async def move(self, tenant: bytes, account_ids: Sequence[bytes], status: AccountStatus) -> None:
        """Moves accounts along their life cycle, by a second person's word where that is needed."""
        _, proposal = await self.acts.move(tenant, Moving(list(account_ids), status, "reason"), OPERATOR)
        if proposal:
            await self.confirm(proposal)

    async def adopt(self, book_id: bytes, version: str, rules: Sequence[PurposeRule]) -> None:
        """Has rules adopted by two operators; raises the refusal of either."""
        _, proposal = await self.rules.propose(book_id, version, rules, OPERATOR)
        if proposal:
            await self.confirm(proposal)

    async def confirm(self, proposal: bytes) -> None:
        """Has a proposal confirmed by a second operator."""
        decision = Decision(proposal, Verdict.CONFIRM)
        await self.writer.commit(lambda unit: self.proposals.decide_within(unit, decision, SECOND_OPERATOR))

    async def project(self) -> None:
        """Brings the statements up to date."""
        while await asyncio.to_thread(self.projector.step):
            pass


def migrate(database: Database) -> None:
    """Makes the service's tables, for clocks that move only when told."""
    apply_migrations(database.owner_conninfo, database.app_role, [*migrations(), *reconciliation_migrations()])
    database.let_clocks_differ()


@pytest.fixture
def custody_database(filled_database: FilledDatabase) -> Database:
    """A fresh, migrated database of the custody service."""
    return filled_database("custody", migrate)


@pytest.fixture
def stores(custody_database: Database) -> Iterator[Callable[[], EventStore]]:
    """A factory of event stores on that database, with the append-only role."""
    conninfo = custody_database.app_conninfo
    opened: list[EventStore] = []

    def make() -> EventStore:
        opened.append(EventStore(conninfo, settle_seconds=10))
        return opened[-1]

    yield make
    for store in opened:
        store.close()


@asynccontextmanager
async def running(
    stores: Callable[[], EventStore],
    snapshot: SnapshotFile | None = None,
    accounts_per_hour: int = 0,
    may_step: bool = False,
    timers: Sequence[DayTimer] = (),
) -> AsyncIterator[Custody]:
    """Starts the service on what the database holds, and a snapshot where there is one, as a process would."""
    store, clock = stores(), ManualClock(START_NS)
    batches_store = stores()
    states = ModuleStates.over(lambda: StoredBatches(batches_store, CODEC))
    state, whole = states.ledger, states.together()
    writer = GroupWriter(store, CODEC, whole, clock, [MatchesModel()])
    fill(store, CODEC, MatchesModel())
    if snapshot is not None:
        Snapshots(snapshot, writer, whole).restore(store)
    writer.load()
    writer.subscribe(state.committed)
    projector = Projector(store, CODEC, StatementModel())

    async def follow() -> None:
        """Statements are projected by the tests themselves."""

    proposals, hearing = Proposals(writer, states.proposals), Hearing(60, clock=ManualClock())
    identity, backlog = Identity(), Backlog(60.0, 1)
    commands = Commands(writer, state, follow, proposals, identity.is_heard, backlog.taken)
    rules = RuleCommands(writer, state, proposals)
    acts = Acts(state, proposals)
    closings = ClosingsModule.build(writer, states.closings, state)
    timers = (*timers, closings.closing.on_day)
    years = Years(writer, states.calendars, proposals)
    days = Days(writer, states.calendars, clock, may_step, timers, closings.closing.before_day)
    proposals.register([rules.effect(), *acts.effects(), years.effect()])
    registers = RegistersModule.build(writer, states.registers, state, proposals)
    queries = Queries(writer, state, StatementReader(store, projector, lambda: writer.head))
    reconciliation = ReconciliationModule.build(
        writer, states.reconciliation, StoredMatches(store, CODEC), WeekDays(clock), commands, queries, proposals
    )
    task = asyncio.create_task(writer.run())
    try:
        hearing.heard(hearing.ask())
        quota = AccountsQuota(accounts_per_hour)
        servicer = CustodyServicer(commands, rules, acts, queries, backlog, quota, hearing)
        yield Custody(
            store,
            writer,
            state,
            whole,
            commands,
            rules,
            acts,
            proposals,
            projector,
            servicer,
            clock,
            identity,
            hearing,
            states.calendars,
            days,
            CalendarServicer(years, days),
            reconciliation,
            states.reconciliation,
            registers,
            closings,
        )
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def custody(stores: Callable[[], EventStore]) -> AsyncIterator[Custody]:
    """The service on an empty database."""
    async with running(stores) as started:
        yield started
