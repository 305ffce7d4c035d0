"""Statements and past balances of the service on PostgreSQL."""

from __future__ import annotations

import asyncio
from typing import Any

from ringfence_custody.ledger.adapters.statement_model import StatementModel
from ringfence_custody.ledger.domain.result_codes import TransferFlag
from ringfence_kernel.projecting.projector import rebuild_and_compare
from ringfence_protos.custody.v1 import custody_pb2 as pb

from .conftest import CODEC, Custody
from .ledger import Row, id_of
from .test_custody_service import PLATFORM, open_accounts, send, transfers

F = TransferFlag
START_BEFORE = 1_000


async def test_statement_pages_with_running_balance(custody: Custody) -> None:
    """A statement shows what moved the posted balance, oldest first, in stable pages, with the balance after each."""
    await open_accounts(custody)
    assert await send(custody, Row("a", "alice", "bob", 10, value_date=19_000)) == ["created"]
    rows = [
        Row("r", "alice", "bob", 30, F.PENDING),
        Row("p", flags=F.POST_PENDING_TRANSFER, pending_id="r", amount=20, code=0, ledger=0),
        Row("b", "bob", "alice", 5),
    ]
    assert await send(custody, *rows) == ["created"] * 3
    await custody.project()
    entries, token = [], ""
    while True:
        request = pb.GetStatementRequest(account_id=id_of("alice"), page_size=2, page_token=token)
        page: Any = await custody.call("GetStatement", request, PLATFORM)
        entries += page.entries
        token = page.next_page_token
        if not token:
            break
    assert [entry.balance_minor for entry in entries] == [1_000, 990, 970, 975]
    assert entries[1].transfer.value_date_days == 19_000
    assert entries[2].transfer.amount_minor == 20
    assert entries[2].transfer.debit_account_id == id_of("alice")
    found: Any = await custody.call(
        "GetTransfers", pb.GetTransfersRequest(transfer_ids=[id_of("p"), id_of("?"), id_of("a")]), PLATFORM
    )
    assert [each.id for each in found.transfers] == [id_of("p"), id_of("a")]
    assert found.transfers[0].pending_id == id_of("r")


async def test_balances_of_the_past(custody: Custody) -> None:
    """Balances at a past time count the transfers up to it, and 0 asks for now."""
    await open_accounts(custody)
    reply: Any = await custody.call("CreateTransfers", transfers(Row("a", "alice", "bob", 10)), PLATFORM)
    await send(custody, Row("b", "alice", "bob", 1))
    await custody.project()
    ids = [id_of("alice"), id_of("bob"), id_of("nobody")]
    for as_of, expected in ((reply.timestamp_ns[0], [990, 1_010]), (0, [989, 1_011]), (START_BEFORE, [0, 0])):
        request = pb.GetBalancesRequest(account_ids=ids, as_of_ns=as_of)
        past: Any = await custody.call("GetBalances", request, PLATFORM)
        assert (list(past.account_ids), list(past.balance_minor)) == (ids[:2], expected)


async def test_the_read_model_is_what_events_say(custody: Custody) -> None:
    """Statements rebuilt beside the live ones, from events alone, do not differ in a row."""
    await open_accounts(custody)
    await send(custody, *(Row(f"t{n}", "alice", "bob", n) for n in range(20)))
    await custody.project()
    differences = await asyncio.to_thread(rebuild_and_compare, custody.store, CODEC, StatementModel())
    assert differences == {"books": 0, "account_ledgers": 0, "transfers": 0, "slices": 0, "entries": 0}
