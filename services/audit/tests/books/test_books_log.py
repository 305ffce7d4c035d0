"""Custody closes books, the log states what its leaves come to: where they differ there is an alarm, and a leaf."""

from __future__ import annotations

import asyncio
import struct
import time
from typing import Any

import pytest
from ringfence_audit.books.adapters import stored_folds
from ringfence_audit.books.adapters.books_reader import BooksReader
from ringfence_audit.books.application.ports import PastBooks
from ringfence_audit.books.domain.errors import BooksUnknown
from ringfence_audit.bootstrap import rebuild
from ringfence_audit.log.adapters.tile_model import TileModel
from ringfence_audit.log.application.commands import RecordBooks
from ringfence_audit.log.domain.books import BOOKS_KIND
from ringfence_audit.log.domain.leaf import decode
from ringfence_kernel.access.caller import Caller, calling
from ringfence_kernel.store import EventStore
from ringfence_protos.audit.v1 import audit_pb2
from ringfence_verifier import VerificationError, verify_checkpoint, verify_log
from ringfence_verifier.books import Fold
from ringfence_verifier.leaf import read_leaf

from ..conftest import ORIGIN, Audit, running
from ..feeds import BOOK, START_NS, SourceFeed, accounts_created, identifier, transfers_created
from ..test_audit_log import stored_leaves
from ..test_audit_state_leaf import sign_in_first_format
from .comparing import CLOSED_AT

EUR = 978
CONTEXT: Any = None
READER = Caller("spiffe://test/reader", None, b"reader of books1", "thumbprint")
SECOND_NS = 1_000_000_000


class Compared:
    """A log whose books are compared."""

    def __init__(self, audit: Audit) -> None:
        self.audit, self.store, self.projector = audit, audit.store, audit.books
        self.comparing, self.reader = audit.comparing, BooksReader(audit.store)

    def project(self) -> None:
        """Brings the tables up to date."""
        while self.projector.step():
            pass

    async def look(self) -> None:
        """Brings the tables up to date, and compares."""
        await asyncio.to_thread(self.project)
        await self.comparing.look()

    async def ask(self, at_ns: int = 0, account: bytes = b"") -> Any:
        """Asks for the books."""
        request = audit_pb2.GetBooksRequest(tenant_id=BOOK, ledger=EUR, at_ns=at_ns, account_id=account)
        with calling(READER):
            return await self.audit.servicer.GetBooks(request, CONTEXT)

    def verified(self) -> Any:
        """Reads the whole log as anybody would; returns what was found."""
        assert self.audit.log.signed is not None
        checkpoint = verify_checkpoint(self.audit.log.signed.note, self.audit.signer.key.text())
        return verify_log(stored_leaves(self.store), checkpoint)


@pytest.fixture
async def compared(audit: Audit) -> Compared:
    """A running log over an empty feed of custody."""
    return Compared(audit)


def opened(custody: SourceFeed) -> None:
    """Opens a mirror and two clients, and has money come in."""
    custody.add(
        "AccountsCreated.v1",
        accounts_created("bank", "alice", "bob") | {"account_class": b"\x03\x01\x01"},
    )
    custody.add("TransfersCreated.v1", transfers_created("t1", "t2", "t3"))


def moved(custody: SourceFeed, number: int, at_ns: int, credit: int = 3) -> None:
    """Moves 100 + number cents from the mirror."""
    fields = transfers_created(f"moved {number}", debit=1, credit=credit)
    changed = {"number": number, "timestamp_ns": at_ns, "amount_minor": struct.pack("<Q", 100 + number)}
    custody.add("TransfersCreated.v1", fields | changed)


def closed(audit: Audit, custody: SourceFeed, cents: int = 0, **changes: Any) -> None:
    """Closes the books as custody would whose memory has so many cents too much with alice."""
    fold = Fold()
    for leaf in stored_leaves(audit.store):
        fold.add(read_leaf(leaf))
    if cents:
        column = fold._sums[3]
        column[1] += cents
    stated = fold.stated(BOOK, EUR)
    fields = {f"class_{name}": b"" for name in ("platform", "suspense", "fee", "guarantee", "shortfall")}
    fields |= {"tenant": BOOK, "ledger": EUR, "day": 19_000, "demand": b"", "closed_ns": START_NS + 10 * SECOND_NS}
    custody.add("BooksClosed.v1", fields | {"as_of_position": len(custody.events)} | stated | changes)


async def test_the_log_states_the_same_books_as_custody(compared: Compared, custody: SourceFeed) -> None:
    """A leaf says so, the state under the next checkpoint has its root, and anybody comes to the same."""
    audit = compared.audit
    opened(custody)
    await audit.follow(custody)
    closed(audit, custody)
    await audit.follow(custody)
    await audit.publish()
    assert compared.verified().unstated_books == 1
    await compared.look()
    await compared.look()
    assert await compared.comparing.problem() is None
    await audit.publish()
    summary = compared.verified()
    (books,) = summary.books
    assert (books.is_same, books.is_covered, books.ledger, books.tenant_id) == (True, True, EUR, BOOK)
    assert (summary.unstated_books, summary.leaves_by_kind[BOOKS_KIND]) == (0, 1)
    assert audit.log.books.size == books.leaf + 1


@pytest.mark.parametrize("cents", [1, -1])
async def test_one_cent_too_much_in_custody_is_an_alarm(compared: Compared, custody: SourceFeed, cents: int) -> None:
    """It is in leaf, health and metric as soon as the closing is in the log; the next good one ends it."""
    audit = compared.audit
    opened(custody)
    await audit.follow(custody)
    await audit.publish()
    closed(audit, custody, cents)
    await audit.follow(custody)
    await compared.look()
    assert await compared.comparing.problem() is not None
    assert {of["ringfence.finding"]: count for count, of in compared.comparing._counts()} == {
        "different": 1,
        "uncovered": 0,
    }
    await audit.publish()
    (books,) = compared.verified().books
    assert not books.is_same
    closed(audit, custody)
    await audit.follow(custody)
    await compared.look()
    assert await compared.comparing.problem() is None


async def test_a_log_that_lies_about_books_is_refused(compared: Compared, custody: SourceFeed) -> None:
    """Whoever reads it computes them: a leaf that says 'same', or another total, is no leaf of these books."""
    audit = compared.audit
    opened(custody)
    await audit.follow(custody)
    await audit.publish()
    closed(audit, custody, 1)
    await audit.follow(custody)
    await asyncio.to_thread(compared.project)
    (found,) = compared.reader.after(0, 10)
    await RecordBooks(audit.writer, audit.log, TileModel())(found.leaf, {**found.stated, "is_same": 1})
    await audit.publish()
    with pytest.raises(VerificationError, match="is_same"):
        compared.verified()


async def test_books_of_a_past_instant_are_those_of_then(
    compared: Compared, custody: SourceFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With folds saved every few leaves and without: sums by the leaves' own times; the newest closing by then."""
    monkeypatch.setattr(stored_folds, "SPACING", 8)
    monkeypatch.setattr("ringfence_audit.books.adapters.books_model.SPACING", 8)
    audit = compared.audit
    opened(custody)
    for number in range(2, 40):
        moved(custody, number, START_NS + number * SECOND_NS)
    while audit.log.head("custody").position < len(custody.events):
        await audit.take_over(await custody.page(audit.log.head("custody").position, limit=3))
    closed(audit, custody)
    await audit.follow(custody)
    await audit.publish()
    await compared.look()
    await audit.publish()
    with compared.store.connection() as connection:
        folds = connection.execute("SELECT count(*) AS folds FROM books_folds").fetchone()
    assert folds is not None
    assert folds["folds"] >= 1
    for last in (1, 2, 17, 39):
        answer = await compared.ask(START_NS + last * SECOND_NS, identifier("bob"))
        assert list(answer.balances_minor) == [0, 0, 0, sum(100 + number for number in range(2, last + 1))]
        assert answer.HasField("closing") is (last >= 10)
    answer = await compared.ask()
    assert (answer.closing.is_same, answer.closing.balances_root) == (True, answer.balances_root)
    assert {each.account_class for each in answer.classes} == {"client", "bank_mirror"}
    assert answer.is_covered


async def test_another_process_goes_on_and_a_rebuild_finds_the_same(
    audit_store: EventStore, custody: SourceFeed, identity: SourceFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its fold begins with the newest one that is stored, and the events since."""
    for module in ("stored_folds", "books_model"):
        monkeypatch.setattr(f"ringfence_audit.books.adapters.{module}.SPACING", 16)
    opened(custody)
    for number in range(2, 30):
        moved(custody, number, START_NS + number * SECOND_NS)
    async with running(audit_store, [custody, identity]) as audit:
        while audit.log.head("custody").position < len(custody.events):
            await audit.take_over(await custody.page(audit.log.head("custody").position, limit=4))
        await audit.publish()
        await Compared(audit).look()
    async with running(audit_store, [custody, identity]) as audit:
        closed(audit, custody)
        await audit.follow(custody)
        compared = Compared(audit)
        await compared.look()
        assert await compared.comparing.problem() is None
        assert audit.log.books.size
        await audit.publish()
        await compared.look()
    report = await asyncio.to_thread(rebuild, audit_store, ORIGIN, compare=True)
    assert set(report.differences.values()) == {0}
    assert {"books_folds", "books_closings"} <= report.differences.keys()


async def test_a_log_of_the_first_format_states_no_books_and_raises_the_alarm(
    compared: Compared, custody: SourceFeed
) -> None:
    """The release before could not read such a leaf; what differs is known all the same."""
    audit = compared.audit
    opened(custody)
    await audit.follow(custody)
    await sign_in_first_format(audit)
    closed(audit, custody, 1)
    await audit.follow(custody)
    await compared.look()
    assert await compared.comparing.problem()
    assert BOOKS_KIND not in {decode(leaf)[0] for leaf in stored_leaves(audit.store)}
    assert audit.log.books.size == 0


async def test_a_demand_is_a_fact_before_custody_is_asked(compared: Compared) -> None:
    """Whoever demands stands in the log, also where there are no books."""
    for tenant, demand in ((BOOK, identifier("one")), (identifier("nobody"), identifier("two"))):
        request = audit_pb2.DemandBooksRequest(tenant_id=tenant, ledger=EUR, demand_id=demand)
        with calling(READER):
            if tenant == BOOK:
                assert (await compared.audit.servicer.DemandBooks(request, CONTEXT)).position == CLOSED_AT
            else:
                with pytest.raises(BooksUnknown):
                    await compared.audit.servicer.DemandBooks(request, CONTEXT)
    reads = [decode(leaf)[1] for leaf in stored_leaves(compared.store)]
    assert [each["query_demand_id"] for each in reads] == [identifier("one"), identifier("two")]


async def test_one_past_is_folded_at_a_time(
    compared: Compared, custody: SourceFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many ask: a fold has the accounts of every platform."""
    opened(custody)
    await compared.audit.follow(custody)
    await compared.audit.publish()
    folding, most, fold = [0], [0], BooksReader.books

    def watched(*asked: Any) -> PastBooks:
        folding[0] += 1
        most[0] = max(most[0], folding[0])
        time.sleep(0.05)
        try:
            return fold(*asked)
        finally:
            folding[0] -= 1

    monkeypatch.setattr(BooksReader, "books", watched)
    answers = await asyncio.gather(*(compared.ask() for _ in range(3)))
    assert (most, len({each.SerializeToString(deterministic=True) for each in answers})) == ([1], 1)
