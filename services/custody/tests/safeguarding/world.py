"""A ledger, banks and calendars made up for tests, and the service in small over them."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ringfence_custody.safeguarding.application.closing import DayClosing
from ringfence_custody.safeguarding.application.commands import DayCommands
from ringfence_custody.safeguarding.application.ports import PoolOf
from ringfence_custody.safeguarding.domain.days import DayKey
from ringfence_custody.safeguarding.domain.figures import POOLS, BankFigures, BookFigures, MirrorBalance
from ringfence_custody.safeguarding.domain.state import State
from ringfence_kernel.access.caller import Caller
from ringfence_kernel.proposals.application import Proposals
from ringfence_kernel.proposals.domain.state import State as ProposalState
from ringfence_kernel.values.ids import external_id
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.writing.journal import Journal

TENANT = external_id("test", bytes(16), "platform")
MIRROR = external_id("test", bytes(16), "mirror")
EUR = 978
MONDAY = 20_783  # 2026-11-26 is a Thursday; days count here, not their names
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

    def funds(self, pool_of: PoolOf) -> Iterable[tuple[bytes, int, str]]:
        return [FUND]

    def figures(self, tenant: bytes, ledger: int, pool: str, pool_of: PoolOf) -> BookFigures:
        positive = sum(each for each in self.clients if each > 0)
        mirror = MirrorBalance(MIRROR, 1, self.debits, self.credits)
        return BookFigures(positive, self.suspense, self.own, 0, 0, (mirror,))


@dataclass
class Evidence:
    """Closing balances by day, and what lies between."""

    closings: dict[int, int] = field(default_factory=dict)
    tellings: dict[int, bytes] = field(default_factory=dict)
    later: int = 0
    unbooked: int = 0
    unplaced: int = 0
    overdue: int = 0
    breaks: list[str] = field(default_factory=list)
    position: int = 5

    def figures(self, mirror: MirrorBalance, day: int, overdue_day: int) -> BankFigures | None:
        if day not in self.closings:
            return None
        telling = self.tellings.get(day, external_id("test", bytes(16), f"statement {day}"))
        return BankFigures(
            mirror.mirror,
            mirror.number,
            telling,
            mirror.balance_minor,
            self.closings[day],
            self.later,
            self.unbooked,
            self.unplaced,
            self.overdue,
        )

    def open_breaks(self, mirrors: Sequence[bytes], day: int) -> list[str]:
        return self.breaks


@dataclass
class Days:
    """Every day is a business day."""

    opened: int = 0

    def opened_day(self, ledger: int) -> int:
        return self.opened

    def previous_day(self, ledger: int, day: int) -> int:
        return day - 1

    def next_day(self, ledger: int, day: int) -> int:
        return day + 1


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
        self.days.opened = day
        return await self.closing.step()

    def of(self, kind: type) -> list[Any]:
        """Returns the events of a kind so far."""
        return [event for _, event in self.writer.events if isinstance(event, kind)]
