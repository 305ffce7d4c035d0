"""A ledger, banks and calendars made up for tests, and the service in small over them."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ringfence_custody.reconciliation.domain.events import StatementNoted
from ringfence_custody.safeguarding.application.closing import DayClosing
from ringfence_custody.safeguarding.application.commands import DayCommands
from ringfence_custody.safeguarding.application.ports import PoolOf
from ringfence_custody.safeguarding.domain.days import DayKey
from ringfence_custody.safeguarding.domain.events import SafeguardingCut, SafeguardingMissed
from ringfence_custody.safeguarding.domain.figures import POOLS, BookFigures, MirrorBalance, OpenSums
from ringfence_custody.safeguarding.domain.state import State
from ringfence_kernel.access.caller import Caller
from ringfence_kernel.proposals.application import Proposals
from ringfence_kernel.proposals.domain.state import State as ProposalState
from ringfence_kernel.values.business_days import CalendarYearMissing
from ringfence_kernel.values.ids import external_id
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.writing.journal import Journal

TENANT = external_id("test", bytes(16), "platform")
MIRROR = external_id("test", bytes(16), "mirror")
EUR = 978
MONDAY = 20_783  # 2026-11-26 is a Thursday; days count here, not their names
CALENDAR = "EVERY DAY"
FUND = (TENANT, EUR, POOLS[0])


def key(day: int) -> DayKey:
    """Returns the day of the only platform, currency and pool."""
    return DayKey(TENANT, EUR, POOLS[0], day)


def person(number: int) -> Caller:
    """Returns an operator with a person, key and certificate of its own."""
    own = bytes(15) + bytes([number])
    thumbprint = urlsafe_b64encode(bytes(31) + bytes([number])).rstrip(b"=").decode()
    return Caller(
        "spiffe://test/principal", None, own, thumbprint, None, frozenset({"operator"}), person=own, key_sha256=own * 2
    )


@dataclass
class Books:
    """One platform with clients' balances, suspense and one mirror."""

    clients: list[int] = field(default_factory=lambda: [700, 300])
    suspense: int = 0
    own: int = 0
    debits: int = 1_000
    credits: int = 0
    has_mirror: bool = True

    def funds(self, pool_of: PoolOf) -> Iterable[tuple[bytes, int, str]]:
        return [FUND]

    def figures(self, tenant: bytes, ledger: int, pool: str, pool_of: PoolOf) -> BookFigures:
        positive = sum(each for each in self.clients if each > 0)
        mirror = MirrorBalance(MIRROR, 1, self.debits, self.credits)
        return BookFigures(positive, self.suspense, self.own, 0, 0, (mirror,) if self.has_mirror else ())

    def mirror_minor(self, tenant: bytes, mirror: bytes) -> int:
        return self.debits - self.credits


@dataclass
class Evidence:
    """What is open on the mirror, and breaks in words."""

    sums_open: OpenSums | None = field(default_factory=OpenSums)
    breaks: list[str] = field(default_factory=list)

    def sums(
        self, tenant: bytes, mirror: bytes, day: int, overdue_day: int, position: int, now_ns: int
    ) -> OpenSums | None:
        return self.sums_open

    def open_breaks(self, tenant: bytes, mirrors: Sequence[bytes], day: int) -> list[str]:
        return self.breaks


@dataclass
class Days:
    """Every day is a business day."""

    opened: int = 0
    listed_until: int = 2**31

    def calendar(self, ledger: int) -> str:
        return CALENDAR

    def opened_day(self, ledger: int) -> int:
        return self.opened

    def previous_day(self, ledger: int, day: int) -> int:
        return self._listed(day) - 1

    def next_day(self, ledger: int, day: int) -> int:
        return self._listed(day) + 1

    def _listed(self, day: int) -> int:
        if day > self.listed_until:
            raise CalendarYearMissing(calendar=CALENDAR, year="")
        return day


class Unit:
    """What a command decides within; events are applied at once."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self.events: list[Any] = []
        self.journal = writer.journal
        self.now_ns = writer.now_ns

    def record(self, stream: bytes, event: Any) -> None:
        self.events.append(event)
        self._writer.events.append((stream, event))
        recorded = Recorded(len(self._writer.events), stream, 1, event, self.now_ns, "")
        self._writer.state.apply(recorded, self.journal)

    def record_all(self, stream: bytes, events: Iterable[Any]) -> None:
        for event in events:
            self.record(stream, event)


@dataclass
class Writer:
    """A writer without a store: a decision that is refused leaves nothing."""

    state: State
    events: list[tuple[bytes, Any]] = field(default_factory=list)
    journal: Journal = field(default_factory=Journal)
    now_ns: int = 1

    @property
    def head(self) -> Any:
        class Head:
            position = len(self.events)

        return Head

    async def commit(self, command: Any, weight: int = 1) -> Any:
        mark, count = self.journal.mark(), len(self.events)
        try:
            return command(Unit(self))
        except Exception:
            self.journal.rollback(mark)
            del self.events[count:]
            raise


class World:
    """All of it, wired."""

    def __init__(self) -> None:
        self.books, self.evidence, self.days, self.state = Books(), Evidence(), Days(), State()
        self.writer: Any = Writer(self.state)
        self.closing = DayClosing(
            self.writer, self.state, self.books, self.evidence, self.days, lambda unit, book: None
        )
        proposals = Proposals(self.writer, ProposalState())
        self.commands = DayCommands(self.writer, self.state, self.evidence, proposals)

    async def open(self, day: int) -> int:
        """Opens a business day, and has done what is due."""
        before, self.days.opened = len(self._carried_on()), day
        await self.writer.commit(lambda unit: self.closing.on_day(unit, CALENDAR, day))
        await self.closing.step()
        return len(self._carried_on()) - before

    async def state_closing(self, day: int, closing: int, name: str = "", first_day: int = 0) -> int:
        """Has a bank close a day, or several, and what is due done."""
        telling = external_id("test", bytes(16), name or f"statement {day} {closing}")
        event = StatementNoted(TENANT, MIRROR, telling, bytes(32), first_day or day, day, 0, closing)
        await self.writer.commit(lambda unit: unit.record(MIRROR, event))
        return await self.closing.step()

    def _carried_on(self) -> list[Any]:
        return [*self.of(SafeguardingCut), *self.of(SafeguardingMissed)]

    def of(self, kind: type) -> list[Any]:
        """Returns the events of a kind so far."""
        return [event for _, event in self.writer.events if isinstance(event, kind)]
