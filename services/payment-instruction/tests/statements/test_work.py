"""How much work a telling is: twice the entries are twice the work, whatever they look like."""

import gc
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ringfence_kernel.values.ids import ZERO_ID, external_id
from ringfence_kernel.writing.journal import Journal
from ringfence_payment_instruction.statements.domain.columns import forget_rows
from ringfence_payment_instruction.statements.domain.indexes import Index
from ringfence_payment_instruction.statements.domain.sides import Rivals, Side, is_of_one_amount, may_be_one
from ringfence_payment_instruction.statements.domain.statement import Kind
from ringfence_payment_instruction.statements.domain.told import Part, ReferenceKind, Telling, Told, reference

from .bank import FIRST_DAY, Books, File

FEW, MANY = 80, 320


def _client(number: int) -> bytes:
    return external_id("test", ZERO_ID, f"client {number}")


def _told(number: int, day: int, amount: int, *, count: int = 1, kind: ReferenceKind | None = None) -> Told:
    said = frozenset([reference(kind, f"{kind} {number}")] if kind else [])
    parts = (Part(amount, said, _client(number)),) if count == 1 else ()
    return Told(day, amount, True, False, said, parts, count)


def _file(name: str, kind: Kind, entries: list[Told], day: int = FIRST_DAY) -> File:
    closing = sum(each.amount_minor for each in entries)
    return File(Telling(external_id("test", ZERO_ID, name), kind, tuple(entries)), day, 0, closing)


def _alike(size: int) -> list[File]:
    """Fees of one amount, for as many clients, each with a reference that its statement lacks."""
    news = [_told(n, FIRST_DAY, 1_000, kind=ReferenceKind.DETAIL) for n in range(size)]
    return [
        _file("n", Kind.NOTIFICATION, news),
        _file("s", Kind.STATEMENT, [_told(n, FIRST_DAY, 1_000) for n in range(size)]),
    ]


def _later(size: int) -> list[File]:
    """A statement of one day, after as much news of the next."""
    news = [_told(n, FIRST_DAY + 1, 10_000 + n, kind=ReferenceKind.ENTRY) for n in range(size)]
    stated = [_told(-n, FIRST_DAY, 100_000 + n, kind=ReferenceKind.ENTRY) for n in range(size)]
    return [_file("n", Kind.NOTIFICATION, news), _file("s", Kind.STATEMENT, stated)]


def _missing(size: int) -> list[File]:
    """News of which a statement has half, by amounts alone."""
    news = [_told(n, FIRST_DAY, 10_000 + n) for n in range(size)]
    stated = [_told(n, FIRST_DAY, 10_000 + n) for n in range(0, size, 2)]
    return [_file("n", Kind.NOTIFICATION, news), _file("s", Kind.STATEMENT, stated)]


@contextmanager
def _counted() -> Iterator[Callable[[], int]]:
    """Counts the lines that run in between; those of a comprehension count once for each element."""
    found = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal found
        found += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield lambda: found
    finally:
        sys.settrace(before)


def _work(files: list[File]) -> int:
    books = Books()
    with _counted() as lines:
        for each in files:
            books.take(each)
    return lines()


def _memory(files: list[File]) -> int:
    """Returns the most bytes that are taken while files are decided on and applied, whatever was before."""
    books = Books()
    forget_rows()
    gc.collect()
    tracemalloc.start()
    try:
        for each in files:
            books.take(each)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("shape", [_alike, _later, _missing])
def test_more_entries_are_as_much_more_work(shape: Callable[[int], list[File]]) -> None:
    """Four times the entries take some four times the steps: nothing looks through all others for each."""
    assert _work(shape(MANY)) < 4.6 * _work(shape(FEW))


@pytest.mark.parametrize("shape", [_alike, _later, _missing])
def test_more_entries_take_as_much_more_memory(shape: Callable[[int], list[File]]) -> None:
    """What is under one amount grows in place: what a rollback needs does not hold all of it for each."""
    assert _memory(shape(6_400)) < 20 * _memory(shape(400))


AMOUNTS = st.sampled_from([100, 200, 300])
PARTS = st.lists(st.tuples(AMOUNTS, st.sampled_from([ZERO_ID, _client(1), _client(2)])), max_size=3)


@st.composite
def _sides(draw: st.DrawFn) -> Side:
    parts = tuple(Part(amount, frozenset(), client) for amount, client in draw(PARTS))
    amount = sum(part.amount_minor for part in parts) or draw(AMOUNTS)
    told = Told(draw(st.integers(0, 6)), amount, draw(st.booleans()), False, frozenset(), parts, len(parts))
    left = draw(st.sampled_from([amount, amount - 50]))
    return Side(external_id("test", ZERO_ID, f"{draw(st.integers())}"), told, left)


@given(_sides(), st.lists(_sides(), max_size=8))
def test_no_rival_is_overlooked(side: Side, movements: list[Side]) -> None:
    """Whatever may be the same money as an entry is among those that are looked at, and none is twice."""
    found = list(Rivals(movements).of(side))
    assert len({id(each) for each in found}) == len(found)
    for each in movements:
        if may_be_one(side, each) or is_of_one_amount(side, each):
            assert each in found


STEPS = st.lists(st.tuples(st.booleans(), st.sampled_from("ab"), st.sampled_from([b"1", b"2", b"3"])), max_size=20)


@given(STEPS, STEPS)
def test_an_index_is_rolled_back(kept: list[tuple[bool, str, bytes]], undone: list[tuple[bool, str, bytes]]) -> None:
    """It has what was put there and not taken away; what was not committed was never there."""
    index, oracle, journal = Index(), dict[str, set[bytes]](), Journal()

    def go(steps: list[tuple[bool, str, bytes]], known: dict[str, set[bytes]]) -> None:
        for is_put, key, one in steps:
            ids = known.setdefault(key, set())
            if is_put:
                index.add(key, one, journal)
                ids.add(one)
            elif one in ids:
                ids.remove(one)
                assert index.remove(key, one, journal) == (not ids)

    go(kept, oracle)
    journal.clear()
    go(undone, {key: set(ids) for key, ids in oracle.items()})
    journal.rollback()
    for key in "ab":
        assert set(index.get(key)) == oracle.get(key, set())
