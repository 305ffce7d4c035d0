"""What a bank has taken: its transfers, what their results mean, and the payments that are released for it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from ringfence_kernel.values.ids import ZERO_ID, external_id, show

from ringfence_payment_instruction.deposits.domain.evidence import (
    OPEN,
    TAKES,
    Disposition,
    EvidenceFile,
    Outcome,
    deposit_transfer_id,
)
from ringfence_payment_instruction.deposits.domain.posting import applied
from ringfence_payment_instruction.settlement.domain.transfers import (
    DONE,
    UNSETTLED,
    Booked,
    Evidence,
    PlannedTransfer,
    Purpose,
    TransferKind,
    is_contradiction,
    is_known,
)
from ringfence_payment_instruction.submissions.domain.orders import shortfall_account
from ringfence_payment_instruction.submissions.domain.reasons import DEPOSIT_REVERSED
from ringfence_payment_instruction.submissions.domain.status import Directive, Stage
from ringfence_payment_instruction.submissions.domain.submission import Submission, slot
from ringfence_payment_instruction.submissions.domain.transitions import directed, unsent_but_named

UNSENT = (Stage.SEND, Stage.STOPPED)
"""Stages of payments whose money is set aside, and that are in no message to the bank."""
TAKEN_FOR = {
    Disposition.REVERSE: Purpose.BANK_REVERSAL,
    Disposition.RETRACT: Purpose.BANK_RETRACTION,
    Disposition.CHARGE: Purpose.BANK_CHARGE,
}


class Whereabouts(NamedTuple):
    """What became of entries whose money is taken back; of any other, its client was credited.

    That of `lying` is in suspense; `gone` is what people have decided about: nobody has it to give.
    """

    lying: frozenset[bytes] = frozenset()
    gone: frozenset[bytes] = frozenset()


NOWHERE = Whereabouts()


def plan_takes(
    file: EvidenceFile, suspense: Mapping[int, bytes], rows: Iterable[int], where: Whereabouts = NOWHERE
) -> dict[int, tuple[PlannedTransfer, ...]]:
    """Returns the transfers of what the bank has taken, of some rows; without a suspense account that it needs none.

    The first moves the mirror, whatever is there. The second gives what is free where the money is, if it is anywhere:
    with the client who was credited with it, or in suspense.
    """
    planned, ledgers = {}, file.columns()[1]
    for index in rows:
        disposition = file.disposition(index)
        if disposition not in TAKES:
            continue
        origin = file.origin(index)
        source = ZERO_ID if disposition is Disposition.CHARGE or origin in where.gone else file.client(index)
        if _lies_in_suspense(file, index, where):
            source = suspense.get(ledgers[index], ZERO_ID)
            if source == ZERO_ID:
                continue
        planned[index] = _taken(file, index, source)
    return planned


def _lies_in_suspense(file: EvidenceFile, index: int, where: Whereabouts) -> bool:
    """Tells whether what is taken lies in suspense.

    Where nobody says which entry has brought it, what was told and never booked, and is no client's, lies there.
    """
    origin, disposition = file.origin(index), file.disposition(index)
    if origin != ZERO_ID:
        return origin in where.lying
    return disposition is Disposition.RETRACT and file.client(index) == ZERO_ID


def _taken(file: EvidenceFile, index: int, source: bytes) -> tuple[PlannedTransfer, ...]:
    event, (amounts, ledgers, days) = file.event, file.columns()
    entry, owed = slot(event.entry_ids, index), shortfall_account(ledgers[index])
    first = PlannedTransfer(
        id=deposit_transfer_id(event.tenant, entry, file.disposition(index), file.burnt.get(index, 0)),
        kind=TransferKind.PLAIN,
        purpose=TAKEN_FOR[file.disposition(index)],
        debit_account=owed,
        credit_account=slot(event.mirror_accounts, index),
        amount_minor=amounts[index],
        ledger=ledgers[index],
        subject=entry,
        value_day=days[index],
        evidence=Evidence(event.digest, entry, event.source),
    )
    if source == ZERO_ID:
        return (first,)
    identifier = external_id("deposit.given", event.tenant, show(entry))
    given = replace(first, id=identifier, kind=TransferKind.BALANCING, debit_account=source, credit_account=owed)
    return first, given


def taken_again(given: PlannedTransfer, missing_minor: int) -> PlannedTransfer:
    """Returns what takes from a client what he lacked, once payments of his were released for it."""
    identifier = external_id("deposit.given", given.id, "again")
    return replace(given, id=identifier, amount_minor=missing_minor)


def missing_minor(row: Sequence[PlannedTransfer], booked: Sequence[Booked]) -> int:
    """Returns what a client lacked of what the bank took, 0 where nobody was to give anything, or may not."""
    if len(row) == 1 or booked[-1].result not in DONE:
        return 0
    return row[-1].amount_minor - booked[-1].amount_minor


def taken_result(names: Sequence[str]) -> str:
    """Returns custody's result for what the bank took: what the client does not give, or may not, he does not give."""
    first, *given = names
    unclear = [each for each in given if not is_known(each) or is_contradiction(each) or each == UNSETTLED]
    return unclear[0] if unclear and first in DONE else first


def taken(file: EvidenceFile, results: Mapping[int, str], releasing: Collection[int]) -> list[Any]:
    """Decides on custody's results, by row: for some payments are released, as the client lacked what was taken.

    What custody has failed for good is asked under the next id. Anything else changes nothing.
    """
    outcomes: dict[int, tuple[Outcome, str]] = {}
    for index, result in results.items():
        if file.outcomes[index] not in OPEN:
            continue
        if result in DONE:
            outcomes[index] = (Outcome.RELEASING if index in releasing else Outcome.TAKEN), ""
        elif result == "id_already_failed" and file.outcomes[index] == Outcome.WAITING:
            outcomes[index] = (Outcome.WAITING, "")
    return applied(file, outcomes)


def unsent(submission: Submission, client: bytes) -> list[int]:
    """Returns a client's payments out of the book whose money is set aside, and that were never named to the bank."""
    return [
        index
        for index in _of_client(submission, client)
        if submission.stages[index] in UNSENT and not unsent_but_named(submission, index)
    ]


def are_ending(submission: Submission, client: bytes) -> bool:
    """Tells whether payments of a client are being released for what a bank has taken."""
    return any(
        submission.stages[index] == Stage.RELEASE and submission.reasons[index] == DEPOSIT_REVERSED
        for index in _of_client(submission, client)
    )


def ended(submission: Submission, indexes: Sequence[int], evidence: bytes) -> list[Any]:
    """Decides that payments end: what they would be made of was taken back."""
    return directed(submission, Directive.REJECT, indexes, reason=DEPOSIT_REVERSED, evidence=evidence)


def _of_client(submission: Submission, client: bytes) -> Iterator[int]:
    for index in range(len(submission)):
        if slot(submission.debtor_accounts, index) == client and not submission.stays_in_book(index):
            yield index
