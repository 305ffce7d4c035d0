"""Pages of one telling: staged as they come, decided when the set is whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise

from ringfence_kernel.values.ids import external_id

from ringfence_payment_instruction.statements.domain.checking import Fault, FaultKind
from ringfence_payment_instruction.statements.domain.statement import Balance, Heading, Statement

MAX_PAGES = 10_000


@dataclass(frozen=True, slots=True)
class Pages:
    """Pages that came: the digest of each by its number, which is the last once that is known, and the first's day."""

    digests: Mapping[int, bytes] = field(default_factory=dict)
    last: int = 0
    since: int = 0
    mirror: bytes = b""
    tenant: bytes = b""

    @property
    def is_whole(self) -> bool:
        """Tells whether all pages from the first to the last are there."""
        return 0 < self.last == len(self.digests)

    def missing(self) -> list[int]:
        """Returns the numbers of pages that are not there, as far as can be told."""
        return [number for number in range(1, max(self.last, *self.digests, 0) + 1) if number not in self.digests]

    def with_page(self, number: int, digest: bytes, is_last: bool, day: int) -> Pages:
        """Returns the set with one more page."""
        since = self.since if self.digests else day
        last = number if is_last else self.last
        return replace(self, digests={**self.digests, number: digest}, last=last, since=since)

    def fault_of(self, number: int, digest: bytes, is_last: bool) -> Fault | None:
        """Returns why a page cannot belong to the set: it is there with other content, or lies behind the last."""
        if not 1 <= number <= MAX_PAGES:
            return Fault(FaultKind.CONTRADICTS, f"page {number} of at most {MAX_PAGES}")
        if self.digests.get(number, digest) != digest:
            return Fault(FaultKind.CONTRADICTS, f"page {number} came before with other content")
        highest = max(self.digests, default=0)
        if (self.last and number > self.last) or (is_last and (highest > number or self.last not in (0, number))):
            return Fault(FaultKind.CONTRADICTS, f"page {number} does not fit to a last page {self.last or highest}")
        return None


def pages_id(mirror: bytes, heading: Heading) -> bytes:
    """Returns the id of the set that a page belongs to: banks number statements anew each year."""
    day = heading.last_day or heading.created
    number = heading.legal_sequence or heading.electronic_sequence
    key = f"{heading.kind}|{heading.id}|{number or ''}|{day.isoformat() if day else ''}"
    return external_id("bank-pages", mirror, key)


def overdue(pages: Pages, today: int, patience_days: int) -> Fault | None:
    """Returns the fault of a set that has waited too long for a page."""
    if pages.is_whole or today - pages.since < patience_days:
        return None
    missing = pages.missing()
    known = f"pages {missing[:5]}" if missing else "the last page"
    return Fault(FaultKind.MISSING_PAGE, f"{known} did not come within {patience_days} days")


def joined(pages: Mapping[int, Statement]) -> Statement | Fault:
    """Returns the statement that pages make: balances of the first and last, and each page's chain to the next.

    Banks repeat the statement's own balances on every page, or give each page its own.
    """
    in_order = [pages[number] for number in sorted(pages)]
    first, last = in_order[0].heading, in_order[-1].heading
    for page, following in pairwise(in_order):
        before, after = page.heading.closing, following.heading.opening
        chained = before is not None and after is not None and (before.intermediate or after.intermediate)
        if chained and _amount(before) != _amount(after):
            return Fault(
                FaultKind.WRONG_SUM,
                f"page {_number(following)} opens with {_amount(after)}, before it is {_amount(before)}",
            )
    entries = tuple(entry for page in in_order for entry in page.entries)
    heading = replace(first, closing=last.closing or first.closing, page=None, totals=last.totals or first.totals)
    return Statement(heading, entries)


def _amount(balance: Balance | None) -> int | None:
    return balance.amount_minor if balance else None


def _number(statement: Statement) -> int:
    return statement.heading.page.number if statement.heading.page else 1
