"""Books as they are asked for: proven where the log has stated them, and not folded anew for each look."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from ringfence_audit.books.adapters.stated_books import IndexedBooks
from ringfence_audit.books.api import servicer
from ringfence_audit.books.api.servicer import BooksServicer
from ringfence_audit.books.application import proving
from ringfence_audit.books.application.ports import Closed
from ringfence_audit.books.application.proving import Proving
from ringfence_audit.index.domain.errors import IndexDamaged, IndexMoved, SearchBehind
from ringfence_audit.log.domain.books import BooksHead
from ringfence_audit.log.domain.state_leaf import IndexHead, state_leaf
from ringfence_kernel.access.caller import Caller, calling

PLATFORM, LEDGER, ACCOUNT = b"p" * 16, 978, b"a" * 16
KEYS = [(PLATFORM, LEDGER)]


def closing(leaf: int) -> Closed:
    """Books that custody has closed."""
    return Closed(leaf, PLATFORM, LEDGER, leaf, True, True, {})


def stood(size: int, index: int, books: int) -> Any:
    """Where the log stood: its state is over so much of the index, and of the books."""
    leaf = state_leaf(size, {}, 1, index=IndexHead(index), books=BooksHead(books))
    return SimpleNamespace(signed_head=lambda: SimpleNamespace(size=size, state_leaf=leaf))


class Keys:
    """An index that refuses."""

    def __init__(self, refusal: type[Exception]) -> None:
        self.refusal = refusal

    def find(self, *asked: Any) -> Any:
        """Refuses."""
        raise self.refusal


@pytest.mark.parametrize("refusal", [IndexMoved, IndexDamaged])
def test_books_are_told_without_the_index(refusal: type[Exception]) -> None:
    """A balance needs none: where the index is filled anew, or damaged, there is no proof of it."""
    keys: Any = Keys(refusal)
    nothing: Any = None
    assert IndexedBooks(keys, nothing).receipt(closing(5), stood(100, 90, 50)) is None
    keys.refusal = SearchBehind
    with pytest.raises(SearchBehind):
        IndexedBooks(keys, nothing).receipt(closing(5), stood(100, 90, 50))


@pytest.mark.parametrize(("index", "books"), [(500, 21), (21, 500)])
def test_a_balance_is_proven_however_many_closings_are_newer(
    monkeypatch: pytest.MonkeyPatch, index: int, books: int
) -> None:
    """Those that no leaf states yet, or that the index has not come to, are passed over at once."""
    monkeypatch.setattr(proving, "balance", lambda account, receipt, shown: f"{receipt} {shown}".encode())
    tried: list[int] = []

    class Closings:
        """Books that were closed every ten leaves."""

        def last(self, tenant: bytes, ledger: int, size: int, until_ns: int) -> Closed | None:
            """Gives the one before."""
            return closing((size - 1) // 10 * 10) if size > 10 else None

    class Stated(IndexedBooks):
        """The leaf that states the one at 20 is not in the index yet."""

        def receipt(self, closed: Closed, stood: Any) -> str | None:
            """Gives it for the first."""
            tried.append(closed.leaf)
            return "receipt" if closed.leaf == 10 else None

    nothing: Any = None
    past: Any = SimpleNamespace(shown=lambda closed, account: closed.leaf)
    closings: Any = Closings()
    made = Proving(closings, past, Stated(nothing, nothing))
    assert made.of(ACCOUNT, closing(490), stood(500, index, books)) == b"receipt 10"
    assert tried == [20, 10]


async def test_all_books_are_folded_once_for_those_who_look_at_them_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """For some seconds, the same books, and to nobody newer than its own view of the log."""
    sizes, folded, now = [100, 103, 101, 102, 99, 104], list[int](), [0.0]

    class Past:
        """Counts folds."""

        def every(self, keys: Sequence[tuple[bytes, int]], size: int) -> list[str]:
            """Folds."""
            folded.append(size)
            return [f"books of {len(keys)} at {size}"]

    async def record(*asked: Any) -> Any:
        return stood(sizes.pop(0), 0, 0)

    async def reached(position: int) -> None:
        pass

    nothing: Any = None
    closings: Any = SimpleNamespace(position_below=lambda size: size)
    projector = SimpleNamespace(reached=reached)
    asked: Any = SimpleNamespace(record_read=record), closings, Past(), nothing, nothing, projector, asyncio.to_thread
    books = BooksServicer(*asked, asyncio.Lock())
    monkeypatch.setattr(servicer, "time", SimpleNamespace(monotonic=lambda: now[0]))
    with calling(Caller("spiffe://test/reader", None, b"r" * 16, "thumbprint")):
        assert await books.every(KEYS, None) == (100, ["books of 1 at 100"])
        assert await books.every(KEYS, None) == (100, ["books of 1 at 100"])
        assert await books.every([*KEYS, *KEYS], None) == (101, ["books of 2 at 101"])
        now[0] = servicer.SHOWN_AGAIN_SECONDS + 0.1
        assert (await books.every(KEYS, None))[0] == 102
        assert (await books.every(KEYS, None))[0] == 99
        assert (await books.every(KEYS, None))[0] == 99
    assert folded == [100, 101, 102, 99]
