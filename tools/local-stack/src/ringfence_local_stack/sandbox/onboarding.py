"""What every onboarding in the sandbox does: parties led through KYC, accounts opened and waited for."""

import time
from collections.abc import Sequence
from hashlib import sha256
from typing import TypeVar
from uuid import UUID

from ringfence.client import Client
from ringfence.errors import RingfenceError
from ringfence.identity import Alias, AliasAction, ItemResult, KycDecision, KycStatus, require_done
from ringfence.ids import external_id
from ringfence.ledger import AccountStatus, NewAccount, Result
from ringfence.proposals import Verdict

Row = TypeVar("Row")

ACTIVATION_SECONDS = 60.0
_LOOK_SECONDS = 0.1
_ROWS = 1_000
_IBANS_PER_PROPOSAL = 100
"""Whoever confirms them reads each: more would be refused as PROPOSAL_TOO_LARGE."""
_PENDING = frozenset({"PENDING"})
_WAITS = frozenset({"APPROVAL_PENDING"})


def decide_kyc(operator: Client, tenant_id: UUID, party_ids: Sequence[UUID], to: KycStatus, note: str) -> None:
    """Leads parties to a state that the operator decides on; the same again changes nothing."""
    decisions = [
        KycDecision(party_id=each, to=to, note=note, id=external_id("sandbox.kyc", each, to.name)) for each in party_ids
    ]
    require_done(operator.identity.decide_kyc(tenant_id, decisions))


def verify_parties(operator: Client, tenant_id: UUID, party_ids: Sequence[UUID]) -> None:
    """Leads parties that were handed in to VERIFIED."""
    decide_kyc(operator, tenant_id, party_ids, KycStatus.CHECKING, "documents complete")
    decide_kyc(operator, tenant_id, party_ids, KycStatus.VERIFIED, "identity confirmed")


def agree(second: Client, results: Sequence[ItemResult]) -> None:
    """Has the second person of identity confirm everything that results wait for; raises RingfenceError."""
    require_done(results, _WAITS)
    proposals = list(dict.fromkeys(each.proposal_id for each in results if each.proposal_id))
    reasons = second.proposals["identity"].decide(proposals, Verdict.CONFIRM) if proposals else []
    require_done([ItemResult(each) for each in reasons])


def register_ibans(client: Client, operators: tuple[Client, Client], tenant_id: UUID, aliases: Sequence[Alias]) -> None:
    """Has a platform claim its clients' IBANs, and two operators confirm them by the sandbox's own document."""
    for page in _pages(aliases, _IBANS_PER_PROPOSAL):
        claims = client.identity.register_aliases(page)
        require_done(claims, _PENDING)
        # The release before answers that they are registered, and knows no claims.
        ibans = {each.iban: each.owner_id for each, claim in zip(page, claims, strict=True) if claim.reason in _PENDING}
        if not ibans:
            continue
        document = sha256("\n".join(sorted(ibans)).encode()).digest()
        first, second = operators
        agree(second, first.identity.change_aliases(tenant_id, AliasAction.CONFIRM, ibans, document))


def open_accounts(client: Client, book_id: UUID, accounts: Sequence[NewAccount]) -> None:
    """Opens accounts, new or as they were; raises RingfenceError for one that is refused."""
    require_created(
        [each for page in _pages(accounts) for each in client.custody.create_accounts(page, book_id)], "account"
    )


def require_created(results: Sequence[Result], what: str) -> None:
    """Raises RingfenceError for the first row that the ledger refused."""
    for result in results:
        if not result.done:
            raise RingfenceError("FAILED_PRECONDITION", result.status.upper(), f"{what} {result.id} was refused")


def await_status(
    client: Client, book_id: UUID, account_ids: Sequence[UUID], status: AccountStatus = AccountStatus.ACTIVE
) -> None:
    """Waits until custody has heard of the owners' KYC; raises RingfenceError after a minute."""
    end = time.monotonic() + ACTIVATION_SECONDS
    while True:
        found = [each for page in _pages(account_ids) for each in client.custody.accounts(page, book_id)]
        late = [each for each in found if each.status is not status]
        if not late and len(found) == len(account_ids):
            return
        if time.monotonic() > end:
            text = f"{len(late)} of {len(account_ids)} accounts are not {status.name.lower()} yet"
            raise RingfenceError("DEADLINE_EXCEEDED", "ACCOUNTS_NOT_READY", text)
        time.sleep(_LOOK_SECONDS)


def _pages(rows: Sequence[Row], most: int = _ROWS) -> list[Sequence[Row]]:
    return [rows[at : at + most] for at in range(0, len(rows), most)]
