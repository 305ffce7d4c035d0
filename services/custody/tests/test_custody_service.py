"""The service on PostgreSQL: commits of many callers, restarts, retries, statements, tenants, expiry, rebuilds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from ringfence_custody.ledger.adapters import batches
from ringfence_custody.ledger.adapters.batches import StoredBatches
from ringfence_custody.ledger.adapters.identity_feed import CURSOR, KycChanged, facts_of, take_over
from ringfence_custody.ledger.domain.errors import AccountNotFound, BookNotFound, ColumnsMalformed
from ringfence_custody.ledger.domain.events import TransfersCreated, TransfersExpired
from ringfence_custody.ledger.domain.lifecycle import Standing
from ringfence_custody.ledger.domain.packed import unpacked
from ringfence_custody.ledger.domain.purposes import AccountClass
from ringfence_custody.ledger.domain.result_codes import CreateTransferStatus, TransferFlag
from ringfence_custody.modules import ModuleStates
from ringfence_kernel.feed import EventUnknown, FeedPage
from ringfence_kernel.rpc.page_tokens import PageTokenInvalid
from ringfence_kernel.service import replay_into
from ringfence_kernel.service.event_sourced import save_digest
from ringfence_kernel.store import EventStore, Head, StoredEvent, load_cursor, save_cursor
from ringfence_kernel.store.codec import EventCodec
from ringfence_kernel.values.errors import InvalidArgument, StoreUnavailable
from ringfence_protos.custody.v1 import custody_pb2 as pb

from .conftest import CODEC, Custody, running
from .ledger import DEPOSIT, EUR, PAYMENT, SECOND, Row, columns_of, id_of

PLATFORM, OTHER = b"platform one 001", b"platform two 002"
OWNER = b"party number one"
F = TransferFlag


def transfers(*rows: Row, balances: bool = False, book: bytes = b"") -> pb.CreateTransfersRequest:
    """Returns a request for these rows."""
    columns = columns_of(rows)
    message = pb.TransferColumns(
        **{name: getattr(columns, name) for name in pb.TransferColumns.DESCRIPTOR.fields_by_name}
    )
    return pb.CreateTransfersRequest(book_id=book, transfers=message, return_balances=balances)


async def send(custody: Custody, *rows: Row, tenant: bytes = PLATFORM) -> list[str]:
    """Creates transfers; returns the names of the result codes."""
    reply: Any = await custody.call("CreateTransfers", transfers(*rows), tenant)
    return [CreateTransferStatus(code).name.lower() for code in reply.status]


async def open_accounts(custody: Custody, tenant: bytes = PLATFORM, names: Sequence[str] = ("alice", "bob")) -> None:
    """Opens a bank mirror and clients with 1,000 each, whose owner is verified."""
    await learn(custody, tenant, "VERIFIED")
    count = len(names)
    columns = pb.AccountColumns(
        id=b"".join(map(id_of, ["bank", *names])),
        owner_id=bytes(16) + OWNER * count,
        account_class=[int(AccountClass.BANK_MIRROR)] + [int(AccountClass.CLIENT)] * count,  # type: ignore[list-item]
        ledger=[EUR] * (count + 1),
        code=[1] * (count + 1),
    )
    reply: Any = await custody.call("CreateAccounts", pb.CreateAccountsRequest(accounts=columns), tenant)
    assert reply.status == bytes(count + 1)
    funding = [Row(f"funding {name}", "bank", name, 1_000, code=DEPOSIT) for name in names]
    assert await send(custody, *funding, tenant=tenant) == ["created"] * count


def kyc_changed(position: int, tenant: bytes, after: str) -> StoredEvent:
    """Returns an event as identity publishes it."""
    topic, state = EventCodec([KycChanged]).encode(KycChanged(tenant, OWNER, after), 1)
    return StoredEvent(position, OWNER, 1, topic, state, bytes(32))


async def learn(custody: Custody, tenant: bytes, after: str, position: int = 1) -> None:
    """Takes in a change of the owner's KYC."""
    facts = facts_of([kyc_changed(position, tenant, after)])
    cursor = Head(1, position, bytes(32))
    await custody.commands.note_identity(facts, lambda connection: save_cursor(connection, CURSOR, cursor))


async def account(custody: Custody, name: str, tenant: bytes = PLATFORM) -> Any:
    """Returns an account by its name."""
    request = pb.GetAccountsRequest(account_ids=[id_of(name)])
    (found,) = (await custody.call("GetAccounts", request, tenant)).accounts  # type: ignore[attr-defined]
    return found


async def test_transfers_of_many_callers_are_one_event(custody: Custody) -> None:
    """Callers that come together share a commit and an event, and each gets its own results with balances."""
    await open_accounts(custody)
    before = custody.writer.head.position
    replies: list[Any] = await asyncio.gather(
        *(
            custody.call("CreateTransfers", transfers(Row(f"t{n}", "alice", "bob", 1), balances=True), PLATFORM)
            for n in range(50)
        )
    )
    assert [reply.debit_balances.debits_posted_minor[0] for reply in replies] == list(range(1, 51))
    assert custody.writer.head.position - before < 10
    times = [reply.timestamp_ns[0] for reply in replies]
    assert times == sorted(set(times))


async def test_a_restart_changes_nothing(custody: Custody, stores: Callable[[], EventStore]) -> None:
    """The books built from events are those that were in memory, and know every id that was ever used."""
    await open_accounts(custody)
    rows = (
        Row("r", "alice", "bob", 100, F.PENDING, timeout=50),
        Row("burnt", "bob", "nobody", 1),
        Row("p", "alice", "bob", 7, user_data_64=2**64 - 1),
    )
    first: Any = await custody.call("CreateTransfers", transfers(*rows), PLATFORM)
    digest = custody.state.digest()
    async with running(stores) as again:
        assert again.state.digest() == digest
        second: Any = await again.call("CreateTransfers", transfers(*rows), PLATFORM)
        assert list(second.status) == [46, 68, 46]
        assert (second.timestamp_ns[0], second.timestamp_ns[2]) == (first.timestamp_ns[0], first.timestamp_ns[2])


async def test_an_empty_book_leaves_no_trace_in_the_digest(custody: Custody) -> None:
    """Refusals that leave no event, in a book without history, do not make the state differ from its rebuild."""
    await open_accounts(custody)
    digest = custody.state.digest()
    assert await send(custody, Row("x", "alice", "alice", 1), tenant=OTHER) == ["accounts_must_be_different"]
    assert custody.state.digest() == digest
    await save_digest(custody.writer)
    states = ModuleStates.over(lambda: StoredBatches(custody.store, CODEC))
    rebuilt, differs = replay_into(custody.store, CODEC, states.together())
    assert (rebuilt, differs) == (custody.writer.head.position, 0)


async def test_two_writers_cannot_both_commit(custody: Custody, stores: Callable[[], EventStore]) -> None:
    """A writer that finds another's events takes them in and decides again; nothing is lost or done twice."""
    await open_accounts(custody)
    async with running(stores) as rival:
        assert await send(custody, Row("a", "alice", "bob", 600), Row("r", "bob", "alice", 5, F.PENDING)) == [
            "created",
            "created",
        ]
        post = Row("p", flags=F.POST_PENDING_TRANSFER, pending_id="r", amount=5, code=0, ledger=0)
        assert await send(rival, Row("b", "alice", "bob", 600), Row("a", "alice", "bob", 600), post) == [
            "exceeds_credits",
            "exists",
            "created",
        ]
        assert await send(custody, Row("c", "alice", "bob", 405), post) == ["created", "exists"]
        assert custody.state.digest() != rival.state.digest()
        await account(rival, "alice")
        assert await send(rival, Row("d", "bob", "alice", 1)) == ["created"]
        await send(custody, Row("e", "bob", "alice", 1))
        assert (await account(custody, "alice")).debits_posted_minor == 1_005


async def test_two_that_both_believe_they_lead_keep_one_book(
    custody: Custody, stores: Callable[[], EventStore]
) -> None:
    """Every transfer is sent to two processes at once: one creates it, the other finds it, the money moves once."""
    await open_accounts(custody)
    rows = [Row(f"t{n}", *(("alice", "bob"), ("bob", "alice"))[n % 3 == 0], 1 + n % 7) for n in range(120)]
    async with running(stores) as rival:
        names = await asyncio.gather(*(send(each, row) for row in rows for each in (custody, rival)))
    pairs = zip(names[::2], names[1::2], strict=True)
    assert all(sorted(one + other) == ["created", "exists"] for one, other in pairs)
    async with running(stores) as fresh:
        moved = {side: sum(row.amount for row in rows if row.debit == side) for side in ("alice", "bob")}
        found = {side: (await account(fresh, side)).debits_posted_minor for side in moved}
        totals: Any = await fresh.call("GetTotals", pb.GetTotalsRequest(), PLATFORM)
    assert (found, totals.transfers) == (moved, len(rows) + 2)


async def test_a_page_of_identity_is_taken_in_by_one_process(
    custody: Custody, stores: Callable[[], EventStore]
) -> None:
    """A process that was deposed cannot set the cursor back and apply old facts over newer ones."""
    pages = [
        FeedPage("identity", [kyc_changed(position, PLATFORM, after)], Head(1, position, bytes([position]) * 32))
        for position, after in ((1, "VERIFIED"), (2, "BLOCKED"))
    ]
    async with running(stores) as deposed:
        for page in (pages[0], pages[0], pages[1]):
            await take_over(custody.commands)(page)
        with pytest.raises(StoreUnavailable):
            await take_over(deposed.commands)(pages[0])
    assert load_cursor(custody.store, CURSOR) == pages[1].cursor
    assert [each.event.standing for each in custody.store.replay(CODEC)] == [Standing.ADMITTED, Standing.BLOCKED]


@pytest.mark.parametrize("unknown", ["topic", "state"])
async def test_an_event_of_identity_that_is_not_described_is_not_passed_over(custody: Custody, unknown: str) -> None:
    """The facts before it are taken in, and the cursor stays before it: a block could be behind either."""
    known, strange = kyc_changed(1, PLATFORM, "BLOCKED"), kyc_changed(2, PLATFORM, "ENCHANTED")
    if unknown == "topic":
        strange = replace(strange, topic="Unheard.v1")
    page = FeedPage("identity", [known, strange, kyc_changed(3, PLATFORM, "VERIFIED")], Head(1, 3, b"3" * 32))
    with pytest.raises(EventUnknown, match=r"Unheard|ENCHANTED"):
        await take_over(custody.commands)(page)
    assert load_cursor(custody.store, CURSOR) == Head(1, 1, bytes(32))
    assert [each.event.standing for each in custody.store.replay(CODEC)] == [Standing.BLOCKED]
    with pytest.raises(EventUnknown):
        await take_over(custody.commands)(FeedPage("identity", page.events[1:], page.cursor))
    assert load_cursor(custody.store, CURSOR).position == 1


async def test_a_reservation_and_its_expiry_in_one_group_replay(
    custody: Custody, stores: Callable[[], EventStore]
) -> None:
    """What a group decides in a book is recorded in that order, even when an expiry follows its own reservation."""
    await open_accounts(custody)

    def decide(unit: Any) -> None:
        custody.clock.advance(2 * SECOND)

    _, _, expired = await asyncio.gather(
        send(custody, Row("r", "alice", "bob", 100, F.PENDING, timeout=1)),
        custody.writer.commit(decide),
        custody.commands.expire(),
    )
    assert expired == 1
    kinds = [type(recorded.event) for recorded in custody.store.replay(CODEC)]
    assert kinds[-2:] == [TransfersCreated, TransfersExpired]
    async with running(stores) as again:
        assert again.state.digest() == custody.state.digest()
        assert (await account(again, "alice")).debits_pending_minor == 0


async def test_a_refused_command_takes_its_group_back_only_to_itself(custody: Custody) -> None:
    """A freeze of an account that is not there is refused; transfers of the same group are committed."""
    await open_accounts(custody)
    freeze = pb.SetFreezeRequest(book_id=PLATFORM, account_ids=[id_of("none")], frozen=True, order_reference="court 1")
    results = await asyncio.gather(
        send(custody, Row("a", "alice", "bob", 1)),
        custody.call("SetFreeze", freeze, None),
        send(custody, Row("b", "alice", "bob", 1)),
        return_exceptions=True,
    )
    assert results[0] == results[2] == ["created"]
    assert isinstance(results[1], AccountNotFound)


async def test_tenants_do_not_see_each_other(custody: Custody) -> None:
    """Another tenant's account is answered exactly like one that does not exist, whatever is asked."""
    await open_accounts(custody)
    await open_accounts(custody, OTHER, ("alice", "eve"))
    for name in ("bob", "nobody at all"):
        row = Row(f"steal {name}", name, "eve", 1)
        assert await send(custody, row, tenant=OTHER) == ["debit_account_not_found"]
        statement = pb.GetStatementRequest(account_id=id_of(name))
        with pytest.raises(AccountNotFound):
            await custody.call("GetStatement", statement, OTHER)
        accounts: Any = await custody.call("GetAccounts", pb.GetAccountsRequest(account_ids=[id_of(name)]), OTHER)
        assert not accounts.accounts
    await custody.project()
    with pytest.raises(BookNotFound):
        await custody.call("CreateTransfers", transfers(Row("x", "alice", "bob", 1), book=PLATFORM), OTHER)
    assert await send(custody, Row("same id", "alice", "bob", 1)) == ["created"]
    assert await send(custody, Row("same id", "alice", "eve", 1), tenant=OTHER) == ["created"]


async def test_identity_s_feed_moves_accounts_with_its_cursor(custody: Custody) -> None:
    """A KYC change takes effect together with the cursor, and on the tenant's own accounts only."""
    await open_accounts(custody)
    await open_accounts(custody, OTHER)
    await learn(custody, PLATFORM, "CHECKING", position=6)
    assert await send(custody, Row("a", "alice", "bob", 1)) == ["created"]
    await learn(custody, PLATFORM, "BLOCKED", position=7)
    assert load_cursor(custody.store, CURSOR).position == 7
    assert await send(custody, Row("b", "alice", "bob", 1)) == ["debit_account_frozen"]
    assert await send(custody, Row("c", "alice", "bob", 1), tenant=OTHER) == ["created"]


async def test_totals_tell_that_the_book_balances(custody: Custody) -> None:
    """Totals per class and currency add up, and count accounts and transfers."""
    await open_accounts(custody)
    await send(custody, Row("r", "alice", "bob", 100, F.PENDING))
    reply: Any = await custody.call("GetTotals", pb.GetTotalsRequest(), PLATFORM)
    assert {each.account_class: each.accounts for each in reply.totals} == {1: 2, 3: 1}
    assert sum(each.debits_posted_minor for each in reply.totals) == 2_000
    assert sum(each.credits_posted_minor for each in reply.totals) == 2_000
    assert sum(each.debits_pending_minor - each.credits_pending_minor for each in reply.totals) == 0
    assert reply.transfers == 3


async def test_totals_among_transfers_stand_for_their_position(custody: Custody) -> None:
    """Totals asked for in the middle of a group have the transfers, the balances and the position of one commit."""
    await open_accounts(custody)
    replies: Any = await asyncio.gather(
        send(custody, Row("a", "bank", "alice", 5, code=DEPOSIT)),
        custody.call("GetTotals", pb.GetTotalsRequest(), PLATFORM),
        send(custody, Row("b", "bank", "alice", 7, code=DEPOSIT)),
    )
    totals = replies[1]
    until = [each.event for each in custody.store.replay(CODEC, until=totals.position)]
    amounts = [amount for event in until if isinstance(event, TransfersCreated) for amount in unpacked(event).amount]
    assert totals.transfers == len(amounts)
    assert sum(each.credits_posted_minor for each in totals.totals) == sum(amounts)


async def test_batches_of_burnt_ids_are_not_kept_for_ever(
    custody: Custody, stores: Callable[[], EventStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches read again are let go of beyond a number of rows, to which burnt ids count."""
    monkeypatch.setattr(batches, "CACHED_ROWS", 10)
    await open_accounts(custody)
    for number in range(6):
        await send(custody, *(Row(f"{number} {row}", "alice", "nobody", 1) for row in range(4)))
    stored = StoredBatches(stores(), CODEC)
    for each in custody.store.replay(CODEC):
        if isinstance(each.event, TransfersCreated):
            stored.committed(each.event.number, each.position)
    read = [stored.load(number) for number in range(2, 8)]
    assert [len(each.burnt) for each in read if each is not None] == [4] * 6
    assert stored.load(7) is read[-1]
    assert stored.load(2) is not read[0]


async def test_accounts_are_listed_in_pages(custody: Custody) -> None:
    """Accounts come in order of creation, page by page, all of them or those of one owner or of nobody."""
    names = [f"client {number}" for number in range(5)]
    await open_accounts(custody, names=names)

    async def listed(owner: bytes = b"") -> list[bytes]:
        found, token = [], ""
        while True:
            request = pb.ListAccountsRequest(page_size=2, page_token=token, owner_id=owner)
            page: Any = await custody.call("ListAccounts", request, PLATFORM)
            found += [each.id for each in page.accounts]
            token = page.next_page_token
            if not token:
                return found

    assert await listed() == [id_of(name) for name in ("bank", *names)]
    assert await listed(OWNER) == [id_of(name) for name in names]
    assert await listed(bytes(16)) == [id_of("bank")]


MALFORMED = [
    pb.TransferColumns(),
    pb.TransferColumns(id=bytes(15)),
    pb.TransferColumns(id=bytes(16 * 8_191)),
    pb.TransferColumns(id=bytes(48), amount_minor=[1, 2]),
    pb.TransferColumns(id=bytes(16), debit_account_id=bytes(17)),
    pb.TransferColumns(id=bytes(16), code=[65_536]),
    pb.TransferColumns(id=bytes(16), flags=[2**32 - 1]),
]


@pytest.mark.parametrize("columns", MALFORMED, ids=range(len(MALFORMED)))
async def test_malformed_columns_are_refused(custody: Custody, columns: pb.TransferColumns) -> None:
    """Columns that do not fit each other or their types are an invalid argument, and nothing happens."""
    with pytest.raises(ColumnsMalformed):
        await custody.call("CreateTransfers", pb.CreateTransfersRequest(transfers=columns), PLATFORM)
    assert custody.writer.head.position == 0


async def test_malformed_questions_are_refused(custody: Custody) -> None:
    """Bad ids, page sizes and page tokens are invalid arguments."""
    await open_accounts(custody)
    for method, request in (
        ("GetAccounts", pb.GetAccountsRequest(account_ids=[b"short"])),
        ("GetAccounts", pb.GetAccountsRequest()),
        ("ListAccounts", pb.ListAccountsRequest(page_size=1_001)),
        ("GetStatement", pb.GetStatementRequest(account_id=b"")),
        ("SetFreeze", pb.SetFreezeRequest(book_id=PLATFORM, account_ids=[id_of("alice")], frozen=True)),
    ):
        with pytest.raises(InvalidArgument):
            await custody.call(method, request, PLATFORM)
    with pytest.raises(PageTokenInvalid):
        await custody.call("ListAccounts", pb.ListAccountsRequest(page_token="x"), PLATFORM)


async def test_a_freeze_is_shown_with_its_order(custody: Custody) -> None:
    """An operator freezes by an order and releases by the same; the account tells both."""
    await open_accounts(custody)
    request = pb.SetFreezeRequest(
        book_id=PLATFORM, account_ids=[id_of("alice")], frozen=True, order_reference="court 7"
    )
    reply: Any = await custody.call("SetFreeze", request, None)
    shown = await account(custody, "alice")
    assert list(reply.status) == [shown.status] == [pb.ACCOUNT_STATUS_FROZEN]
    assert shown.order_reference == "court 7"
    request.frozen = False
    await custody.call("SetFreeze", request, None)
    assert (await account(custody, "alice")).status == pb.ACCOUNT_STATUS_ACTIVE
    assert await send(custody, Row("a", "alice", "bob", 1, code=PAYMENT)) == ["created"]
