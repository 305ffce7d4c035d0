"""A bank and a book for tests: what the bank tells, as payment-instruction publishes it, and what was posted."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from ringfence_custody.ledger.application.commands import Evidence
from ringfence_custody.ledger.domain.result_codes import CreateTransferStatus
from ringfence_custody.reconciliation.adapters.payment_feed import (
    CURSOR,
    BankMovements,
    ExceptionWorkedOff,
    StatementExcepted,
    StatementTaken,
    facts_of,
)
from ringfence_custody.reconciliation.domain.breaks import Break
from ringfence_custody.reconciliation.domain.mirror import Mirror
from ringfence_kernel.access.caller import calling
from ringfence_kernel.store import Head, StoredEvent, save_cursor
from ringfence_kernel.store.codec import EventCodec
from ringfence_kernel.values.clock import DAY_NS
from ringfence_kernel.values.columns import pack
from ringfence_kernel.values.ids import ZERO_ID

from ..conftest import OPERATOR, Custody
from ..ledger import DEPOSIT, START_NS, Row, columns_of, id_of
from ..test_custody_service import PLATFORM, open_accounts

TODAY = START_NS // DAY_NS + 2
"""A Thursday, on which it all begins; accounts were opened two days before."""
TOLD, BOOKED, MISSING, SAME = 1, 2, 3, 4
_CODEC = EventCodec([BankMovements, StatementTaken, StatementExcepted, ExceptionWorkedOff])


@dataclass(frozen=True)
class Movement:
    """A movement by plain values; entry, reserved and reference are names."""

    name: str
    amount: int
    entry: str = ""
    reserved: str = ""
    reference: str = ""
    day: int = TODAY
    state: int = BOOKED
    parts: tuple[tuple[int, str], ...] = ()


@dataclass
class Town:
    """A custody service whose platform has a mirror, and a bank that tells."""

    custody: Custody
    told: int = 0
    feed: list[StoredEvent] = field(default_factory=list)

    @classmethod
    async def built(cls, custody: Custody) -> Town:
        """Opens accounts; a first statement covers what they begin with."""
        await open_accounts(custody)
        custody.clock.advance(2 * DAY_NS)
        town = cls(custody)
        await town.statement(TODAY - 1, closing=2_000)
        return town

    @property
    def mirror(self) -> Mirror:
        """The mirror as it stands."""
        return self.custody.reconciled.mirror(PLATFORM, id_of("bank"))

    @property
    def breaks(self) -> dict[bytes, Break]:
        """The breaks in memory by the id of their line."""
        return {each.line: each for each in self.custody.reconciled.breaks.values()}

    def states(self) -> dict[bytes, tuple[str, str]]:
        """Returns kind and status of each break by its line."""
        return {line: (each.kind.value, each.status.value) for line, each in self.breaks.items()}

    async def tell(self, *movements: Movement) -> None:
        """Takes in movements."""
        parts = [part for each in movements for part in each.parts]
        await self.publish(
            BankMovements(
                PLATFORM,
                id_of("bank"),
                b"".join(id_of(each.name) for each in movements),
                bytes(each.state for each in movements),
                pack("i", [each.day for each in movements]),
                pack("Q", [abs(each.amount) for each in movements]),
                bytes(int(each.amount > 0) for each in movements),
                b"".join(id_of(each.entry) for each in movements),
                b"".join(id_of(each.reserved) for each in movements),
                b"".join(id_of(each.reference) for each in movements),
                pack("I", [len(each.parts) for each in movements]),
                pack("Q", [abs(amount) for amount, _ in parts]),
                b"".join(id_of(reference) for _, reference in parts),
            )
        )

    async def statement(self, last_day: int, *, opening: int = 0, closing: int = 0, first_day: int = 0) -> None:
        """Takes in a statement."""
        telling = id_of(f"statement {last_day}")
        first = first_day or last_day
        await self.publish(
            StatementTaken(PLATFORM, id_of("bank"), telling, bytes(32), first, last_day, opening, closing)
        )

    async def publish(self, event: Any) -> None:
        """Takes in an event of payment-instruction's feed."""
        self.told += 1
        topic, state = _CODEC.encode(event, 1)
        self.feed.append(StoredEvent(self.told, PLATFORM, self.told, topic, state, bytes(32)))
        cursor = Head(1, self.told, bytes(32))
        await self.custody.reconciliation.noting.note(
            facts_of(self.feed[-1:]), lambda connection: save_cursor(connection, CURSOR, cursor)
        )

    async def post(self, *rows: Row, entry: str = "") -> list[str]:
        """Books rows on the bank's word, each on an entry of its own unless one is named."""
        entries = [id_of(entry or f"entry {row.id!s}") for row in rows]
        evidence = Evidence([b"e" * 32] * len(rows), entries, [ZERO_ID] * len(rows))
        outcome = await self.custody.commands.book_evidence(PLATFORM, columns_of(rows), evidence)
        return [CreateTransferStatus(code).name.lower() for code in outcome.status]

    async def deposit(self, name: str, amount: int, entry: str = "") -> None:
        """Credits alice with a deposit."""
        row = Row(name, "bank", "alice", amount, code=DEPOSIT)
        assert await self.post(row, entry=entry) == ["created"]

    async def work(self) -> None:
        """Reconciles until there is nothing more to do."""
        for _ in range(3):
            await self.custody.reconciliation.work.run_once()

    async def ask(self, method: str, request: Any, tenant: bytes | None = None) -> Any:
        """Calls a method as an operator, or as a platform."""
        with calling(replace(OPERATOR, tenant=tenant)):
            return await getattr(self.custody.reconciliation.servicer, method)(request, None)

    def open_lines(self) -> tuple[int, int]:
        """Returns how many lines are open, of the bank and of the books."""
        return len(self.mirror.bank), len(self.mirror.books)
