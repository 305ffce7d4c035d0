"""Fourth act: a list names a client. Nothing of his moves until two operators release him, with a reason."""

import time
from pathlib import Path

from ringfence.client import Client
from ringfence.commands.errors import CommandFailed
from ringfence.identity import KycDecision, KycStatus, require_done
from ringfence.ids import external_id
from ringfence.ledger import AccountStatus
from ringfence.payments import EvidenceAnswer

from ringfence_local_stack.demo.authority import REFUSAL
from ringfence_local_stack.demo.deposits import receive_these
from ringfence_local_stack.demo.onboarding import Stage, import_sanctions
from ringfence_local_stack.demo.script import DemoClient, listed, orders
from ringfence_local_stack.sandbox.onboarding import await_status

BLOCK_SECONDS = 30.0
_LOOK_SECONDS = 0.1
_WAITS = frozenset({"APPROVAL_PENDING"})


def put_on_list(stage: Stage, operator: Client) -> bool:
    """Imports the list that names the client; whether he is blocked now, or was blocked and released before.

    Raises CommandFailed where he is not blocked in time.
    """
    import_sanctions(operator, "demo-update", "sanctions-update.csv")
    paid = [each.id for each in orders(stage.book_id, listed().batch)]
    was_told = bool(stage.client.payments.instructions(paid))
    end = time.monotonic() + BLOCK_SECONDS
    while _status(stage, operator) is not KycStatus.BLOCKED:
        if was_told:
            return False
        if time.monotonic() > end:
            raise CommandFailed(f"{listed().client} is on a list, and not blocked after {BLOCK_SECONDS:g} s")
        time.sleep(_LOOK_SECONDS)
    await_status(stage.client, stage.book_id, [stage.account(listed().client)], AccountStatus.FROZEN)
    return True


def receive_for_listed(stage: Stage, spool: Path, bank_feed: Client) -> EvidenceAnswer:
    """The bank receives money for the listed client; raises CommandFailed where any of it is credited to him."""
    message_id = f"DEP-{stage.platform.name}-listed"
    answer = receive_these(stage, spool, bank_feed, message_id, listed().deposits)
    if answer.credited:
        raise CommandFailed(f"{listed().client} is on a list, and a deposit is credited to him")
    return answer


def release(stage: Stage, first: Client, second: Client) -> None:
    """Has two operators release the client, who then is verified anew; raises CommandFailed where one is enough."""
    (proposed,) = first.identity.decide_kyc(stage.book_id, [_decision(stage, KycStatus.REVIEW)])
    require_done([proposed], _WAITS)
    if proposed.proposal_id is None:
        raise CommandFailed(f"one operator alone has released {listed().client}")
    (alone,) = first.proposals["identity"].confirm([proposed.proposal_id])
    if alone.reason != REFUSAL:
        raise CommandFailed(f"the operator who proposed the release confirms it: {alone.reason or 'done'}")
    if _status(stage, first) is not KycStatus.BLOCKED:
        raise CommandFailed(f"{listed().client} is released, which nobody has confirmed")
    require_done(second.proposals["identity"].confirm([proposed.proposal_id], listed().reason))
    require_done(first.identity.decide_kyc(stage.book_id, [_decision(stage, KycStatus.VERIFIED)]))
    await_status(stage.client, stage.book_id, [stage.account(listed().client)])


def _decision(stage: Stage, to: KycStatus) -> KycDecision:
    party = _client(stage).party(stage.book_id).id
    return KycDecision(party_id=party, to=to, note=listed().reason, id=external_id("demo.release", party, to.name))


def _client(stage: Stage) -> DemoClient:
    return next(each for each in stage.platform.clients if each.name == listed().client)


def _status(stage: Stage, operator: Client) -> KycStatus:
    (party,) = operator.identity.parties([_client(stage).party(stage.book_id).id], stage.book_id)
    return party.kyc_status
