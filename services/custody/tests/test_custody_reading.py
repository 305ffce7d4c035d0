"""What users of a ledger ask: every answer is that of the events, and costs about a page."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import product
from typing import Any

import pytest
from psycopg.rows import DictRow
from ringfence_custody.ledger.adapters.statement_model import StatementModel
from ringfence_custody.ledger.adapters.statement_reader import StatementReader
from ringfence_custody.ledger.application.ports import Selection, StatementAccount
from ringfence_custody.ledger.domain.events import TransfersCreated
from ringfence_custody.ledger.domain.packed import Transfer, unpacked
from ringfence_custody.ledger.domain.purposes import AccountClass
from ringfence_custody.ledger.domain.result_codes import PENDING, VOID, TransferFlag
from ringfence_kernel.rpc.page_tokens import PageTokenInvalid
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_protos.custody.v1 import custody_pb2 as pb

from .conftest import CODEC, Custody
from .ledger import CZK, DEPOSIT, EUR, FEE, PAYMENT, SECOND, WITHDRAWAL, Row, id_of
from .test_custody_service import OWNER, PLATFORM, open_accounts, send

F = TransferFlag
SLICE_BITS = 4
ZERO = bytes(16)
REFERENCES = [b"reference %06d" % number for number in range(3)]
NAMES = ("alice", "bob", "carol", "dora")
CZECH_NAMES = ("karel", "lenka")


async def paged(custody: Custody, method: str, request: Any, size: int = 7) -> list[Any]:
    """Returns everything that the pages of a question show, one page after the other."""
    found, request.page_size = [], size
    while True:
        page = await custody.call(method, request, PLATFORM)
        rows = list(getattr(page, {"GetStatement": "entries", "ListTransfers": "transfers"}.get(method, "accounts")))
        assert len(rows) <= size
        found += rows
        request.page_token = page.next_page_token  # type: ignore[attr-defined]
        if not request.page_token:
            return found


async def test_accounts_and_owners_are_told_to_who_keeps_aliases(custody: Custody) -> None:
    """An account has its owner and class, and none has neither; an owner has what stands and what moved last."""
    await open_accounts(custody)
    ids = [id_of("alice"), id_of("bank"), id_of("nobody")]
    found: Any = await custody.call("LookUpAccounts", pb.LookUpAccountsRequest(book_id=PLATFORM, account_ids=ids), None)
    assert [(each.owner_id, each.account_class) for each in found.accounts] == [
        (OWNER, AccountClass.CLIENT),
        (ZERO, AccountClass.BANK_MIRROR),
        (ZERO, 0),
    ]
    owners = pb.LookUpOwnersRequest(book_id=PLATFORM, owner_ids=[OWNER, b"s" * 16])
    await custody.project()
    before: Any = await custody.call("LookUpOwners", owners, None)
    assert [(each.accounts, each.with_balance, each.with_pending) for each in before.holdings] == [(2, 2, 0), (0, 0, 0)]
    await send(custody, Row("r", "alice", "bob", 5, F.PENDING), Row("p", "bob", "alice", 1_000))
    await custody.project()
    after: Any = await custody.call("LookUpOwners", owners, None)
    (holds, none) = after.holdings
    assert (holds.with_balance, holds.with_pending, holds.held) == (1, 2, 0)
    assert 0 < before.holdings[0].last_movement_ns < holds.last_movement_ns
    assert none == pb.Holdings()


async def history(custody: Custody, count: int = 300) -> list[tuple[int, Transfer]]:
    """Makes transfers of many kinds in commits of many sizes; returns them as events have them, with positions."""
    custody.projector.model = StatementModel(SLICE_BITS)
    await open_accounts(custody, names=NAMES)
    classes = [AccountClass.FEE, AccountClass.BANK_MIRROR, AccountClass.CLIENT, AccountClass.CLIENT]
    columns = pb.AccountColumns(
        id=b"".join(map(id_of, ("fees", "czech bank", *CZECH_NAMES))),
        owner_id=bytes(32) + OWNER * 2,
        account_class=list(map(int, classes)),  # type: ignore[arg-type]
        ledger=[EUR, CZK, CZK, CZK],
        code=[7, 7, 7, 7],
    )
    await custody.call("CreateAccounts", pb.CreateAccountsRequest(accounts=columns), PLATFORM)
    funding = [Row(f"funding {name}", "czech bank", name, 500, code=DEPOSIT, ledger=CZK) for name in CZECH_NAMES]
    assert await send(custody, *funding) == ["created"] * 2
    source = random.Random(7)
    rows = [some_row(source, number) for number in range(count)]
    while rows:
        size = source.choice((1, 1, 5, 40))
        await send(custody, *rows[:size])
        rows = rows[size:]
        if source.random() < 0.3:
            await custody.project()
    await custody.project()
    return [
        (recorded.position, transfer)
        for recorded in custody.store.replay(CODEC)
        if isinstance(recorded.event, TransfersCreated)
        for batch in [unpacked(recorded.event)]
        for transfer in map(batch.transfer, range(len(batch)))
    ]


def some_row(source: random.Random, number: int) -> Row:
    """Returns a payment, a fee, a reservation or its end."""
    czech = source.random() < 0.2
    debit, credit = source.sample(CZECH_NAMES if czech else NAMES, 2)
    ends = number > 20 and source.random() < 0.15
    if ends:
        flags = source.choice((F.POST_PENDING_TRANSFER, F.VOID_PENDING_TRANSFER))
        amount = 2**64 - 1 if flags == F.POST_PENDING_TRANSFER else 0
        pending = f"t{source.randrange(number)}"
        return Row(f"t{number}", flags=flags, amount=amount, pending_id=pending, code=0, ledger=0, user_data_128=ZERO)
    fee = source.random() < 0.1 and not czech
    return Row(
        f"t{number}",
        debit,
        "fees" if fee else credit,
        source.randrange(1, 9),
        flags=F.PENDING if source.random() < 0.3 else 0,
        code=FEE if fee else PAYMENT,
        ledger=CZK if czech else EUR,
        user_data_128=source.choice(REFERENCES),
        user_data_64=source.choice((0, 0, 0, 5, 2**64 - 1)),
        user_data_32=source.choice((0, 1, 2**32 - 1)),
    )


FILTERS = [
    {},
    {"code": FEE},
    {"code": 16},
    {"user_data_128": REFERENCES[0]},
    {"user_data_128": b"never seen......"},
    {"user_data_64": 2**64 - 1},
    {"user_data_32": 2**32 - 1},
    {"user_data_32": 1, "code": FEE},
    {"user_data_128": REFERENCES[1], "user_data_64": 5, "code": PAYMENT},
    {"ledger": CZK},
    {"ledger": 840},
    {"ledger": CZK, "code": PAYMENT},
    {"ledger": EUR, "user_data_128": REFERENCES[0]},
    {"ledger": CZK, "user_data_32": 1, "code": PAYMENT},
]


def matches(custody: Custody, transfer: Transfer, wanted: dict[str, Any]) -> bool:
    """Tells whether a transfer has every value named."""
    ledger = custody.state.look(PLATFORM).accounts.ledger[transfer.debit]
    return all((ledger if name == "ledger" else getattr(transfer, name)) == wanted[name] for name in wanted)


async def test_every_list_is_what_the_events_say(custody: Custody) -> None:
    """Filters, time ranges, directions and pages of ListTransfers show exactly the transfers that are meant."""
    made = [transfer for _, transfer in await history(custody)]
    times = [0, made[40].timestamp, made[200].timestamp]
    for wanted in FILTERS:
        for newest_first in (False, True):
            for from_ns, until_ns in ((0, 0), (times[1], times[2]), (times[2], 0), (0, 1)):
                request = pb.ListTransfersRequest(
                    filter=pb.TransferFilter(**wanted), newest_first=newest_first, from_ns=from_ns, until_ns=until_ns
                )
                meant = [
                    each.id
                    for each in made
                    if matches(custody, each, wanted) and from_ns <= each.timestamp < (until_ns or 2**63)
                ]
                shown = [each.id for each in await paged(custody, "ListTransfers", request)]
                assert shown == (meant[::-1] if newest_first else meant)


async def test_every_statement_is_what_the_events_say(custody: Custody) -> None:
    """Statements by side and filter, in both directions, have the running balance that all lines together make.

    Reservations and their voids are lines on request, and leave the balance.
    """
    made = await history(custody)
    for name in ("alice", "fees", "bank", "karel"):
        index = custody.state.look(PLATFORM).accounts.index[id_of(name)]
        lines, balance = [], 0
        for position, each in made:
            if index in (each.debit, each.credit):
                if not each.flags & (PENDING | VOID):
                    balance += each.amount if each.credit == index else -each.amount
                lines.append((position, each, balance))
        if name in NAMES:
            assert {each.flags & (PENDING | VOID) for _, each, _ in lines} == {0, PENDING, VOID}
        for wanted, reservations in product(FILTERS, (False, True)):
            for side, newest_first in ((0, False), (0, True), (1, False), (2, True)):
                request = pb.GetStatementRequest(
                    account_id=id_of(name),
                    filter=pb.TransferFilter(**wanted),
                    side=pb.AccountSide.ValueType(side),
                    newest_first=newest_first,
                    include_reservations=reservations,
                )
                meant = [
                    (each.id, balance, position)
                    for position, each, balance in lines
                    if matches(custody, each, wanted)
                    and side in (0, 1 if each.debit == index else 2)
                    and (reservations or not each.flags & (PENDING | VOID))
                ]
                entries = await paged(custody, "GetStatement", request)
                shown = [(each.transfer.id, each.balance_minor, each.position) for each in entries]
                assert shown == (meant[::-1] if newest_first else meant)


async def test_balances_as_of_any_time_and_position(custody: Custody) -> None:
    """Balances of all accounts at the time of any transfer, or after any event, are the sums up to there."""
    made = await history(custody)
    accounts = custody.state.look(PLATFORM).accounts
    ids = accounts.id[1:]
    sums = [0] * len(accounts)
    for number, (position, each) in enumerate(made):
        if not each.flags & (PENDING | VOID):
            sums[each.debit] -= each.amount
            sums[each.credit] += each.amount
        if number % 17 == 0:
            at_time = pb.GetBalancesRequest(account_ids=ids, as_of_ns=each.timestamp)
            reply: Any = await custody.call("GetBalances", at_time, PLATFORM)
            assert list(reply.balance_minor) == sums[1:]
        if number + 1 == len(made) or made[number + 1][0] != position:
            at_event = pb.GetBalancesRequest(account_ids=ids, as_of_position=position)
            reply = await custody.call("GetBalances", at_event, PLATFORM)
            assert list(reply.balance_minor) == sums[1:]
    first = pb.GetBalancesRequest(account_ids=ids, as_of_position=1)
    reply = await custody.call("GetBalances", first, PLATFORM)
    assert set(reply.balance_minor) == {0}


async def test_balances_of_both_or_of_the_future_are_refused(custody: Custody) -> None:
    """A time and a position together, or a position that is still to come, are invalid arguments."""
    await open_accounts(custody)
    head = custody.writer.head.position
    for as_of_ns, as_of_position in ((1, 1), (0, head + 1)):
        request = pb.GetBalancesRequest(account_ids=[id_of("alice")], as_of_ns=as_of_ns, as_of_position=as_of_position)
        with pytest.raises(InvalidArgument):
            await custody.call("GetBalances", request, PLATFORM)


async def test_pages_stay_the_same_while_transfers_come(custody: Custody) -> None:
    """What is committed between two pages appears after them, going up, and not at all, going down."""
    made = [transfer for _, transfer in await history(custody, 60)]
    for newest_first in (False, True):
        request = pb.ListTransfersRequest(page_size=10, newest_first=newest_first)
        first: Any = await custody.call("ListTransfers", request, PLATFORM)
        assert await send(custody, Row(f"later {newest_first}", "alice", "bob", 1)) == ["created"]
        await custody.project()
        request.page_token = first.next_page_token
        second: Any = await custody.call("ListTransfers", request, PLATFORM)
        shown = [each.id for each in (*first.transfers, *second.transfers)]
        if not newest_first:
            assert shown == [each.id for each in made[:20]]
        else:
            assert shown == [id_of("later False"), *(each.id for each in made[:-20:-1])]


async def test_a_token_is_for_its_own_question(custody: Custody) -> None:
    """A page token used with another question, method or book, or a changed one, is refused; another size is not."""
    await history(custody, 60)
    asked = pb.ListTransfersRequest(page_size=5)
    token = (await custody.call("ListTransfers", asked, PLATFORM)).next_page_token  # type: ignore[attr-defined]
    await custody.call("ListTransfers", pb.ListTransfersRequest(page_size=9, page_token=token), PLATFORM)
    for method, request in (
        ("ListTransfers", pb.ListTransfersRequest(page_token=token, newest_first=True)),
        ("ListTransfers", pb.ListTransfersRequest(page_token=token, filter=pb.TransferFilter(code=3))),
        ("ListTransfers", pb.ListTransfersRequest(page_token=token, from_ns=1)),
        ("ListTransfers", pb.ListTransfersRequest(page_token=token[:-1])),
        ("ListTransfers", pb.ListTransfersRequest(page_token="é" + token[1:])),
        ("ListTransfers", pb.ListTransfersRequest(page_token=token, filter=pb.TransferFilter(ledger=EUR))),
        ("ListAccounts", pb.ListAccountsRequest(page_token=token)),
        ("GetStatement", pb.GetStatementRequest(page_token=token, account_id=id_of("alice"))),
    ):
        with pytest.raises(PageTokenInvalid):
            await custody.call(method, request, PLATFORM)
    with pytest.raises(PageTokenInvalid):
        await custody.call("ListTransfers", pb.ListTransfersRequest(page_token=token), b"platform two 002")


async def test_filters_are_checked(custody: Custody) -> None:
    """A reference of the wrong size, an unknown side or a code out of range is an invalid argument."""
    await open_accounts(custody)
    alice = id_of("alice")
    for method, request in (
        ("ListTransfers", pb.ListTransfersRequest(filter=pb.TransferFilter(user_data_128=b"short"))),
        ("ListTransfers", pb.ListTransfersRequest(filter=pb.TransferFilter(code=65_536))),
        ("GetStatement", pb.GetStatementRequest(account_id=alice, side=pb.AccountSide.ValueType(3))),
        ("ListAccounts", pb.ListAccountsRequest(user_data_128=b"short")),
    ):
        with pytest.raises(InvalidArgument):
            await custody.call(method, request, PLATFORM)


async def test_a_reservation_that_expired_is_one_line(custody: Custody) -> None:
    """An expiry is no transfer: what was reserved is a line when it was reserved, and its release is none."""
    await open_accounts(custody)
    assert await send(custody, Row("r", "alice", "bob", 30, F.PENDING, timeout=1)) == ["created"]
    custody.clock.advance(5 * SECOND)
    await custody.commands.expire()
    assert await send(custody, Row("a", "alice", "bob", 1)) == ["created"]
    await custody.project()
    request = pb.GetStatementRequest(account_id=id_of("alice"), include_reservations=True)
    entries: Any = await custody.call("GetStatement", request, PLATFORM)
    lines = [(each.transfer.id, each.transfer.timeout_seconds, each.balance_minor) for each in entries.entries]
    assert lines == [(id_of("funding alice"), 0, 1_000), (id_of("r"), 1, 1_000), (id_of("a"), 0, 999)]


class ExplainedReader(StatementReader):
    """A reader that keeps, for each question, how many pages of tables it touched and by which kinds of scan."""

    pages: int
    scans: set[str]

    def _ask(self, book_id: bytes, question: str, arguments: dict[str, Any]) -> list[DictRow]:
        explain = "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) "
        (row,) = super()._ask(book_id, explain + question, arguments)
        plan = row["QUERY PLAN"][0]["Plan"]
        self.pages = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
        self.scans = set(_kinds(plan))
        return super()._ask(book_id, question, arguments)


def _kinds(plan: dict[str, Any]) -> Iterator[str]:
    yield plan["Node Type"]
    for part in plan.get("Plans", ()):
        yield from _kinds(part)


async def test_a_question_costs_about_a_page(custody: Custody) -> None:
    """Whatever selects ten rows or none of thousands touches few pages, and no table is read through."""
    custody.projector.model = StatementModel(8)
    await open_accounts(custody, names=NAMES)
    for start in range(0, 6_000, 1_000):
        numbers = range(start, start + 1_000)
        rows = [
            Row(f"t{n}", *("alice", "bob")[:: (-1) ** n], 1, user_data_32=1 + (n == 3_000), user_data_64=n + 1)
            for n in numbers
        ]
        await send(custody, *rows)
        if start == 2_000:
            # One transfer in another currency, and one reservation, among thousands.
            columns = pb.AccountColumns(
                id=b"".join(map(id_of, ("czech bank", "karel"))),
                owner_id=bytes(16) + OWNER,
                account_class=[int(AccountClass.BANK_MIRROR), int(AccountClass.CLIENT)],  # type: ignore[list-item]
                ledger=[CZK],
                code=[1],
            )
            await custody.call("CreateAccounts", pb.CreateAccountsRequest(accounts=columns), PLATFORM)
            funding = Row("czech", "czech bank", "karel", 1, code=DEPOSIT, ledger=CZK)
            reserved_row = Row("reserved", "alice", "bank", 1, F.PENDING, code=WITHDRAWAL)
            assert await send(custody, funding, reserved_row) == ["created"] * 2
    await custody.project()
    mirror = custody.state.look(PLATFORM).accounts.index[id_of("bank")]
    reader = ExplainedReader(custody.store, custody.projector, lambda: custody.writer.head)
    (middle,) = await asyncio.to_thread(reader.list_transfers, PLATFORM, Selection(user_data_64=3_001, limit=10))
    account, position = middle.debit, custody.state.batch_positions(PLATFORM, [(b"", 6)])[0][1]

    def ask(bound: int, question: Callable[[], Sequence[Any]], rows: int) -> None:
        assert len(question()) == rows
        assert "Seq Scan" not in reader.scans
        assert reader.pages <= bound

    def every_question() -> None:
        for newest_first in (False, True):
            for bound, rows, selection in (
                (40, 10, Selection(limit=10, newest_first=newest_first)),
                (40, 10, Selection(limit=10, newest_first=newest_first, from_ns=middle.timestamp)),
                (40, 0, Selection(limit=10, newest_first=newest_first, code=16)),
                (120, 1, Selection(limit=10, newest_first=newest_first, user_data_64=3_001)),
                (120, 0, Selection(limit=10, newest_first=newest_first, user_data_64=9_999)),
                (120, 1, Selection(limit=10, newest_first=newest_first, user_data_32=2)),
                (60, 10, Selection(limit=10, newest_first=newest_first, user_data_32=1)),
            ):
                ask(bound, partial(reader.list_transfers, PLATFORM, selection), rows)
                if not selection.user_data_32:
                    for reservations in (False, True):
                        whose = StatementAccount(index=account, ledger=EUR, reservations=reservations)
                        ask(bound + 100, partial(reader.statement, PLATFORM, whose, selection), rows)
            for rows, selection in (
                (10, Selection(limit=10, newest_first=newest_first, ledger=EUR)),
                (1, Selection(limit=10, newest_first=newest_first, ledger=CZK)),
                (0, Selection(limit=10, newest_first=newest_first, ledger=CZK, code=PAYMENT)),
                (0, Selection(limit=10, newest_first=newest_first, ledger=840)),
            ):
                ask(40, partial(reader.list_transfers, PLATFORM, selection), rows)
            reserved = StatementAccount(index=mirror, ledger=EUR, reservations=True)
            ask(140, partial(reader.statement, PLATFORM, reserved, Selection(limit=10, code=WITHDRAWAL)), 1)
        ask(60, lambda: list(reader.balances(PLATFORM, [1, account], middle.timestamp)), 2)
        ask(10, lambda: list(reader.transfers(PLATFORM, [(middle.id, position)])), 1)

    await asyncio.to_thread(every_question)
