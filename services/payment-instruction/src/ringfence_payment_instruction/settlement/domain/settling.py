"""Which transfer each stage asks custody for, and what custody's result means for the instruction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ringfence_kernel.values.clock import DAY_NS
from ringfence_kernel.values.ids import ZERO_ID, external_id, show

from ringfence_payment_instruction.settlement.domain.errors import (
    LedgerContradiction,
    OwnerStandingUnsettled,
    ResultUnknown,
)
from ringfence_payment_instruction.settlement.domain.transfers import (
    BARRED,
    CORRECTED,
    DONE,
    MOVED,
    NEVER_CREATED,
    UNSETTLED,
    Correction,
    Evidence,
    PlannedTransfer,
    Purpose,
    TransferKind,
    is_contradiction,
    is_known,
    refusal,
)
from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.reasons import ON_ACCOUNT
from ringfence_payment_instruction.submissions.domain.status import RELEASED, Directive, Stage, Status
from ringfence_payment_instruction.submissions.domain.submission import Submission, slot, transfer_id_of
from ringfence_payment_instruction.submissions.domain.transitions import Step, moved

# Stages that are work for custody.
CUSTODY_STAGES = (Stage.TRANSFER, Stage.RELEASE, Stage.CONFIRM, Stage.RETURN)
# Somebody else has ended the reservation, against what the bank says.
_ENDED_OTHERWISE = {
    Stage.CONFIRM: ("pending_transfer_already_voided", "pending_transfer_expired"),
    Stage.RETURN: ("pending_transfer_already_posted",),
    Stage.RELEASE: ("pending_transfer_already_posted",),
}


class MirrorMissing(LookupError):
    """The book has no bank mirror in that currency."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a result means: the states to go through, and the reason of a refusal. No states: somebody must look."""

    statuses: tuple[Status, ...]
    reason: str = ""


def plan(submission: Submission, index: int, mirrors: Mapping[int, bytes]) -> PlannedTransfer:
    """Returns the transfer of an instruction at a custody stage; `mirrors` maps ledgers to bank mirror accounts.

    Raises MirrorMissing where the money must leave and the book has no bank account in that currency.
    """
    instruction_id, subject = submission.instruction_id(index), submission.mandate(index)
    transfer_id = transfer_id_of(submission.tenant, instruction_id)
    amount, ledger = submission.amounts_minor[index], submission.ledgers[index]
    # The day of the last step, not of the call: a retry after midnight must be the same transfer.
    day = submission.changed_ns[index] // DAY_NS
    if submission.stages[index] == Stage.TRANSFER:
        inside = submission.stays_in_book(index)
        credit = slot(submission.creditor_accounts, index) if inside else _mirror(mirrors, ledger)
        kind = TransferKind.PLAIN if inside else TransferKind.PENDING
        purpose = _purpose(submission, index, Purpose.PAYMENT if inside else Purpose.WITHDRAWAL)
        debit = slot(submission.debtor_accounts, index)
        return PlannedTransfer(transfer_id, kind, purpose, debit, credit, amount, ledger, subject, day)
    kind, domain = (
        (TransferKind.POST, "transfer.post")
        if submission.stages[index] == Stage.CONFIRM
        else (TransferKind.VOID, "transfer.void")
    )
    purpose = _purpose(submission, index, Purpose.WITHDRAWAL)
    second = external_id(domain, submission.tenant, show(instruction_id))
    return PlannedTransfer(
        second,
        kind,
        purpose,
        ZERO_ID,
        ZERO_ID,
        amount,
        ledger,
        subject,
        day,
        transfer_id,
        _evidence(submission, index, transfer_id),
    )


def may_be_unreserved(submission: Submission, index: int) -> bool:
    """Tells whether custody may never have made the transfer of what is to be released."""
    return submission.stages[index] == Stage.RELEASE and submission.statuses[index] in (Status.SCREENED, Status.HELD)


def bar(release: PlannedTransfer) -> PlannedTransfer:
    """Returns what finds out whether custody made the transfer that is to be released, and else bars its id.

    Under the transfer's own id it asks to void what is not there: where the id is used custody says so, else it burns
    it, so that a call of ours that is still on its way moves nothing either.
    """
    return replace(release, id=release.pending_id, pending_id=release.id)


def barred(submission: Submission, index: int, result: str) -> str:
    """Returns what an answer to a bar means for the release; empty where there is a reservation to void."""
    if result in BARRED:
        return NEVER_CREATED
    if is_contradiction(result):
        return MOVED if submission.stays_in_book(index) else ""
    return result


def _purpose(submission: Submission, index: int, of_client: Purpose) -> Purpose:
    return Purpose(submission.purpose(index) or of_client)


def _evidence(submission: Submission, index: int, transfer_id: bytes) -> Evidence:
    """Returns the bank's word on a payment; none where it is released and the bank never had it."""
    if submission.stages[index] == Stage.RELEASE or index not in submission.evidence:
        return Evidence()
    sha256, source = submission.evidence[index]
    return Evidence(sha256, transfer_id, source)


def _mirror(mirrors: Mapping[int, bytes], ledger: int) -> bytes:
    if ledger not in mirrors:
        raise MirrorMissing(f"no bank mirror in ledger {ledger}")
    return mirrors[ledger]


def transferred(
    submission: Submission, results: Mapping[int, tuple[int, str]], mirrors: Mapping[int, bytes] | None = None
) -> tuple[list[Any], frozenset[str]]:
    """Decides on custody's results: index -> (stage asked for, result name), and the mirror that it was reserved to.

    Returns the events, and why rows stay where they are: a contradiction, a result that is not known, or none yet.
    """
    steps: list[Step] = []
    unresolved: set[str] = set()
    for index, (stage, result) in results.items():
        if submission.stages[index] != stage or stage not in CUSTODY_STAGES:
            continue
        verdict = judge(submission, index, result)
        if not verdict.statuses:
            unresolved.add(verdict.reason)
        detail = result if stage == Stage.TRANSFER and verdict.reason else submission.details.get(index, "")
        steps += [Step(index, status, verdict.reason, detail) for status in verdict.statuses]
    accounts = [(mirrors or {}).get(each.at, ZERO_ID) if each.status == Status.RESERVED else ZERO_ID for each in steps]
    towards = b"".join(accounts) if any(each != ZERO_ID for each in accounts) else b""
    return moved(submission, "custody", steps, mirror_accounts=towards), frozenset(unresolved)


def may_be_corrected(stage: int, result: str) -> bool:
    """Tells whether people may have put right what a result contradicts."""
    return result in _ENDED_OTHERWISE.get(Stage(stage), ())


def corrects(submission: Submission, index: int, correction: Correction) -> bool:
    """Tells whether a correction has moved an instruction's whole amount on its debtor's account, the right way."""
    account = correction.debit_account if submission.stages[index] == Stage.CONFIRM else correction.credit_account
    return (account, correction.amount_minor, correction.ledger) == (
        slot(submission.debtor_accounts, index),
        submission.amounts_minor[index],
        submission.ledgers[index],
    )


def judge(submission: Submission, index: int, result: str) -> Verdict:
    """Returns what custody's result means for an instruction at its stage."""
    stage = submission.stages[index]
    done = result in DONE or result == CORRECTED
    if result == UNSETTLED:
        return Verdict((), OwnerStandingUnsettled.reason)
    if not done and not is_known(result):
        return Verdict((), ResultUnknown.reason)
    if stage == Stage.TRANSFER:
        if is_contradiction(result):
            return Verdict((), LedgerContradiction.reason)
        if not done:
            return Verdict((Status.REJECTED,), refusal(result))
        if submission.stays_in_book(index):
            return Verdict((Status.RESERVED, Status.SETTLED))
        return Verdict((Status.RESERVED,))
    if stage == Stage.CONFIRM:
        if not done and result != "pending_transfer_already_posted":
            return Verdict((), LedgerContradiction.reason)
        if submission.reasons[index] == reasons.BANK_RETURNED:
            return Verdict((Status.SETTLED, Status.RETURNED), reasons.BANK_RETURNED)
        seen = submission.details.get(index) == ON_ACCOUNT
        return Verdict((Status.SETTLED, Status.RECONCILED) if seen else (Status.SETTLED,))
    if result == MOVED:
        return Verdict((Status.RESERVED, Status.SETTLED))
    released = done or result in (NEVER_CREATED, "pending_transfer_already_voided", "pending_transfer_expired")
    if not released:
        return Verdict((), LedgerContradiction.reason)
    if stage == Stage.RETURN:
        return Verdict((Status.FAILED,), reasons.BANK_REFUSED)
    return Verdict((RELEASED[Directive(submission.directives[index])],), submission.reasons[index])
