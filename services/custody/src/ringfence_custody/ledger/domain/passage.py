"""Whether the accounts of a transfer let money out and in: by their states and holds, and by closing transfers."""

from __future__ import annotations

from ringfence_custody.ledger.domain.accounts import Accounts
from ringfence_custody.ledger.domain.authority import Authority
from ringfence_custody.ledger.domain.lifecycle import CREDITS_PASS, DEBITS_PASS, AccountStatus, Hold, waits_for_kyc
from ringfence_custody.ledger.domain.result_codes import CLOSED
from ringfence_custody.ledger.domain.result_codes import CreateTransferStatus as Status
from ringfence_custody.ledger.domain.standings import Standings


def refused_by_state(accounts: Accounts, standings: Standings, authority: Authority, debit: int, credit: int) -> int:
    """Returns why the accounts' states refuse a row, 0 where they let money out and in.

    What rests on an owner's standing, and that may be old, gives way to any refusal that does not.
    """
    unsettled = Status.CREATED
    for account, passing, frozen, not_active in (
        (debit, DEBITS_PASS, Status.DEBIT_ACCOUNT_FROZEN, Status.DEBIT_ACCOUNT_NOT_ACTIVE),
        (credit, CREDITS_PASS, Status.CREDIT_ACCOUNT_FROZEN, Status.CREDIT_ACCOUNT_NOT_ACTIVE),
    ):
        holds, state = accounts.holds[account], accounts.status[account]
        if holds:
            if holds & Hold.ORDER or standings.is_settled(accounts.owner_id[account]):
                return frozen
            unsettled = Status.OWNER_STANDING_UNSETTLED
        if state not in passing and not authority.is_booked_in(state):
            waits = waits_for_kyc(AccountStatus(state), decided=account in accounts.restricted)
            if not waits or standings.is_settled(accounts.owner_id[account]):
                return not_active
            unsettled = Status.OWNER_STANDING_UNSETTLED
    return unsettled


def refused_as_closed(accounts: Accounts, debit: int, credit: int) -> int:
    """Returns which of the accounts a closing transfer has closed, 0 for neither."""
    if accounts.flags[debit] & CLOSED:
        return Status.DEBIT_ACCOUNT_ALREADY_CLOSED
    if accounts.flags[credit] & CLOSED:
        return Status.CREDIT_ACCOUNT_ALREADY_CLOSED
    return Status.CREATED
