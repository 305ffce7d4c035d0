"""Maker and checker: who must look twice, and who may."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ringfence_kernel.access.hands import Hand, differs

from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.hands import packed_hand, unpacked_hand
from ringfence_payment_instruction.submissions.domain.orders import OF_OPERATORS
from ringfence_payment_instruction.submissions.domain.status import RELEASED, UNDECIDED, Directive, Stage, Status
from ringfence_payment_instruction.submissions.domain.submission import Submission
from ringfence_payment_instruction.submissions.domain.transitions import Step, directed, moved

# Tenant, approver and ledger -> what the approver may let pass alone by now, minor units.
ApproverRule = Callable[[bytes, bytes, int], int]


STOPPED = (Status.HELD, Directive.RESUME)
"""Held with its reservation, until what stopped it is lifted."""


class Decider(NamedTuple):
    """Who decides: by whose hand, and whether as an operator of the custodian."""

    hand: Hand
    is_operator: bool = False


def objection(submission: Submission, index: int, decision: Directive, decider: Decider) -> str:
    """Returns why a decision on an instruction cannot be taken, empty when it can."""
    status, directive = submission.statuses[index], submission.directives[index]
    if submission.purpose(index) in OF_OPERATORS and not decider.is_operator:
        return reasons.OPERATOR_REQUIRED
    if index in submission.hits and decision is not Directive.REJECT:
        return reasons.SANCTIONS_HIT
    if decision is Directive.CANCEL:
        return "" if may_be_stopped(status, directive) else reasons.ALREADY_RELEASED
    if decision is Directive.REJECT and ((status, directive) == STOPPED or submission.stages[index] == Stage.TRANSFER):
        return ""  # what custody has done by then is found out before it is released
    if status != Status.HELD or directive not in UNDECIDED:
        return reasons.NOT_HELD
    if decision is Directive.APPROVE:
        if not are_two(submission.received.maker, submission.received.maker_hand, decider):
            return reasons.APPROVER_IS_MAKER
        if directive == Directive.COUNTERSIGN and not are_two(
            submission.approvers[index], submission.approving_hands[index], decider
        ):
            return reasons.ANOTHER_APPROVER_REQUIRED
    return ""


def are_two(principal: bytes, packed: bytes, decider: Decider) -> bool:
    """Tells whether somebody and the decider are two people; of one in an event of long ago only the id is known."""
    if not packed:
        return principal != decider.hand.principal
    return differs(unpacked_hand(principal, packed), decider.hand)


def own_objection(submission: Submission, index: int, maker: Decider) -> str:
    """Returns why somebody cannot withdraw an instruction as its maker, empty when he can."""
    if submission.received.maker != maker.hand.principal:
        return reasons.MADE_BY_ANOTHER
    return objection(submission, index, Directive.CANCEL, maker)


def may_be_stopped(status: int, directive: int) -> bool:
    """Tells whether an instruction can still be withdrawn: custody or the bank may not be at work on it.

    A SCREENED instruction may be in custody's hands at this moment, a RESERVED one that is directed to be sent in the
    bank's.
    """
    if status in (Status.RECEIVED, Status.VALIDATED, Status.AUTHENTICATED):
        return True
    if status == Status.HELD:
        return directive in UNDECIDED or directive == Directive.RESUME
    return status == Status.RESERVED and directive == Directive.NONE


def is_done(submission: Submission, index: int, decision: Directive, decider: Decider) -> bool:
    """Tells whether the same decision was taken before: deciding again changes nothing."""
    status, directive = submission.statuses[index], submission.directives[index]
    if decision is Directive.APPROVE:
        return submission.approvers.get(index) == decider.hand.principal
    if decision is Directive.CANCEL:
        return status == Status.CANCELLED or directive == Directive.CANCEL
    return submission.reasons[index] == reasons.APPROVAL_REFUSED


def decided(
    submission: Submission,
    indexes: Sequence[int],
    decision: Directive,
    decider: Decider,
    note: str,
    approver_minor: ApproverRule,
) -> list[Any]:
    """Takes a person's decision on rows that allow it: approve, reject or cancel.

    What is above the approver's own maximum, with all that he let pass alone, waits for another approver, unless he is
    the other.
    """
    allowed = [index for index in indexes if not objection(submission, index, decision, decider)]
    if decision is Directive.APPROVE:
        alone = _alone(submission, allowed, decider, approver_minor)
        first = [index for index in allowed if index not in alone]
        reason = reasons.ANOTHER_APPROVER_REQUIRED
        named = {"actor": decider.hand.principal, "actor_hand": packed_hand(decider.hand), "note": note}
        events = directed(submission, Directive.COUNTERSIGN, first, reason=reason, **named)
        return events + directed(submission, decision, sorted(alone), **named)
    reason = reasons.CANCELLED_BY_CUSTOMER if decision is Directive.CANCEL else reasons.APPROVAL_REFUSED
    reserved = [index for index in allowed if submission.may_be_reserved(index)]
    status = RELEASED[decision]
    steps = [Step(index, status, reason) for index in allowed if not submission.may_be_reserved(index)]
    events = moved(submission, "decision", steps, actor=decider.hand.principal, note=note)
    return events + directed(submission, decision, reserved, actor=decider.hand.principal, note=note, reason=reason)


def _alone(submission: Submission, indexes: Sequence[int], decider: Decider, approver_minor: ApproverRule) -> set[int]:
    """Returns the rows for which this approver is enough; those before a row take of his room."""
    room: dict[int, int] = {}
    found = set()
    for index in indexes:
        ledger, amount = submission.ledgers[index], submission.amounts_minor[index]
        if submission.directives[index] == Directive.COUNTERSIGN:
            found.add(index)
            continue
        if ledger not in room:
            room[ledger] = approver_minor(submission.tenant, decider.hand.principal, ledger)
        if amount <= room[ledger]:
            room[ledger] -= amount
            found.add(index)
    return found
