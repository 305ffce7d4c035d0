"""What safeguarding keeps in memory, built from events alone: days that are not over, registered facts, pools."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, NamedTuple

from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.values.sections import Sections
from ringfence_kernel.writing import plain
from ringfence_kernel.writing.journal import Journal

from ringfence_custody.reconciliation.domain.events import LinesMatched, MatchUndone, StatementNoted
from ringfence_custody.safeguarding.domain.days import Day, DayKey, Status, applied
from ringfence_custody.safeguarding.domain.events import EVENTS, PoolAssigned, ResourceRegistered, SafeguardingCut
from ringfence_custody.safeguarding.domain.figures import POOLS, Facts
from ringfence_custody.safeguarding.domain.placing import PlacedMoney

SECTION = "safeguarding, format 2"
KEPT_DAYS = 40
"""A day that is signed leaves memory when one so many days later is cut; it stands in the store."""

Fund = tuple[bytes, int, str]
"""A platform, a currency and a pool."""


class Component(IntEnum):
    """A component of the resource that is registered."""

    ASSETS = 1
    INSURANCE = 2


class Closing(NamedTuple):
    """What a bank's statement closes with, in minor units; days since 1970-01-01."""

    telling: bytes
    first_day: int
    last_day: int
    closing_minor: int


@dataclass(frozen=True, slots=True)
class _Saved:
    days: list[Day]
    closings: list[tuple[bytes, list[Closing]]]
    facts: list[ResourceRegistered]
    pools: list[tuple[bytes, int, str]]
    placed: list[tuple[tuple[bytes, bytes], int]]


class State:
    """Every change goes through the journal; nothing here decides."""

    EVENTS: ClassVar[tuple[type, ...]] = (*EVENTS, StatementNoted, LinesMatched, MatchUndone)

    def __init__(self) -> None:
        """Starts empty."""
        self.days: dict[bytes, Day] = {}
        self.facts: dict[tuple[bytes, int, str, int, int], ResourceRegistered] = {}
        self.pools: dict[tuple[bytes, int], str] = {}
        self._last: dict[Fund, int] = {}
        self._closings: dict[bytes, dict[int, Closing]] = {}
        self._placed: dict[tuple[bytes, bytes], int] = {}  # by day and mirror

    def apply(self, recorded: Recorded, journal: Journal) -> None:
        """Takes in one event."""
        event = recorded.event
        if isinstance(event, SafeguardingCut):
            self._cut(event, journal)
        elif isinstance(event, StatementNoted):
            self._close(event, journal)
        elif isinstance(event, LinesMatched | MatchUndone):
            self._add_placed(event, journal)
        elif isinstance(event, ResourceRegistered):
            key = (event.tenant, event.ledger, event.pool, event.component, event.from_day)
            journal.put(self.facts, key, event)
        elif isinstance(event, PoolAssigned):
            journal.put(self.pools, (event.tenant, event.account_code), event.pool)
        elif recorded.stream in self.days:
            journal.put(self.days, recorded.stream, applied(self.days[recorded.stream], event))

    def closing_of(self, mirror: bytes, day: int) -> Closing | None:
        """Returns the statement that covers a day, the shortest of several; None while there is none."""
        closings = self._closings.get(mirror, {})
        covering = (each for last, each in sorted(closings.items()) if each.first_day <= day <= last)
        return next(covering, None)

    def newest_closing(self, mirror: bytes) -> Closing:
        """Returns the statement that goes farthest; raises LookupError before the first."""
        closings = self._closings[mirror]
        return closings[max(closings)]

    def placed_later_minor(self, stream: bytes, mirror: bytes) -> int:
        """Returns what the books had of a bank at the end of a day, told by news, that it has booked since."""
        return self._placed.get((stream, mirror), 0)

    def funds(self) -> list[Fund]:
        """Returns the platforms, currencies and pools of which a day was cut."""
        return list(self._last)

    def last_cut(self, fund: Fund) -> int:
        """Returns the newest day of a platform, currency and pool that was cut, 0 before the first."""
        return self._last.get(fund, 0)

    def pool_of(self, tenant: bytes, account_code: int) -> str:
        """Returns the pool that accounts of a code belong to."""
        return self.pools.get((tenant, account_code), POOLS[0])

    def facts_of(self, key: DayKey) -> Facts:
        """Returns the registered components that count on a day: of each the one that was registered from last."""
        amounts = {Component.ASSETS: 0, Component.INSURANCE: 0}
        for (tenant, ledger, pool, component, from_day), fact in sorted(self.facts.items(), key=lambda each: each[0]):
            if (tenant, ledger, pool) == (key.tenant, key.ledger, key.pool) and from_day <= key.day <= fact.until_day:
                amounts[Component(component)] = fact.amount_minor
        return Facts(amounts[Component.ASSETS], amounts[Component.INSURANCE])

    def unfinished(self) -> Iterator[Day]:
        """Yields the days that are not signed, the oldest first."""
        yield from sorted((day for day in self.days.values() if day.status is not Status.SIGNED), key=_in_order)

    def of_tenant(self, tenant: bytes) -> list[Day]:
        """Returns the days of a platform that are in memory, the oldest first."""
        return sorted((day for day in self.days.values() if day.key.tenant == tenant), key=_in_order)

    def _close(self, event: StatementNoted, journal: Journal) -> None:
        """Keeps what a statement closes with, and lets go of those that no day in memory is compared with."""
        if event.mirror not in self._closings:
            journal.put(self._closings, event.mirror, {})
        closings = self._closings[event.mirror]
        for last in [each for each in closings if each < event.last_day - 2 * KEPT_DAYS]:
            journal.remove(closings, last)
        closing = Closing(event.telling, event.first_day, event.last_day, event.closing_minor)
        journal.put(closings, event.last_day, closing)

    def _add_placed(self, event: LinesMatched | MatchUndone, journal: Journal) -> None:
        """Keeps of the days in memory what was not placed at their ends: lines that are matched leave memory."""
        placed, sign = PlacedMoney.of(event.movements, event.transfers), 1 if isinstance(event, LinesMatched) else -1
        for stream, day in self.days.items():
            if day.key.tenant == event.book and any(each.mirror == event.mirror for each in day.mirrors):
                amount = placed.later_minor(day.key.day, day.cut.as_of_position)
                if amount:
                    key = stream, event.mirror
                    journal.put(self._placed, key, self._placed.get(key, 0) + sign * amount)

    def _cut(self, event: SafeguardingCut, journal: Journal) -> None:
        key = DayKey(event.tenant, event.ledger, event.pool, event.day)
        fund = (event.tenant, event.ledger, event.pool)
        over = [
            stream
            for stream, day in self.days.items()
            if (day.key.tenant, day.key.ledger, day.key.pool) == fund
            and day.status is Status.SIGNED
            and day.key.day < event.day - KEPT_DAYS
        ]
        for stream in over:
            journal.remove(self.days, stream)
            journal.end(stream)
        for placed in [each for each in self._placed if each[0] in over]:
            journal.remove(self._placed, placed)
        journal.put(self.days, key.stream, Day(key, event))
        journal.put(self._last, fund, max(event.day, self._last.get(fund, 0)))

    def digest(self) -> bytes:
        """Returns a hash of it all."""
        return hashlib.sha256(plain.encode(self._saved())).digest()

    def save(self) -> Sections:
        """Returns everything that events have said so far."""
        return [(SECTION, plain.encode(self._saved()))]

    def restore(self, sections: Mapping[str, memoryview]) -> None:
        """Takes up what `save` returned; raises ValueError or LookupError for another format."""
        saved = plain.decode(sections[SECTION], _Saved)
        self.days = {day.key.stream: day for day in saved.days}
        self.facts = {
            (each.tenant, each.ledger, each.pool, each.component, each.from_day): each for each in saved.facts
        }
        self.pools = {(tenant, code): pool for tenant, code, pool in saved.pools}
        self._closings = {mirror: {each.last_day: each for each in closings} for mirror, closings in saved.closings}
        self._placed = dict(saved.placed)
        for day in saved.days:
            fund = (day.key.tenant, day.key.ledger, day.key.pool)
            self._last[fund] = max(day.key.day, self._last.get(fund, 0))

    def _saved(self) -> _Saved:
        pools = sorted((tenant, code, pool) for (tenant, code), pool in self.pools.items())
        closings = [
            (mirror, [each for _, each in sorted(its.items())]) for mirror, its in sorted(self._closings.items())
        ]
        days = sorted(self.days.values(), key=_in_order)
        facts = [self.facts[key] for key in sorted(self.facts)]
        return _Saved(days, closings, facts, pools, sorted(self._placed.items()))


def _in_order(day: Day) -> DayKey:
    return DayKey(day.key.tenant, day.key.ledger, day.key.pool, day.key.day)
