"""The application on a real PostgreSQL, with fakes for the other services and the bank."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from psycopg.conninfo import make_conninfo
from ringfence_kernel.projecting.projector import Projector
from ringfence_kernel.store import EventStore, apply_migrations
from ringfence_kernel.values.clock import NANOSECONDS, SystemClock
from ringfence_kernel.values.ids import external_id
from ringfence_kernel.writing.writer import GroupWriter
from ringfence_local_stack.servers.database import Database
from ringfence_payment_instruction.adapters.payment_files import Iso20022Files
from ringfence_payment_instruction.adapters.read_model import InstructionsModel, InstructionsReader, migrations
from ringfence_payment_instruction.adapters.sanctions_files import SanctionsFiles
from ringfence_payment_instruction.application.composition import Application, Parts, compose
from ringfence_payment_instruction.application.desk import Desk
from ringfence_payment_instruction.application.ports import BookAccounts, Submitter
from ringfence_payment_instruction.bootstrap import event_codec
from ringfence_payment_instruction.domain.approval import ApprovalLimits
from ringfence_payment_instruction.domain.orders import Alias, Order
from ringfence_payment_instruction.domain.progress import Patience
from ringfence_payment_instruction.domain.state import State
from ringfence_payment_instruction.domain.status import Status

from .fakes import FakeCustody, FakeIdentity, FakeRail, FakeVoucher

EUR = 978
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
PLATFORM = Submitter(TENANT, TENANT, "access token", b"c" * 32)
APPROVER = Submitter(an_id("approver"), TENANT, "access token", b"a" * 32)
OPERATOR = Submitter(an_id("operator"), None, "access token", b"o" * 32)
BANK_FEED = Submitter(an_id("bank"), None, "access token", b"b" * 32)
BANK, ANNA, BORIS, FOREIGN = iban(1), iban(2), iban(3), iban(4)
STRANGER = "GB29NWBK60161331926819"
MIRROR, SUSPENSE = an_id("mirror"), an_id("suspense")


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


class World:
    """Fakes that survive, and an application that can be ended and started again on the same database."""

    def __init__(self, database: Database, limits: ApprovalLimits | None = None) -> None:
        """Opens accounts: Anna has 1,000.00 EUR, Boris nothing."""
        self.database = database
        self.identity, self.custody, self.rail = FakeIdentity(), FakeCustody(), FakeRail()
        self.voucher = FakeVoucher()
        self.clock = SystemClock()
        self.limits = limits or ApprovalLimits({EUR: 500_00})
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
        self.tasks: list[asyncio.Task[Any]] = []

    def conninfo(self) -> str:
        """Returns the append-only role's connection string."""
        return make_conninfo(self.database.app_url, password=self.database.app_password)

    async def start(self) -> Application:
        """Starts the application as the service does: state from events, then work."""
        codec, self.state = event_codec(), State()
        self.store = EventStore(self.conninfo(), settle_seconds=5)
        self.writer = GroupWriter(self.store, codec, self.state, self.clock)
        self.writer.load()
        self.projector = Projector(self.store, codec, InstructionsModel())
        self.application = compose(
            Parts(
                desk=Desk(self.writer, self.state),
                clock=self.clock,
                identity=self.identity,
                custody=self.custody,
                rail=self.rail,
                voucher=self.voucher,
                files=Iso20022Files(),
                lists=SanctionsFiles(),
                read_model=InstructionsReader(self.store, codec, self.projector),
                limits=self.limits,
                patience=self.patience,
                list_maximum_age_ns=self.list_maximum_age_ns,
                rail_poll_seconds=0.05,
            )
        )
        self.writer.subscribe(lambda recorded: self.projector.ring())
        self.application.pipeline.start()
        runs: Sequence[Callable[[], Any]] = (
            self.writer.run,
            self.projector.run,
            self.application.pipeline.run,
            self.application.pipeline.deadlines.run,
            self.application.inbox.run,
        )
        self.tasks = [asyncio.create_task(run()) for run in runs]
        return self.application

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

    async def import_list(self, content: bytes = LISTED, published_ns: int | None = None) -> None:
        """Brings a sanctions list into force."""
        published_ns = self.clock.now_ns() if published_ns is None else published_ns
        await self.application.lists.import_list(OPERATOR, "UN", CSV, content, published_ns)

    def status(self, name: str) -> Status:
        """Returns where an instruction stands."""
        found = self.state.find(TENANT, an_id(name))
        assert found is not None
        submission, index = found
        return Status(submission.statuses[index])

    def reason(self, name: str) -> str:
        """Returns why it was refused or waits."""
        found = self.state.find(TENANT, an_id(name))
        assert found is not None
        submission, index = found
        return submission.reason_of(index)

    async def until(self, condition: Callable[[], bool], seconds: float = 10.0) -> None:
        """Waits for something to become true."""
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.01)

    async def reaches(self, name: str, status: Status) -> None:
        """Waits until an instruction stands somewhere, durably."""
        try:
            await self.until(lambda: self.status(name) is status)
        except TimeoutError:
            raise AssertionError(f"{name} is {self.status(name)!r} ({self.reason(name)}), not {status!r}") from None
        await self.application.decisions.desk.commit(lambda unit: None)


def migrate(database: Database) -> Database:
    """Makes the service's tables."""
    owner = make_conninfo(database.owner_url, password=database.owner_password)
    apply_migrations(owner, database.app_role, migrations())
    return database
