"""The application on a real PostgreSQL, with fakes for the other services and the bank."""

from __future__ import annotations

import asyncio
from base64 import urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import msgspec
from ringfence_kernel.access.caller import Caller
from ringfence_kernel.calendars.following import calendar_facts
from ringfence_kernel.calendars.noted import CalendarYearNoted, stream_of
from ringfence_kernel.feed.hearing import Hearing
from ringfence_kernel.projecting.projector import Projector, fill
from ringfence_kernel.sealing.envelopes import AssociatedData, seal
from ringfence_kernel.store import EventStore, StoredEvent, apply_migrations
from ringfence_kernel.store.codec import Envelope, EventCodec
from ringfence_kernel.values.business_days import YearList, year_list
from ringfence_kernel.values.clock import NANOSECONDS, Clock, ManualClock, SystemClock
from ringfence_kernel.values.columns import pack, split_ids
from ringfence_kernel.values.ids import external_id
from ringfence_kernel.values.money import MAX_AMOUNT_MINOR
from ringfence_kernel.writing.writer import GroupWriter
from ringfence_local_stack.servers.database import Database
from ringfence_payment_instruction.deposits.adapters.known_entries import KnownEntriesModel, StoredEntries
from ringfence_payment_instruction.deposits.adapters.suspended_entries import (
    StoredSuspendedEntries,
    SuspendedEntriesModel,
)
from ringfence_payment_instruction.deposits.domain.events import EvidenceReceived
from ringfence_payment_instruction.flows.adapters import StoredAgreements
from ringfence_payment_instruction.flows.domain.state import RECENT_ENDED
from ringfence_payment_instruction.flows.domain.state import State as FlowsState
from ringfence_payment_instruction.limits.adapters.recent_payments import RecentPaymentsModel, StoredRecentPayments
from ringfence_payment_instruction.limits.domain.bounds import Bounds, InstallationLimits
from ringfence_payment_instruction.migrations import migrations
from ringfence_payment_instruction.modules import Application, ModuleStates, Ports, compose, event_codec
from ringfence_payment_instruction.rail.adapters.messages import OutboxTable, ReceivedTable
from ringfence_payment_instruction.rail.module import RailPorts
from ringfence_payment_instruction.reads.adapters.instructions_model import InstructionsModel
from ringfence_payment_instruction.reads.adapters.instructions_reader import InstructionsReader
from ringfence_payment_instruction.screening.adapters.client_table import ClientTable
from ringfence_payment_instruction.screening.adapters.identity_feed import client_facts
from ringfence_payment_instruction.screening.adapters.listed_names import StoredListedNames
from ringfence_payment_instruction.screening.application.importing import Imported, ListFiles
from ringfence_payment_instruction.screening.domain.editions import ListBounds
from ringfence_payment_instruction.screening.module import ScreeningPorts
from ringfence_payment_instruction.settlement.application.ports import BookAccounts
from ringfence_payment_instruction.statements.adapters.movement_tables import BankMovementsModel, StoredMovements
from ringfence_payment_instruction.statements.adapters.staged_pages import StoredPages
from ringfence_payment_instruction.submissions.adapters.archive import StoredArchive
from ringfence_payment_instruction.submissions.adapters.known_ids_model import KnownIdsModel
from ringfence_payment_instruction.submissions.application.files import FileAnswer
from ringfence_payment_instruction.submissions.application.reading import FileQuotas
from ringfence_payment_instruction.submissions.application.views import StateView
from ringfence_payment_instruction.submissions.domain.deadlines import Patience
from ringfence_payment_instruction.submissions.domain.orders import Alias, Order
from ringfence_payment_instruction.submissions.domain.state import REST_ROWS
from ringfence_payment_instruction.submissions.domain.state import State as SubmissionsState
from ringfence_payment_instruction.submissions.domain.status import Status

from .fakes import FakeBlocking, FakeCustody, FakeIdentity, FakePayers, FakeRail, FakeSeals, FakeVoucher

EUR = 978
ONLY_PAYMENTS = Bounds(500_00, MAX_AMOUNT_MINOR, MAX_AMOUNT_MINOR)
"""Limits of a world whose tests are about something else: a second person decides on single payments alone."""
LISTED = b"name,kind,reference\nBad Actor,person,X-1\n"
CSV = 1


def an_id(text: str) -> bytes:
    """Returns an id that a text always stands for."""
    return external_id("test", b"", text)


def iban(number: int) -> str:
    """Returns a German IBAN with right check digits."""
    account = f"3704004405320{number:05d}"
    check = 98 - int(account + "131400") % 97
    return f"DE{check:02d}{account}"


TENANT, OTHER_TENANT = an_id("platform"), an_id("other platform")


def caller(subject: bytes, tenant: bytes | None, token: str = "access token") -> Caller:
    """Returns a principal who calls with a certificate of its own."""
    thumbprint = urlsafe_b64encode(sha256(subject).digest()).rstrip(b"=").decode()
    return Caller(
        "spiffe://test/principal",
        None,
        subject,
        thumbprint,
        tenant,
        roles=frozenset() if tenant else frozenset({"operator"}),
        token=token,
        person=subject,
        key_sha256=sha256(subject).digest(),
    )


def operator(name: str) -> Caller:
    """Returns an operator, who is a person with a key of their own."""
    person, key = an_id(f"{name} person"), sha256(name.encode()).digest()
    return replace(caller(an_id(name), None), person=person, key_sha256=key, roles=frozenset({"operator"}))


PLATFORM, APPROVER = caller(TENANT, TENANT), caller(an_id("approver"), TENANT)
OPERATOR, SECOND_OPERATOR = operator("operator"), operator("second operator")
BANK_FEED = caller(an_id("bank"), None)
BANK, ANNA, BORIS, FOREIGN = iban(1), iban(2), iban(3), iban(4)
STRANGER = "GB29NWBK60161331926819"
MIRROR, SUSPENSE = an_id("mirror"), an_id("suspense")
CLIENTS = {an_id("anna"): "Anna Example", an_id("boris"): "Boris Example", an_id("foreigner"): "Fiona Example"}


def order(name: str, amount_minor: int = 10_00, creditor: str = BORIS, **changes: Any) -> Order:
    """Returns a payment of Anna's."""
    fields: dict[str, Any] = {
        "instruction_id": an_id(name),
        "end_to_end_id": name[:35],
        "debtor_iban": ANNA,
        "creditor_iban": creditor,
        "creditor_name": "Boris Example",
        "amount_minor": amount_minor,
        "currency": "EUR",
        "remittance": "for the demo",
    }
    return Order(**(fields | changes))


class SetClock(SystemClock):
    """The machine's clock, set by a test."""

    ahead_ns = 0

    def now_ns(self) -> int:
        """Returns the time that it shows."""
        return super().now_ns() + self.ahead_ns

    def advance(self, nanoseconds: int) -> None:
        """Sets it forward."""
        self.ahead_ns += nanoseconds


class World:
    """Fakes that survive, and an application that can be ended and started again on the same database."""

    def __init__(self, database: Database, limits: InstallationLimits | None = None) -> None:
        """Opens accounts: Anna has 1,000.00 EUR, Boris nothing."""
        self.database = database
        self.identity, self.custody = FakeIdentity(), FakeCustody()
        self.rail = FakeRail()
        self.payers = FakePayers()
        for owner, name in ({TENANT: "Platform"} | CLIENTS).items():
            self.payers.know(owner, name)
        self.seals, self.voucher = FakeSeals(), FakeVoucher()
        self.clock: Clock = SystemClock()
        self.limits = limits or InstallationLimits({EUR: ONLY_PAYMENTS})
        self.duplicate_days = 0
        self.silence = ManualClock()
        self.hearing = Hearing(60, self.silence)
        self.hearing.heard(0)
        self.patience = Patience(3_600 * NANOSECONDS, 3_600 * NANOSECONDS)
        self.list_maximum_age_ns = 86_400 * NANOSECONDS
        self.identity.aliases = {
            BANK: Alias(TENANT, MIRROR, bytes(16), True, BANK_FEED.subject),
            ANNA: Alias(TENANT, an_id("anna account"), an_id("anna"), False),
            BORIS: Alias(TENANT, an_id("boris account"), an_id("boris"), False),
            FOREIGN: Alias(OTHER_TENANT, an_id("foreign account"), an_id("foreigner"), False),
        }
        self.custody.balances = {MIRROR: 0, an_id("anna account"): 1_000_00, an_id("boris account"): 0}
        self.custody.accounts = BookAccounts({EUR: MIRROR}, {EUR: SUSPENSE})
        self.rest_rows, self.recent_ended = REST_ROWS, RECENT_ENDED
        self.list_bounds = ListBounds()
        self.file_quotas = FileQuotas()
        self.tasks: list[asyncio.Task[Any]] = []
        self.blocking = FakeBlocking()
        this_year = datetime.fromtimestamp(self.clock.now_ns() / NANOSECONDS, UTC).year
        self.listed_years = [year_list("TARGET", year, [], []) for year in (this_year, this_year + 1)]
        self.fed = self.followed = 0

    def conninfo(self) -> str:
        """Returns the append-only role's connection string."""
        return self.database.app_conninfo

    async def start(self) -> Application:
        """Starts the application as the service does: state from events, then work."""
        codec = event_codec()
        self.store = EventStore(self.conninfo(), settle_seconds=5)
        archive = StoredArchive(self.store, codec)
        self.states = ModuleStates(
            SubmissionsState(archive.reopen, self.rest_rows), flows=FlowsState(self.recent_ended)
        )
        inline = [
            KnownIdsModel(),
            KnownEntriesModel(),
            RecentPaymentsModel(),
            SuspendedEntriesModel(),
            BankMovementsModel(),
        ]
        for model in inline:
            fill(self.store, codec, model)
        self.writer = GroupWriter(self.store, codec, self.states.together(), self.clock, inline)
        self.writer.load()
        self.projector = Projector(self.store, codec, InstructionsModel())
        self.application = compose(self.writer, self.states, self._ports(archive, codec))
        self.writer.subscribe(lambda recorded: self.projector.ring())
        self.application.pipeline.start(self.states.streams())
        runs: Sequence[Callable[[], Any]] = (
            self.writer.run,
            self.projector.run,
            self.application.pipeline.run,
            self.application.submissions.deadlines.run,
            self.application.rail.inbox.run,
            self.application.screening.clients.run,
        )
        self.tasks = [asyncio.create_task(run()) for run in runs]
        if not self.states.calendars.years:
            for listed in self.listed_years:
                await self.custody_lists(listed)
        known = ClientTable(self.store).look_up(CLIENTS)
        for subject, name in CLIENTS.items() if not known else ():
            await self.identity_says("PartyRegistered.v1", subject, personal={"name": name})
        await self.indexed()
        return self.application

    def _ports(self, archive: StoredArchive, codec: EventCodec) -> Ports:
        """Returns what the application reaches: tables of the store, and fakes of the neighbours."""
        return Ports(
            clock=self.clock,
            archive=archive,
            entries=StoredEntries(self.store),
            past_movements=StoredMovements(self.store),
            pages=StoredPages(self.store),
            identity=self.identity,
            custody=self.custody,
            funds=self.custody,
            recent=StoredRecentPayments(self.store),
            suspended=StoredSuspendedEntries(self.store, codec),
            agreements=StoredAgreements(self.store, codec),
            rail=RailPorts(
                rail=self.rail,
                payers=self.payers,
                outbox=OutboxTable(self.store),
                received=ReceivedTable(self.store),
                seals=self.seals,
                voucher=self.voucher,
                poll_seconds=0.05,
            ),
            screening=ScreeningPorts(ClientTable(self.store), self.blocking, StoredListedNames(self.store)),
            reader=InstructionsReader(self.store, codec, self.projector),
            limits=self.limits,
            duplicate_days=self.duplicate_days,
            patience=self.patience,
            list_maximum_age_ns=self.list_maximum_age_ns,
            hearing=self.hearing,
            identity_position=lambda: self.followed,
            list_bounds=self.list_bounds,
            file_quotas=self.file_quotas,
        )

    async def indexed(self) -> None:
        """Waits until every name that identity has told is in the index."""
        table = ClientTable(self.store)
        await self.until(lambda: not table.unmarked(1))

    async def identity_says(self, topic: str, subject: bytes, **fields: Any) -> None:
        """Brings an event of identity's feed about a client; names are sealed as identity does it."""
        position = self.fed = self.fed + 1
        if "personal" in fields:
            self.payers.know(subject, fields["personal"].get("name", ""))
            key = sha256(subject).digest()
            fields["personal"] = {
                field: seal(key, text.encode(), AssociatedData(subject, position, field))
                for field, text in fields["personal"].items()
            }
        fields = {"tenant": TENANT, "party": subject} | fields
        state = msgspec.msgpack.encode(Envelope(1, position, "", msgspec.Raw(msgspec.msgpack.encode(fields))))
        event = StoredEvent(position, subject, position, topic, state, bytes(32))
        facts = client_facts([event])
        within = await self.application.screening.clients.note(facts, lambda connection: None)
        await self.writer.commit(lambda unit: unit.commit_also(within))
        self.application.screening.clients.ring()

    async def custody_lists(self, listed: YearList) -> None:
        """Brings the event of custody's feed that lists a year of a calendar."""
        await self.custody_says(
            "CalendarYear.v1",
            calendar=listed.calendar,
            year=listed.year,
            closed_days=pack("i", listed.closed),
            working_weekends=pack("i", listed.working),
            document_sha256=listed.document_sha256(),
            proposer=bytes(16),
            confirmer=bytes(16),
        )

    async def custody_says(self, topic: str, **fields: Any) -> None:
        """Brings an event of custody's feed."""
        state = msgspec.msgpack.encode(Envelope(1, 1, "", msgspec.Raw(msgspec.msgpack.encode(fields))))
        noted = calendar_facts([StoredEvent(1, bytes(16), 1, topic, state, bytes(32))])
        await self.writer.commit(lambda unit: unit.record_all(stream_of(fields["calendar"]), noted))

    async def stop(self) -> None:
        """Ends the application without any farewell."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.store.close()

    async def restart(self) -> Application:
        """Ends it and starts it from events alone."""
        await self.stop()
        return await self.start()

    async def import_list(
        self, content: bytes = LISTED, published_ns: int | None = None, by: Caller = OPERATOR, name: str = "UN"
    ) -> Imported:
        """Brings an edition of a sanctions list into force."""
        published_ns = self.clock.now_ns() if published_ns is None else published_ns
        files = ListFiles(list_name=name, list_format=CSV, content=content, published_ns=published_ns, parts={})
        return await self.application.screening.importing.import_list(by, files)

    async def submit_batch(self, caller: Caller, submission_id: bytes, orders: Sequence[Order]) -> list[StateView]:
        """Hands in a batch."""
        return await self.application.submissions.receiving.submit_batch(caller, submission_id, orders)

    async def submit_file(self, caller: Caller, content: bytes) -> FileAnswer:
        """Hands in a pain.001."""
        return await self.application.submissions.files.submit_file(caller, content)

    def row_of(self, reference: str) -> bytes:
        """Returns the id of the last row that was handed to deposits with a reference of the bank's."""
        events = [each.event for each in self.store.replay(event_codec())]
        return [
            entry
            for event in events
            if isinstance(event, EvidenceReceived)
            for entry, each in zip(split_ids(event.entry_ids), event.references, strict=True)
            if each == reference
        ][-1]

    def topics(self) -> list[str]:
        """Returns the topics of all events, in order, but for the years that every world begins with."""
        topics = [type(recorded.event).TOPIC for recorded in self.store.replay(event_codec())]
        return [topic for topic in topics if topic != CalendarYearNoted.TOPIC]

    def status(self, name: str) -> Status:
        """Returns where an instruction stands."""
        found = self.states.submissions.find(TENANT, an_id(name))
        assert found is not None
        submission, index = found
        return Status(submission.statuses[index])

    def reason(self, name: str) -> str:
        """Returns why it was refused or waits."""
        found = self.states.submissions.find(TENANT, an_id(name))
        assert found is not None
        submission, index = found
        return submission.reason_of(index)

    async def until(self, condition: Callable[[], bool], seconds: float = 10.0) -> None:
        """Waits for something to become true."""
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.01)

    async def between_attempts(self) -> None:
        """Waits until no lane has a payment in hand: whatever is tried next sees all that is set by now."""
        await self.until(lambda: not any(lane._busy for lane in self.application.pipeline.lanes))

    async def reaches(self, name: str, status: Status) -> None:
        """Waits until an instruction stands somewhere, durably."""
        try:
            await self.until(lambda: self.status(name) is status)
        except TimeoutError:
            raise AssertionError(f"{name} is {self.status(name)!r} ({self.reason(name)}), not {status!r}") from None
        await self.writer.commit(lambda unit: None)


def migrate(database: Database) -> Database:
    """Makes the service's tables."""
    owner = database.owner_conninfo
    apply_migrations(owner, database.app_role, migrations())
    return database
