"""The replay of a bank's postings against a ledger in memory."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ringfence.ids import new_id
from ringfence.ledger import Purpose
from ringfence_local_stack.replay.book import Book
from ringfence_local_stack.replay.posting import Outcome, replay
from ringfence_local_stack.replay.rows import FileMalformed, Postings, Row, read_postings

from .ledger import MemoryLedger

HEADER = "account_id,seq,trans_id,date,signed_amount,balance_after,rounding_vs_previous"


@dataclass
class Importer:
    """Stands where the importer's client stands."""

    custody: MemoryLedger


@pytest.fixture
def ledger() -> MemoryLedger:
    """An empty ledger."""
    return MemoryLedger()


@pytest.fixture
def book(ledger: MemoryLedger) -> Book:
    """An empty book on it."""
    return Book(cast("Any", Importer(ledger)), new_id())


def _write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join((HEADER, *lines)) + "\n")
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Two accounts, an overdraft, and a rounding before the last row."""
    return _write(
        tmp_path / "postings.csv",
        "2,1,11,1993-01-01,1000.00,1000.00,0.00",
        "2,2,12,1993-01-02,-1200.50,-200.50,0.00",
        "4,1,13,1993-01-02,50.00,50.00,0.00",
        "2,3,14,1993-01-31,300.00,99.60,0.10",
    )


def _counts(outcome: Outcome) -> tuple[int, int, int, int]:
    return outcome.posted, outcome.adjustments, outcome.duplicates, outcome.mismatches


def test_every_row_is_posted_once_and_its_balance_is_the_banks(book: Book, file: Path) -> None:
    """Rows are counted as posted, a rounding apart as an adjustment, and no balance differs."""
    assert _counts(replay(book, read_postings(file), batch_rows=2)) == (4, 1, 0, 0)


def test_rounding_is_posted_just_before_its_row(book: Book, ledger: MemoryLedger, file: Path) -> None:
    """The correction comes between the row before and the row it belongs to, with that row's value date."""
    replay(book, read_postings(file), batch_rows=10)
    moved = [(each.transfer.code, each.balance_minor) for each in ledger.entries[book.account("2")]]
    assert moved == [
        (Purpose.DEPOSIT, 100_000),
        (Purpose.WITHDRAWAL, -20_050),
        (Purpose.CORRECTION, -20_040),
        (Purpose.DEPOSIT, 9_960),
    ]
    assert ledger.entries[book.account("2")][2].transfer.value_date == date(1993, 1, 31)


def test_same_file_again_posts_nothing(book: Book, ledger: MemoryLedger, file: Path) -> None:
    """A second run finds every row there, compares it with the statement, and changes no balance."""
    replay(book, read_postings(file), batch_rows=2)
    before = dict(ledger.credits)
    assert _counts(replay(book, read_postings(file), batch_rows=3)) == (0, 0, 4, 0)
    assert ledger.credits == before


def test_row_whose_answer_was_lost_counts_as_posted(book: Book, ledger: MemoryLedger, file: Path) -> None:
    """Rows that a retry finds there because this very run posted them are no duplicates, and are still compared."""
    ledger.lose_answers_of_calls = {2}
    assert _counts(replay(book, read_postings(file), batch_rows=2)) == (4, 1, 0, 0)


def test_wrong_balance_is_found(book: Book, tmp_path: Path) -> None:
    """A balance that is not the bank's is a mismatch, in the first run and in the second."""
    wrong = _write(tmp_path / "wrong.csv", "2,1,11,1993-01-01,10.00,10.01,0.00", "2,2,12,1993-01-01,1.00,11.00,0.00")
    assert _counts(replay(book, read_postings(wrong), batch_rows=10)) == (2, 0, 0, 1)
    assert _counts(replay(book, read_postings(wrong), batch_rows=10)) == (0, 0, 2, 1)


def test_refused_row_is_a_mismatch(book: Book, ledger: MemoryLedger, file: Path) -> None:
    """A row that the ledger refuses is neither posted nor a duplicate, and its refusal is told by name."""
    from ringfence.ids import external_id

    ledger.refuse[external_id("replay.transfer", book.id, "13")] = "overdraft_not_covered"
    outcome = replay(book, read_postings(file), batch_rows=10)
    assert _counts(outcome) == (3, 1, 0, 1)
    assert "overdraft_not_covered" in outcome.first_mismatches[0]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("2,1,11,1993-13-01,1.00,1.00,0.00", "line 2"),
        ("2,1,11,1993-01-01,1.005,1.00,0.00", "line 2"),
        ("2,1,11,1993-01-01,x,1.00,0.00", "line 2"),
        ("2,1,11", "line 2"),
    ],
)
def test_malformed_line_is_named(tmp_path: Path, line: str, said: str) -> None:
    """A line that cannot be read refuses the whole file before anything is posted, and the error names it."""
    with pytest.raises(FileMalformed, match=said):
        read_postings(_write(tmp_path / "bad.csv", line))


def test_missing_column_empty_file_and_double_id_are_refused(tmp_path: Path) -> None:
    """A file lacks no column, has rows, and has each trans_id once."""
    (tmp_path / "columns.csv").write_text("account_id,trans_id\n2,11\n")
    with pytest.raises(FileMalformed, match="lacks the column date"):
        read_postings(tmp_path / "columns.csv")
    with pytest.raises(FileMalformed, match="no postings"):
        read_postings(_write(tmp_path / "empty.csv"))
    line = "2,1,11,1993-01-01,1.00,1.00,0.00"
    with pytest.raises(FileMalformed, match="twice"):
        read_postings(_write(tmp_path / "double.csv", line, line))


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(-50, 50), st.integers(-2, 2)), max_size=30))
def test_guarantee_covers_what_all_overdrafts_ever_need_together(moves: list[tuple[str, int, int]]) -> None:
    """The guarantee is the largest sum of all overdrafts after any transfer, roundings included: no more, no less."""
    rows = [
        Row(account, str(n), date(1993, 1, 1), amount, 0, rounding)
        for n, (account, amount, rounding) in enumerate(moves)
    ]
    balances: dict[str, int] = {}
    deepest = 0
    for account, amount, rounding in moves:
        for each in (rounding, amount):
            balances[account] = balances.get(account, 0) + each
            deepest = max(deepest, sum(max(0, -balance) for balance in balances.values()))
    assert Postings(rows, "").deepest_overdraft_minor() == deepest


def test_ids_are_the_books_own() -> None:
    """The same trans_id is another transfer in another book, and the same account in the same book is the same."""
    one, other = Book(cast("Any", None), UUID(int=1)), Book(cast("Any", None), UUID(int=2))
    assert one.account("2") == Book(cast("Any", None), UUID(int=1)).account("2") != other.account("2")
