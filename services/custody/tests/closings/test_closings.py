"""Books are closed when a day opens and when audit asks: figures of every account, at a position, once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import fields
from hashlib import sha256
from typing import Any

import pytest
from ringfence_custody.closings.adapters.ledger_books import LedgerBooks
from ringfence_custody.closings.adapters.paged_books import SLICE_PAGES, PagedBooks
from ringfence_custody.closings.domain.books import PAGE_ACCOUNTS, Books, balances_root
from ringfence_custody.closings.domain.errors import BooksUnknown
from ringfence_custody.closings.domain.events import BooksClosed
from ringfence_custody.closings.domain.state import Closed, State
from ringfence_custody.ledger.adapters.batches import StoredBatches
from ringfence_custody.ledger.domain.events import TransfersCreated
from ringfence_custody.ledger.domain.result_codes import TransferFlag
from ringfence_custody.modules import ModuleStates, event_codec
from ringfence_kernel.store import EventStore
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.writing.journal import Journal
from ringfence_protos.custody.v1 import closings_pb2 as pb

from tests.architecture.documents import vectors

from ..conftest import Custody, running
from ..ledger import CZK, EUR, Ledger, Row
from ..test_custody_calendars import TARGET_2027, list_year, set_clock
from ..test_custody_service import PLATFORM, open_accounts, send

DEMAND = b"demand of one 01"
BALANCES = ("debits_pending", "debits_posted", "credits_pending", "credits_posted")


def tree_head(leaves: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, as it is defined."""
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\x01" + tree_head(leaves[:split]) + tree_head(leaves[split:])).digest()


def record_of(ledger: Ledger, account: int) -> bytes:
    """What a page has of an account."""
    columns = (getattr(ledger.book.accounts, name) for name in BALANCES)
    return ledger.book.accounts.id[account] + b"".join(column[account].to_bytes(8, "big") for column in columns)


def closings(custody: Custody) -> list[tuple[int, BooksClosed]]:
    """Closings with their positions."""
    found = [(each.position, each.event) for each in custody.store.replay(event_codec())]
    return [(position, event) for position, event in found if isinstance(event, BooksClosed)]


def recorded(position: int, tenant: bytes, demand_id: bytes) -> Recorded:
    """A closing of books without accounts as the log of events has it."""
    packed = dict.fromkeys((each.name for each in fields(BooksClosed) if each.name.startswith("class_")), b"")
    event = BooksClosed(tenant, EUR, 0, demand_id, position, position - 1, 0, bytes(32), **packed)
    return Recorded(position, tenant, position, event, position, "")


async def demand(custody: Custody, demand_id: bytes = DEMAND, tenant: bytes = PLATFORM, ledger: int = EUR) -> int:
    """Has audit ask for a closing over the wire's messages; returns its position."""
    request = pb.CloseBooksRequest(tenant_id=tenant, ledger=ledger, demand_id=demand_id)
    servicer: Any = custody.closings.servicer.instance
    return int((await servicer.CloseBooks(request, None)).position)


def test_the_root_is_over_every_balance_of_the_currency_in_order_of_ids() -> None:
    """More accounts than a page has, some reserved from, one of another currency: as RFC 6962 defines it."""
    ledger = Ledger()
    names = [f"client {number}" for number in range(2 * PAGE_ACCOUNTS + 3)]
    for name in names:
        ledger.account(name)
    ledger.account("karel", ledger=CZK)
    ledger.fund("client 1", 700)
    ledger.send(Row("waits", "client 1", "client 2", 30, flags=TransferFlag.PENDING, timeout=60))
    reader = LedgerBooks(lambda: {PLATFORM: ledger.book})
    accounts = ledger.book.accounts
    rows = sorted(
        (each for each in range(1, len(accounts)) if accounts.ledger[each] == EUR), key=accounts.id.__getitem__
    )
    records = [record_of(ledger, each) for each in rows]
    pages = [b"".join(records[at : at + PAGE_ACCOUNTS]) for at in range(0, len(records), PAGE_ACCOUNTS)]
    books = reader.read(PLATFORM, EUR)
    assert len(pages) == 3
    assert (books.accounts, books.balances_root) == (len(rows), tree_head(pages))
    ledger.account("new")
    assert reader.read(PLATFORM, EUR).accounts == len(rows) + 1
    assert sorted(reader.opened()) == [(PLATFORM, CZK), (PLATFORM, EUR)]


def test_the_root_agrees_with_the_vectors() -> None:
    """Custody's own computation gives the published root."""
    for vector in vectors("balances_root"):
        ids = sorted((sha256(each.to_bytes(4, "big")).digest()[:16], each) for each in range(vector["accounts"]))
        sums = [b"".join((times * each).to_bytes(8, "big") for times in (1, 2, 3, 4)) for _, each in ids]
        records = b"".join(key + each for (key, _), each in zip(ids, sums, strict=True))
        assert balances_root(records).hex() == vector["root"]


def test_totals_of_a_class_are_those_of_its_accounts() -> None:
    """Counted, the four sums, and what is positive of the balances; 64 bytes, nothing where there is no account."""
    ledger = Ledger()
    for name in ("alice", "bob"):
        ledger.account(name)
        ledger.fund(name, 1_000)
    ledger.send(Row("waits", "alice", "bob", 30, flags=TransferFlag.PENDING, timeout=60))
    totals = LedgerBooks(lambda: {PLATFORM: ledger.book}).read(PLATFORM, EUR).totals
    sums = (2, 30, 0, 30, 2_000, 2_000)
    assert totals["CLIENT"] == sums[0].to_bytes(4, "big") + b"".join(each.to_bytes(12, "big") for each in sums[1:])
    assert totals["SUSPENSE"] == b""
    # Also a memory that is wrong is closed, so that it shows.
    ledger.book.accounts.credits_posted[1] -= 3_001
    assert LedgerBooks(lambda: {PLATFORM: ledger.book}).read(PLATFORM, EUR).totals["CLIENT"] != totals["CLIENT"]


async def test_a_demand_closes_the_books_with_all_that_was_decided_before(custody: Custody) -> None:
    """The closing stands for the position before it; the same demand again, or one soon after, gets the same."""
    await open_accounts(custody)
    await send(custody, Row("t1", "alice", "bob", 5))
    position = await demand(custody)
    ((at, closed),) = closings(custody)
    assert (at, closed.as_of_position, closed.demand, closed.day) == (position, position - 1, DEMAND, 0)
    assert (closed.tenant, closed.ledger, closed.accounts) == (PLATFORM, EUR, 3)
    before = [each.event for each in custody.store.replay(event_codec())][position - 2]
    assert isinstance(before, TransfersCreated)
    assert await demand(custody, b"another demand 1") == position
    custody.clock.advance(6 * 10**9)
    assert await demand(custody) == position
    another = await demand(custody, b"another demand 1")
    assert another > position
    assert await demand(custody) == position, "its closing is not the newest any more"
    assert closings(custody)[1][1].balances_root == closed.balances_root
    await send(custody, Row("t2", "bob", "alice", 1))
    custody.clock.advance(6 * 10**9)
    await demand(custody, b"a third demand 1")
    assert closings(custody)[2][1].balances_root != closed.balances_root


async def test_a_closing_beside_transfers_has_those_before_it_alone(custody: Custody) -> None:
    """Decided in one group with them, it comes to what the events before it come to, and to nothing else."""
    await open_accounts(custody)
    sends = [send(custody, Row(f"t{number}", "alice", "bob", 1)) for number in range(9)]
    await asyncio.gather(*sends[:5], demand(custody), *sends[5:])
    ((position, closed),) = closings(custody)
    states = ModuleStates.over(lambda: StoredBatches(custody.store, event_codec()))
    whole = states.together()
    for recorded in custody.store.replay(event_codec()):
        if recorded.position < position:
            whole.apply(recorded, Journal())
    assert LedgerBooks(lambda: states.ledger.books).read(PLATFORM, EUR).balances_root == closed.balances_root


async def test_there_are_no_books_of_who_has_no_accounts(custody: Custody) -> None:
    """Whoever asks for those leaves nothing behind."""
    await open_accounts(custody)
    books = dict(custody.state.books)
    for tenant, ledger in ((b"nobody's book 01", EUR), (PLATFORM, CZK)):
        with pytest.raises(BooksUnknown):
            await demand(custody, tenant=tenant, ledger=ledger)
    with pytest.raises(InvalidArgument):
        await demand(custody, bytes(16))
    assert closings(custody) == []
    assert custody.state.books == books, "a book takes memory for as long as the process lives"


def test_the_last_demands_of_each_book_are_kept_over_a_snapshot() -> None:
    """Eight of each: who demands again and again takes no more memory, and an end of day pushes none out."""
    state, position = State(), 0
    for tenant, demands in ((PLATFORM, range(1, 11)), (b"another book 001", [1])):
        for number in (*demands, 0):
            position += 1
            demand_id = number.to_bytes(16, "big") if number else b""
            state.apply(recorded(position, tenant, demand_id), Journal())
    restored = State()
    restored.restore({name: memoryview(content) for name, content in state.save()})
    assert restored.digest() == state.digest()
    found = [restored.made_for(PLATFORM, EUR, number.to_bytes(16, "big")) for number in range(1, 11)]
    assert found == [None, None, *range(3, 11)]
    assert restored.made_for(b"another book 001", EUR, (1).to_bytes(16, "big")) == 12
    assert restored.of(PLATFORM, EUR) == Closed(11, 11)
    assert restored.made_for(PLATFORM, EUR, b"") is None


async def test_the_books_are_closed_when_a_day_opens(stores: Callable[[], EventStore]) -> None:
    """Once for the days that one commit opens, also after a restart; those of other calendars are not."""
    async with running(stores) as custody:
        set_clock(custody, 2027, 3, 23, 12, 0)
        await open_accounts(custody)
        await list_year(custody, TARGET_2027)
        await custody.days.open_due()
        ((position, closed),) = closings(custody)
        assert (closed.as_of_position, closed.ledger, closed.demand) == (position - 1, EUR, b"")
        digest = custody.whole.digest()
    async with running(stores) as custody:
        assert custody.whole.digest() == digest
        set_clock(custody, 2027, 3, 31, 12, 0)
        await custody.days.open_due()
        assert [each.day > 0 for _, each in closings(custody)] == [True, True]


async def test_what_is_made_ahead_comes_to_the_same_however_the_book_goes_on() -> None:
    """Transfers, reservations and new accounts, before, between and after the slices: as if made at once."""
    ledger = Ledger()
    for number in range(5 * SLICE_PAGES * PAGE_ACCOUNTS // 2):
        ledger.account(f"client {number}")
    ledger.account("karel", ledger=CZK)
    ledger.fund("client 1", 1_000)
    reader = LedgerBooks(lambda: {PLATFORM: ledger.book})

    async def agrees() -> None:
        assert reader.read(PLATFORM, EUR) == LedgerBooks(lambda: {PLATFORM: ledger.book}).read(PLATFORM, EUR)

    async def go_on() -> None:
        for number in range(6):
            await asyncio.sleep(0)
            ledger.send(Row(f"t{number}", "client 1", f"client {400 * number}", 1))
        ledger.account("of another currency", ledger=CZK)

    await asyncio.gather(reader.prepare(PLATFORM, EUR), go_on())
    await agrees()
    ledger.send(Row("waits", "client 1", "client 2", 30, flags=TransferFlag.PENDING, timeout=60))
    await agrees()
    ledger.account("a client who came late")
    await agrees()
    await reader.prepare(PLATFORM, EUR)
    ledger.fund("a client who came late", 7)
    await agrees()
    reader.let_go(PLATFORM, EUR)
    await agrees()


async def test_what_a_commit_has_failed_to_open_is_in_no_books() -> None:
    """Other accounts that stand where they would have stood are sorted by their own ids."""
    ledger = Ledger()
    ledger.account("first")
    reader = LedgerBooks(lambda: {PLATFORM: ledger.book})
    for names in (("a", "b", "c"), ("c", "a", "b"), ("b", "c", "d")):
        mark = len(ledger.book.accounts)
        for name in names:
            ledger.account(name)
        await reader.prepare(PLATFORM, EUR)
        assert reader.read(PLATFORM, EUR) == LedgerBooks(lambda: {PLATFORM: ledger.book}).read(PLATFORM, EUR)
        ledger.book.accounts.cut(mark)


async def test_nothing_is_looked_at_while_the_ledger_is_read_anew() -> None:
    """What is being made ahead is given up; the commit makes it all."""
    ledger, looks = Ledger(), iter([False, False, False, True])
    for number in range(2 * SLICE_PAGES * PAGE_ACCOUNTS):
        ledger.account(f"client {number}")
    reader = LedgerBooks(lambda: {PLATFORM: ledger.book}, lambda: next(looks))
    await reader.prepare(PLATFORM, EUR)
    assert next(looks, None) is None
    assert reader.read(PLATFORM, EUR) == LedgerBooks(lambda: {PLATFORM: ledger.book}).read(PLATFORM, EUR)


@pytest.mark.parametrize("by_day", [False, True])
async def test_closing_makes_few_pages_while_callers_wait(
    stores: Callable[[], EventStore], monkeypatch: pytest.MonkeyPatch, by_day: bool
) -> None:
    """Whatever a book has, the commit makes the pages alone that have changed, and no slice is longer than another."""
    made: list[int] = []
    hashed, read = PagedBooks._hashed, LedgerBooks.read

    def counting(self: PagedBooks, rows: Any) -> list[bytes]:
        made.append(-(-len(rows) // PAGE_ACCOUNTS))
        return hashed(self, rows)

    def reading(self: LedgerBooks, tenant: bytes, ledger: int) -> Books:
        made.append(0)  # from here on in the commit
        return read(self, tenant, ledger)

    async with running(stores) as custody:
        set_clock(custody, 2027, 3, 23, 12, 0)
        await open_accounts(custody)
        book = custody.state.books[PLATFORM]
        monkeypatch.setattr(PagedBooks, "_hashed", counting)
        monkeypatch.setattr(LedgerBooks, "read", reading)
        if by_day:
            await list_year(custody, TARGET_2027)
            await custody.days.open_due()
        else:
            await demand(custody)
        assert len(book.accounts) > 1
        assert len(closings(custody)) == 1
        at = made.index(0)
        assert (sum(made[:at]), sum(made[at:])) == (1, 0)
        assert not custody.closings.closing.books._ahead  # type: ignore[attr-defined]
