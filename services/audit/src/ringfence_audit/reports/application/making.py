"""Makes reports from leaves, under the latest checkpoint. All calls block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum
from itertools import islice

from ringfence_kernel.values.ids import ZERO_ID

from ringfence_audit.log.application.queries import MOST_FACTS
from ringfence_audit.reports.application.ports import Currencies, Leaves
from ringfence_audit.reports.domain.breaks import BREAK_KINDS
from ringfence_audit.reports.domain.daily import daily
from ringfence_audit.reports.domain.errors import ReportEmpty, ReportTooLarge
from ringfence_audit.reports.domain.export import actor_of, export
from ringfence_audit.reports.domain.facts import (
    COMMITMENT,
    CUT,
    POOLS,
    DayFacts,
    DayKey,
    Fact,
    day_facts,
    facts_of,
    read,
)
from ringfence_audit.reports.domain.large import decided_by_kind, large, sums_of
from ringfence_audit.reports.domain.monthly import monthly
from ringfence_audit.reports.domain.pack import newest_closed, pack
from ringfence_audit.reports.domain.reconciliation import reconciliation
from ringfence_audit.reports.domain.register import READ, register
from ringfence_audit.reports.domain.registered import (
    APPOINTMENT_KINDS,
    LETTER_KINDS,
    Registered,
    appointments_on,
    bank_by,
    letters_by,
)
from ringfence_audit.reports.domain.report import Report, Under

_EPOCH = date(1970, 1, 1)
DAY_NS = 86_400 * 10**9
FIRST_FACTS = 50
PARTY, PRINCIPAL = "identity.party_registered.v1", "identity.principal_registered.v1"
LOOK_BACK_DAYS = 14
"""How far the business day before may lie: the longest holidays of any calendar are shorter."""


class Subject(Enum):
    """What a report is about."""

    DAILY_CUSTODY = "D1"
    RECONCILIATION = "D2"
    MONTHLY_SAFEGUARDING = "D3"
    LARGE_TRANSACTIONS = "D4"
    AUDIT_EXPORT = "D6"
    RESOLUTION_PACK = "D10"
    REGISTER = "D11"


@dataclass(frozen=True, slots=True)
class Making:
    """Reads the days of a platform from the log."""

    leaves: Leaves
    currencies: Currencies

    def report(self, subject: Subject, tenant: bytes, day: int, under: Under) -> Report:
        """Returns the report about a day, or about the month that it lies in; raises ReportEmpty, LogDamaged."""
        if subject is Subject.MONTHLY_SAFEGUARDING:
            return self._monthly(tenant, day, under)
        if subject is Subject.RESOLUTION_PACK:
            return self._pack(tenant, day, under)
        if subject is Subject.LARGE_TRANSACTIONS:
            return self._large(tenant, day, under)
        if subject is Subject.AUDIT_EXPORT:
            return self._export(tenant, day, under)
        if subject is Subject.REGISTER:
            return self._register(tenant, day, under)
        days = [found for fund in self._funds(tenant) if (found := self._day(tenant, fund, day, under)).of(CUT)]
        if not days:
            raise ReportEmpty
        if subject is Subject.RECONCILIATION:
            return reconciliation(days, self._read(self.leaves.of_kinds(tenant, BREAK_KINDS, under.size)), under)
        both = [(each, next(self._back(each.key, under), DayFacts(each.key, {}))) for each in days]
        return daily(both, self._registered(tenant, day, under), under)

    def _monthly(self, tenant: bytes, day: int, under: Under) -> Report:
        first, last = month_of(day)
        days = self._month(tenant, day, under)
        if not days:
            raise ReportEmpty
        return monthly(days, self._registered(tenant, last, under), tenant, first, last, under)

    def _large(self, tenant: bytes, day: int, under: Under) -> Report:
        facts = read(self._of_day(tenant, day, under))
        customers = sorted(decided_by_kind(sums_of(facts)))
        parties = {each: fact for each in customers if (fact := self._first(each, PARTY, under))}
        return large(facts, parties, tenant, day, under)

    def _export(self, tenant: bytes, day: int, under: Under) -> Report:
        found = self._of_day(tenant, day, under)
        facts = read(found)
        actors = sorted({tenant, *(actor for fact in facts if (actor := actor_of(fact)))})
        known = {each: fact for each in actors if (fact := self._first(each, PRINCIPAL, under))}
        principals = dict(zip(known, self._opened(list(known.values())), strict=True))
        return export([leaf for _, leaf in found], facts, principals, tenant, day, under)

    def _register(self, tenant: bytes, day: int, under: Under) -> Report:
        first, last = month_of(day)
        days = self._month(tenant, day, under)
        from_ns, until_ns = first * DAY_NS, (last + 1) * DAY_NS
        about = facts_of(self.leaves.about_between(tenant, from_ns, until_ns, under.size))
        found = (fact for fact in about if fact.kind == READ and from_ns <= fact.number("time_ns") < until_ns)
        reads = list(islice(found, MOST_FACTS + 1))
        if len(reads) > MOST_FACTS:
            raise ReportTooLarge
        if not days and not reads:
            raise ReportEmpty
        return register(days, reads, tenant, first, last, under)

    def _of_day(self, tenant: bytes, day: int, under: Under) -> list[tuple[int, bytes]]:
        """Returns the leaves of a platform of a day; raises ReportEmpty, ReportTooLarge."""
        stated = self.leaves.of_platform(tenant, day * DAY_NS, (day + 1) * DAY_NS, under.size)
        found = list(islice(stated, MOST_FACTS + 1))
        if not found:
            raise ReportEmpty
        if len(found) > MOST_FACTS:
            raise ReportTooLarge
        return found

    def _first(self, key: bytes, kind: str, under: Under) -> Fact | None:
        """Returns the fact of a kind by which somebody became known: among the first about him."""
        about = facts_of(self.leaves.first_about(key, FIRST_FACTS, under.size))
        return next((fact for fact in about if fact.kind == kind), None)

    def _month(self, tenant: bytes, day: int, under: Under) -> list[DayFacts]:
        first, last = month_of(day)
        return [
            found
            for fund in self._funds(tenant)
            for each in range(first, last + 1)
            if (found := self._day(tenant, fund, each, under)).of(CUT)
        ]

    def _pack(self, tenant: bytes, day: int, under: Under) -> Report:
        back = [self._back(DayKey(tenant, *fund, day + 1), under) for fund in self._funds(tenant)]
        cut = [days for found in back if (days := list(found))]
        registered = self._registered(tenant, day, under)
        if not cut and not registered:
            raise ReportEmpty
        return pack([days[0] for days in cut], list(map(newest_closed, cut)), registered, tenant, day, under)

    def _registered(self, tenant: bytes, day: int, under: Under) -> Registered:
        letters = letters_by(day, self._read(self.leaves.of_kinds(tenant, LETTER_KINDS, under.size)))
        banks = [
            bank_by(day, self._read(self.leaves.about(each, under.size))) for each in sorted({x.bank for x in letters})
        ]
        appointments = [
            fact
            for whose in (ZERO_ID, tenant)
            for fact in self._read(self.leaves.of_kinds(whose, APPOINTMENT_KINDS, under.size))
        ]
        return Registered(
            letters,
            tuple(bank for bank in banks if bank),
            appointments_on(day, appointments, "AGENT"),
            appointments_on(day, appointments, "KEY_PERSON"),
        )

    def _read(self, leaves: Iterable[tuple[int, bytes]]) -> list[Fact]:
        """Returns leaves as facts, with what they commit to as far as it is kept."""
        return self._opened(read(leaves))

    def _opened(self, facts: Sequence[Fact]) -> list[Fact]:
        closed = [fact.index for fact in facts if any(name.endswith(COMMITMENT) for name in fact.fields)]
        texts = self.leaves.texts(closed) if closed else {}
        return [fact.opened(texts.get(fact.index, {})) for fact in facts]

    def _funds(self, tenant: bytes) -> Iterator[tuple[int, str]]:
        return ((ledger, pool) for ledger in self.currencies(tenant) for pool in POOLS)

    def _day(self, tenant: bytes, fund: tuple[int, str], day: int, under: Under) -> DayFacts:
        key = DayKey(tenant, *fund, day)
        return day_facts(key, self._read(self.leaves.about(key.day_id, under.size)))

    def _back(self, key: DayKey, under: Under) -> Iterator[DayFacts]:
        """Yields the business days before a day that were cut, the newest first."""
        for day in range(key.day - 1, key.day - LOOK_BACK_DAYS, -1):
            found = self._day(key.tenant, (key.ledger, key.pool), day, under)
            if found.of(CUT):
                yield found


def month_of(day: int) -> tuple[int, int]:
    """Returns the first and last day of the month that a day lies in, in days since 1970."""
    first = (_EPOCH + timedelta(day)).replace(day=1)
    following = (first + timedelta(32)).replace(day=1)
    return (first - _EPOCH).days, (following - _EPOCH).days - 1
