"""Statements: every line follows from the one before, and the sums from the lines."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ringfence_desk.statement import statement

from .books import ANNA, BERTA, CLASSES, MIRROR, MOVES, OTHER, PLATFORM, SHORTFALL, Book


@given(MOVES, st.sampled_from([ANNA, MIRROR, SHORTFALL]), st.integers(0, 25), st.integers(0, 25))
def test_the_whole_is_the_sum_of_its_parts(
    moves: list[tuple[UUID, UUID, int]], account: UUID, first: int, last: int
) -> None:
    """A statement of any part of the time joins those before and after it; the end is what custody's fold says."""
    book = Book()
    for source, target, minor in moves:
        book.move(source, target, minor)
    facts = book.facts_of(account)
    from_ns, until_ns = sorted((first * 10**9, last * 10**9))
    before, part, after = (
        statement(account, facts, start, end) for start, end in ((None, from_ns), (from_ns, until_ns), (until_ns, None))
    )
    whole = statement(account, facts)
    assert before
    assert part
    assert after
    assert whole
    assert (before.closing_minor, part.closing_minor) == (part.opening_minor, after.opening_minor)
    assert before.lines + part.lines + after.lines == whole.lines
    for each in (before, part, after, whole):
        assert each.closing_minor == each.opening_minor + each.in_minor - each.out_minor
    sign = -1 if CLASSES[account] in ("BANK_MIRROR", "SHORTFALL") else 1
    fold = sum(minor * ((target == account) - (source == account)) for source, target, minor in moves)
    assert whole.closing_minor == sign * fold


def test_lines_have_a_running_balance() -> None:
    """What came and went, with what was there after each."""
    book = Book()
    book.move(MIRROR, ANNA, 100)
    book.move(ANNA, BERTA, 30)
    made = statement(ANNA, book.facts_of(ANNA))
    assert made
    assert [(line.change_minor, line.balance_minor) for line in made.lines] == [(100, 100), (-30, 70)]


@pytest.mark.parametrize("facts", [[], Book().facts_of(BERTA)])
def test_no_account_no_statement(facts: list[object]) -> None:
    """An id that no fact opens an account under has no statement."""
    assert statement(uuid4(), facts) is None  # type: ignore[arg-type]


def test_an_id_of_two_books_is_two_accounts() -> None:
    """Custody's own accounts have the same id in every book: what one platform owes is no other's."""
    book = Book()
    other = Book(book.facts, platform=OTHER)
    book.move(SHORTFALL, MIRROR, 300)
    other.move(SHORTFALL, MIRROR, 70)
    other.move(MIRROR, SHORTFALL, 70)
    facts = book.facts_of(SHORTFALL)
    owed, made_good, first = (statement(SHORTFALL, facts, platform_id=each) for each in (PLATFORM, OTHER, None))
    assert owed
    assert (owed.closing_minor, len(owed.lines)) == (300, 1)
    assert made_good
    assert (made_good.closing_minor, made_good.in_minor, len(made_good.lines)) == (0, 70, 2)
    assert first == owed
    assert statement(SHORTFALL, facts, platform_id=uuid4()) is None
