"""Lists of accounts, and that searches of every kind stay within the caller's book."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from ringfence_custody.ledger.application import account_filter
from ringfence_custody.ledger.domain.errors import BookNotFound
from ringfence_custody.ledger.domain.purposes import AccountClass
from ringfence_custody.ledger.domain.result_codes import TransferFlag
from ringfence_kernel.rpc.page_tokens import PageTokenInvalid
from ringfence_protos.custody.v1 import custody_pb2 as pb

from .conftest import Custody
from .ledger import CZK, EUR, Row, id_of
from .test_custody_reading import CZECH_NAMES, NAMES, REFERENCES, history, paged
from .test_custody_service import OTHER, OWNER, PLATFORM, open_accounts, send

F = TransferFlag


async def test_accounts_are_listed_by_what_they_are(custody: Custody, monkeypatch: pytest.MonkeyPatch) -> None:
    """Accounts are found by class, currency, code, state and user data; a page that looks at few may be short."""
    await history(custody, 1)
    columns = pb.AccountColumns(
        id=b"".join(id_of(f"own {number}") for number in range(9)),
        account_class=[int(AccountClass.PLATFORM)] * 9,  # type: ignore[list-item]
        ledger=[EUR] * 9,
        code=[9] * 9,
        user_data_128=REFERENCES[0] * 9,
        user_data_64=[2**64 - 1] * 9,
        user_data_32=list(range(9)),
    )
    await custody.call("CreateAccounts", pb.CreateAccountsRequest(accounts=columns), PLATFORM)
    platform = [id_of(f"own {number}") for number in range(9)]
    clients = [id_of(name) for name in (*NAMES, *CZECH_NAMES)]
    for examined in (10_000, 3):
        monkeypatch.setattr(account_filter, "EXAMINED", examined)
        for wanted, meant in (
            ({"account_class": AccountClass.CLIENT}, clients),
            ({"account_class": AccountClass.FEE}, [id_of("fees")]),
            ({"ledger": 840}, []),
            ({"code": 9, "status": pb.ACCOUNT_STATUS_ACTIVE}, platform),
            ({"status": pb.ACCOUNT_STATUS_FROZEN}, []),
            ({"user_data_128": REFERENCES[0], "user_data_64": 2**64 - 1}, platform),
            ({"user_data_32": 5}, platform[5:6]),
        ):
            found = await paged(custody, "ListAccounts", pb.ListAccountsRequest(**wanted), size=2)
            assert [each.id for each in found] == meant


async def test_accounts_are_listed_by_time_in_both_directions(
    custody: Custody, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Time ranges and directions, with other filters or none, in pages that look at few accounts or many."""
    await history(custody, 1)
    for number in range(20):
        columns = pb.AccountColumns(
            id=b"".join(id_of(f"late {number} {row}") for row in range(2)),
            owner_id=OWNER * 2 if number % 3 else b"",
            account_class=[int(AccountClass.CLIENT if number % 3 else AccountClass.PLATFORM)],  # type: ignore[list-item]
            ledger=[CZK if number % 2 else EUR],
            code=[number % 4 + 1],
        )
        custody.clock.advance(number % 2)
        await custody.call("CreateAccounts", pb.CreateAccountsRequest(accounts=columns), PLATFORM)
    accounts = custody.state.look(PLATFORM).accounts
    opened = accounts.timestamp
    assert opened == sorted(set(opened))
    bounds = [(0, 0), (opened[9], 0), (opened[9] + 1, opened[30]), (0, opened[30]), (opened[-1] + 1, 0), (5, 4)]
    for examined, (from_ns, until_ns), newest_first, wanted in product(
        (10_000, 4),
        bounds,
        (False, True),
        ({}, {"owner_id": OWNER}, {"ledger": CZK, "code": 2}, {"owner_id": OWNER, "ledger": EUR}),
    ):
        monkeypatch.setattr(account_filter, "EXAMINED", examined)
        meant = [
            accounts.id[account]
            for account in range(1, len(accounts))
            if from_ns <= opened[account] < (until_ns or 2**63)
            and all(getattr(accounts, name)[account] == value for name, value in wanted.items())
        ]
        request = pb.ListAccountsRequest(**wanted, from_ns=from_ns, until_ns=until_ns, newest_first=newest_first)
        shown = [each.id for each in await paged(custody, "ListAccounts", request, size=3)]
        assert shown == (meant[::-1] if newest_first else meant)


async def test_pages_of_accounts_stay_the_same_while_others_are_opened(custody: Custody) -> None:
    """An account that is opened between two pages comes last, or going down not at all; the token is bound to both."""
    await history(custody, 1)
    ids = custody.state.look(PLATFORM).accounts.id[1:]
    request = pb.ListAccountsRequest(page_size=3, newest_first=True)
    first: Any = await custody.call("ListAccounts", request, PLATFORM)
    columns = pb.AccountColumns(
        id=id_of("later"),
        account_class=[int(AccountClass.PLATFORM)],  # type: ignore[list-item]
        ledger=[EUR],
        code=[1],
    )
    await custody.call("CreateAccounts", pb.CreateAccountsRequest(accounts=columns), PLATFORM)
    request.page_token = first.next_page_token
    second: Any = await custody.call("ListAccounts", request, PLATFORM)
    assert [each.id for each in (*first.accounts, *second.accounts)] == ids[:-7:-1]
    for changed in (pb.ListAccountsRequest(), pb.ListAccountsRequest(newest_first=True, from_ns=1)):
        changed.page_token = first.next_page_token
        with pytest.raises(PageTokenInvalid):
            await custody.call("ListAccounts", changed, PLATFORM)


async def test_searches_show_the_callers_own_book_alone(custody: Custody) -> None:
    """However much another platform has of what is asked for, nothing of it is shown; its book is not there."""
    await history(custody, 30)
    await open_accounts(custody, OTHER, ("alice", "eve"))
    assert await send(custody, Row("theirs", "alice", "eve", 1, F.PENDING), tenant=OTHER) == ["created"]
    await custody.project()
    listed: Any = await custody.call("ListAccounts", pb.ListAccountsRequest(newest_first=True, from_ns=1), OTHER)
    assert [each.id for each in listed.accounts] == list(map(id_of, ("eve", "alice", "bank")))
    ledger = pb.TransferFilter(ledger=EUR)
    moved: Any = await custody.call("ListTransfers", pb.ListTransfersRequest(filter=ledger), OTHER)
    assert [each.id for each in moved.transfers] == list(map(id_of, ("funding alice", "funding eve", "theirs")))
    czech = pb.ListTransfersRequest(filter=pb.TransferFilter(ledger=CZK))
    assert not (await custody.call("ListTransfers", czech, OTHER)).transfers  # type: ignore[attr-defined]
    statement = pb.GetStatementRequest(account_id=id_of("alice"), include_reservations=True)
    entries: Any = await custody.call("GetStatement", statement, OTHER)
    assert [each.transfer.id for each in entries.entries] == list(map(id_of, ("funding alice", "theirs")))
    assert [each.balance_minor for each in entries.entries] == [1_000, 1_000]
    for method, request in (
        ("ListAccounts", pb.ListAccountsRequest(book_id=PLATFORM, newest_first=True)),
        ("ListTransfers", pb.ListTransfersRequest(book_id=PLATFORM, filter=ledger)),
        ("GetStatement", pb.GetStatementRequest(book_id=PLATFORM, account_id=id_of("bob"), include_reservations=True)),
    ):
        with pytest.raises(BookNotFound):
            await custody.call(method, request, OTHER)
