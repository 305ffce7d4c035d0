"""What a bank takes back, asked of the service."""

from __future__ import annotations

from typing import Any

from ringfence_custody.ledger.domain.events import AccountsCreated
from ringfence_custody.ledger.domain.purposes import AccountClass
from ringfence_custody.ledger.domain.result_codes import CreateAccountStatus, CreateTransferStatus, TransferFlag
from ringfence_custody.ledger.domain.shortfall import shortfall_account
from ringfence_kernel.access.caller import Caller, calling
from ringfence_protos.custody.v1 import custody_pb2 as pb

from .conftest import CODEC, Custody
from .ledger import CZK, EUR, MANDATE, REVERSAL, Row
from .test_custody_authority import booking
from .test_custody_service import PLATFORM, open_accounts

F = TransferFlag


async def test_the_first_word_that_needs_it_opens_what_is_owed(custody: Custody) -> None:
    """No book is without an account for what its platform owes; the same again, and a replay, find one."""
    await open_accounts(custody)
    owed = shortfall_account(EUR)
    rows = (
        Row("taken", owed, "bank", 1_500, code=REVERSAL),
        Row("given", "bob", owed, 1_500, int(F.BALANCING_DEBIT), code=REVERSAL),
    )
    for status in (CreateTransferStatus.CREATED, CreateTransferStatus.EXISTS):
        with calling(Caller("spiffe://test/service/payment-instruction", "payment-instruction", bytes(16), "")):
            reply: Any = await custody.servicer.BookEvidence(booking(*rows), None)
        assert (reply.status, list(reply.amount_minor)) == (bytes([status] * 2), [1_500, 1_000])
    await custody.project()
    request = pb.LookUpTakingsRequest(book_id=PLATFORM, entry_ids=[MANDATE, bytes(15) + b"1"])
    found: Any = await custody.call("LookUpTakings", request, None)
    assert [(each.taken_minor, each.given_minor) for each in found.takings] == [(1_500, 1_000), (0, 0)]
    opened = [each.event for each in custody.store.replay(CODEC) if isinstance(each.event, AccountsCreated)]
    assert [each.account_class for each in opened].count(bytes([AccountClass.SHORTFALL])) == 1
    accounts = custody.state.look(PLATFORM).accounts
    assert accounts.posted_balance(accounts.index[owed]) == -500
    squatter = pb.AccountColumns(id=shortfall_account(CZK), account_class=[1], ledger=[CZK], code=[1])  # type: ignore[list-item]
    reply = await custody.call("CreateAccounts", pb.CreateAccountsRequest(accounts=squatter), PLATFORM)
    assert reply.status == bytes([CreateAccountStatus.ACCOUNT_RESERVED])
