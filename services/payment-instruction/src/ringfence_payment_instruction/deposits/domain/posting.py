"""Posting what a bank says: the transfers of each entry, and what custody's result means for it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ringfence_kernel.values.columns import pack
from ringfence_kernel.values.ids import ZERO_ID, external_id, show

from ringfence_payment_instruction.deposits.domain.events import EvidenceApplied
from ringfence_payment_instruction.deposits.domain.evidence import (
    TAKES,
    Disposition,
    EvidenceFile,
    Outcome,
    deposit_transfer_id,
)
from ringfence_payment_instruction.settlement.domain.transfers import (
    BARRED,
    DONE,
    Evidence,
    PlannedTransfer,
    Purpose,
    TransferKind,
    is_contradiction,
    is_refusal,
    refusal,
)
from ringfence_payment_instruction.submissions.domain.orders import shortfall_account
from ringfence_payment_instruction.submissions.domain.submission import slot

CREDITED_FOR = {
    Disposition.ALLOCATE: Purpose.BANK_ALLOCATION,
    Disposition.RESTORE: Purpose.BANK_RESTORATION,
    Disposition.REPAY: Purpose.BANK_RESTORATION,
}
CLEARED_BY_PEOPLE = "CLEARED_BY_PEOPLE"
OWED_NO_MORE = "OWED_NO_MORE"
"""Why money that was to repay what the platform owes lies in suspense: that has been funded meanwhile."""
TOO_LITTLE = "exceeds_credits"
"""Custody's result where suspense has not what is to be allocated."""


def way_of(file: EvidenceFile, index: int) -> Disposition:
    """Returns under whose id an entry is posted: what no client is credited with goes to suspense."""
    return Disposition.CREDIT_SUSPENSE if file.asks_suspense(index) else file.disposition(index)


def cleared(file: EvidenceFile, by_people: Collection[bytes]) -> list[EvidenceApplied]:
    """Decides on entries that allot what people have decided about: there is nothing to allot any more."""
    rows = [
        index
        for index in file.waiting()
        if file.disposition(index) is Disposition.ALLOCATE and file.origin(index) in by_people
    ]
    return applied(file, dict.fromkeys(rows, (Outcome.RECORDED, CLEARED_BY_PEOPLE)))


def plan_deposits(file: EvidenceFile, suspense: Mapping[int, bytes]) -> dict[int, PlannedTransfer]:
    """Returns the transfer of every entry still to be credited; rows without a suspense account are left out."""
    event = file.event
    amounts, ledgers, days = file.columns()
    planned = {}
    for index in file.waiting():
        disposition, in_suspense = file.disposition(index), suspense.get(ledgers[index], ZERO_ID)
        account = in_suspense
        if not file.asks_suspense(index):
            account = shortfall_account(ledgers[index]) if file.is_repayment(index) else file.client(index)
        source = in_suspense if disposition is Disposition.ALLOCATE else slot(event.mirror_accounts, index)
        if disposition in TAKES or ZERO_ID in (account, source):
            continue
        entry = slot(event.entry_ids, index)
        planned[index] = PlannedTransfer(
            id=deposit_transfer_id(event.tenant, entry, way_of(file, index), file.burnt.get(index, 0)),
            kind=TransferKind.PLAIN,
            purpose=CREDITED_FOR.get(disposition, Purpose.DEPOSIT),
            debit_account=source,
            credit_account=account,
            amount_minor=amounts[index],
            ledger=ledgers[index],
            subject=entry,
            value_day=days[index],
            evidence=Evidence(event.digest, entry, event.source),
        )
    return planned


def bar_credits(file: EvidenceFile, indexes: Sequence[int]) -> list[PlannedTransfer]:
    """Returns what finds out whether custody has credited clients with entries, and else bars it from doing so.

    Under the credit's own id it asks to void what is not there: where the id is used custody says so, else it burns it,
    so that a call of ours that is still on its way moves nothing either.
    """
    event = file.event
    amounts, ledgers, days = file.columns()
    return [
        PlannedTransfer(
            id=deposit_transfer_id(event.tenant, entry, way_of(file, index), file.burnt.get(index, 0)),
            kind=TransferKind.VOID,
            purpose=Purpose.DEPOSIT,
            debit_account=ZERO_ID,
            credit_account=ZERO_ID,
            amount_minor=amounts[index],
            ledger=ledgers[index],
            subject=entry,
            value_day=days[index],
            pending_id=external_id("deposit.bar", event.tenant, show(entry)),
            evidence=Evidence(event.digest, entry, event.source),
        )
        for index in indexes
        for entry in (slot(event.entry_ids, index),)
    ]


def blocked(
    file: EvidenceFile, reasons: Mapping[int, str], results: Mapping[int, str]
) -> tuple[list[EvidenceApplied], bool]:
    """Decides on entries that a list names before clients were credited with them: index -> reason, custody's result.

    What the client has already is his; what he never gets is to go to suspense. Returns the events, and whether every
    result tells which.
    """
    outcomes: dict[int, tuple[Outcome, str]] = {}
    unclear = 0
    for index, reason in reasons.items():
        if file.outcomes[index] != Outcome.WAITING or not file.asks_client(index):
            continue
        if results[index] in BARRED:
            outcomes[index] = _diverted(file, index, reason)
        elif is_contradiction(results[index]):
            outcomes[index] = (Outcome.CREDITED, "")
        else:
            unclear += 1
    return applied(file, outcomes), not unclear


def posted(file: EvidenceFile, results: Mapping[int, tuple[bool, str]]) -> list[Any]:
    """Decides on custody's results: index -> (was it for suspense, result name).

    A client's account that refuses money sends it to suspense, with the reason, or leaves it there; suspense that
    refuses keeps waiting, as does what lacks in it, and is asked under the next id once custody says that this one has
    failed for good. A contradiction and a result that is not known change nothing: the money may be there already.
    """
    outcomes: dict[int, tuple[Outcome, str]] = {}
    for index, (to_suspense, result) in results.items():
        if file.outcomes[index] != Outcome.WAITING or to_suspense != file.asks_suspense(index):
            continue
        is_allocation = file.disposition(index) is Disposition.ALLOCATE
        if result in DONE:
            done = Outcome.SUSPENDED if to_suspense else Outcome.CREDITED
            outcomes[index] = (Outcome.REPAID if file.is_repayment(index) else done), file.reasons[index]
        elif is_allocation and result in (TOO_LITTLE, "id_already_failed"):
            outcomes[index] = (Outcome.WAITING, "")
        elif not to_suspense and is_refusal(result):
            reason = OWED_NO_MORE if file.is_repayment(index) else refusal(result)
            outcomes[index] = _diverted(file, index, reason)
        elif result == "id_already_failed":
            outcomes[index] = (Outcome.WAITING, file.reasons[index])
    return applied(file, outcomes)


def _diverted(file: EvidenceFile, index: int, reason: str) -> tuple[Outcome, str]:
    """Returns what becomes of money that its client does not get: to suspense, unless it lies there."""
    lies_there = file.disposition(index) is Disposition.ALLOCATE
    return (Outcome.SUSPENDED if lies_there else Outcome.WAITING), reason


def applied(file: EvidenceFile, outcomes: Mapping[int, tuple[Outcome, str]]) -> list[EvidenceApplied]:
    """Returns the event of what became of entries; nothing for none."""
    if not outcomes:
        return []
    return [
        EvidenceApplied(
            tenant=file.event.tenant,
            evidence_id=file.event.evidence_id,
            entry_ids=b"".join([slot(file.event.entry_ids, index) for index in outcomes]),
            indexes=pack("I", outcomes),
            outcomes=bytes([outcome for outcome, _ in outcomes.values()]),
            reasons=tuple(reason for _, reason in outcomes.values()),
        )
    ]
