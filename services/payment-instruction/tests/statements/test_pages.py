"""Pages of a statement: whatever order they come in, they are one."""

from dataclasses import replace
from datetime import date
from itertools import permutations

import pytest
from ringfence_kernel.values.ids import ZERO_ID, external_id
from ringfence_payment_instruction.statements.domain.checking import Fault, FaultKind, fault_of
from ringfence_payment_instruction.statements.domain.events import StatementStaged
from ringfence_payment_instruction.statements.domain.paging import Pages, joined, overdue, pages_id
from ringfence_payment_instruction.statements.domain.statement import (
    Account,
    Balance,
    Entry,
    Heading,
    Kind,
    Page,
    Statement,
)

from .bank import MIRROR, Books

DAY = date(2026, 11, 26)


def _page(number: int, last: bool, opening: int, closing: int, *amounts: int, intermediate: bool = True) -> Statement:
    heading = Heading(
        Kind.STATEMENT, "MT940", "M", "S", Account("X"), "EUR", last_day=DAY, page=Page(number, last),
        opening=Balance(opening, "EUR", DAY, intermediate and number > 1),
        closing=Balance(closing, "EUR", DAY, intermediate and not last),
    )  # fmt: skip
    return Statement(heading, tuple(Entry(each, "EUR", "CRDT", False, "BOOK", DAY, DAY) for each in amounts))


PAGES = {1: _page(1, False, 0, 30, 10, 20), 2: _page(2, False, 30, 70, 40), 3: _page(3, True, 70, 75, 5)}


def test_pages_make_one_statement_with_the_outer_balances() -> None:
    """Entries in the order of the pages; opening of the first, closing of the last."""
    whole = joined(PAGES)
    assert isinstance(whole, Statement)
    assert [each.amount_minor for each in whole.entries] == [10, 20, 40, 5]
    assert fault_of(whole) is None
    assert whole.heading.page is None


def test_pages_may_all_have_the_balances_of_the_whole() -> None:
    """Some banks repeat opening and closing on every page."""
    pages = {1: _page(1, False, 0, 30, 10, intermediate=False), 2: _page(2, True, 0, 30, 20, intermediate=False)}
    whole = joined(pages)
    assert isinstance(whole, Statement)
    assert fault_of(whole) is None


def test_pages_that_do_not_chain_have_a_wrong_sum() -> None:
    """A page that opens with another balance than the one before closed with."""
    wrong = joined({**PAGES, 2: _page(2, False, 31, 70, 39)})
    assert isinstance(wrong, Fault)
    assert wrong.kind is FaultKind.WRONG_SUM


@pytest.mark.parametrize("order", list(permutations((1, 2, 3))))
def test_a_set_is_whole_when_all_pages_are_there(order: tuple[int, ...]) -> None:
    """Whichever comes last makes it whole; until then it is overdue some day, and names what it lacks."""
    pages, digests = Pages(), {number: bytes([number]) * 32 for number in PAGES}
    for at, number in enumerate(order):
        assert pages.fault_of(number, digests[number], number == 3) is None
        pages = pages.with_page(number, digests[number], number == 3, 100 + at)
        assert pages.is_whole == (at == 2)
        late = overdue(pages, 110, 3)
        assert (late is None) == (at == 2)
        assert late is None or late.kind is FaultKind.MISSING_PAGE
        assert overdue(pages, 102, 3) is None


@pytest.mark.parametrize(("number", "is_last"), [(2, False), (4, False), (1, True), (2, True), (0, False), (4, True)])
def test_a_page_that_does_not_fit_contradicts(number: int, is_last: bool) -> None:
    """Another content under a number, a page behind the last, another last page."""
    pages = Pages({1: b"1" * 32, 2: b"2" * 32, 3: b"3" * 32}, last=3)
    fault = pages.fault_of(number, b"x" * 32, is_last)
    assert fault is not None
    assert fault.kind is FaultKind.CONTRADICTS
    assert pages.fault_of(2, b"2" * 32, False) is None


def test_a_set_is_known_by_statement_and_day() -> None:
    """Banks use ids again each year; pages of one statement belong together."""
    first, second = PAGES[1].heading, PAGES[2].heading
    assert pages_id(MIRROR, first) == pages_id(MIRROR, second)
    for other in (
        replace(first, last_day=date(2025, 11, 26)),
        replace(first, id="T"),
        replace(first, legal_sequence=2),
    ):
        assert pages_id(MIRROR, other) != pages_id(MIRROR, first)
    assert pages_id(external_id("test", ZERO_ID, "other"), first) != pages_id(MIRROR, first)


def test_staged_pages_are_remembered_across_a_restart() -> None:
    """The set is state like any other."""
    books = Books()
    key = pages_id(MIRROR, PAGES[1].heading)
    books.record(
        [StatementStaged(MIRROR, key, 3, True, b"3" * 32, 100), StatementStaged(MIRROR, key, 1, False, b"1" * 32, 101)]
    )
    before = books.state.pages[key]
    books.restart()
    assert books.state.pages == {key: before}
    assert (before.missing(), before.last, before.since) == ([2], 3, 100)
