"""Posting what a bank says: the transfers of each entry, and what custody's result means for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
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
    UNSETTLED,
    Evidence,
    PlannedTransfer,
    Purpose,
    TransferKind,
    is_contradiction,
    is_known,
    is_refusal,
    refusal,
)
from ringfence_payment_instruction.submissions.domain.orders import shortfall_account
from ringfence_payment_instruction.submissions.domain.submission import slot

CREDITED_FOR = {
    Disposition.ALLOCATE: Purpose.BANK_ALLOCATION,
    Disposition.RESTORE: Purpose.BANK_RESTORATION,
}
TAKEN_FOR = {
    Disposition.REVERSE: Purpose.BANK_REVERSAL,
    Disposition.RETRACT: Purpose.BANK_RETRACTION,
    Disposition.CHARGE: Purpose.BANK_CHARGE,
}
TOO_LITTLE = "exceeds_credits"
"""Custody's result where suspense has not what is to be allocated."""


def way_of(file: EvidenceFile, index: int) -> Disposition:
    """Returns under whose id an entry is posted: what no client is credited with goes to suspense."""
    return file.disposition(index) if file.asks_client(index) else Disposition.CREDIT_SUSPENSE


def plan_deposits(file: EvidenceFile, suspense: Mapping[int, bytes]) -> dict[int, PlannedTransfer]:
    """Returns the transfer of every entry still to be credited; rows without a suspense account are left out."""
    event = file.event
    amounts, ledgers, days = file.columns()
    planned = {}
    for index in file.waiting():
        disposition, in_suspense = file.disposition(index), suspense.get(ledgers[index], ZERO_ID)
        account = file.client(index) if file.asks_client(index) else in_suspense
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


def plan_takes(file: EvidenceFile, suspense: Mapping[int, bytes]) -> dict[int, tuple[PlannedTransfer, ...]]:
    """Returns the transfers of what the bank has taken; rows without a suspense account that they need are left out.

    The first moves the mirror, whatever is there. The second gives what is free where the money lies: with the client
    whom the entry names; else what was told and never booked lies in suspense, and of anything else nobody knows.
    """
    planned = {}
    for index in file.waiting():
        disposition = file.disposition(index)
        if disposition not in TAKES:
            continue
        client, in_suspense = file.client(index), suspense.get(file.columns()[1][index], ZERO_ID)
        if client == ZERO_ID and disposition is Disposition.RETRACT:
            if in_suspense == ZERO_ID:
                continue
            client = in_suspense
        planned[index] = _taken(file, index, client if disposition is not Disposition.CHARGE else ZERO_ID)
    return planned


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


def taken_result(names: Sequence[str]) -> str:
    """Returns custody's result for what the bank took: what the client does not give, or may not, he does not give."""
    first, *given = names
    unclear = [each for each in given if not is_known(each) or is_contradiction(each) or each == UNSETTLED]
    return unclear[0] if unclear and first in DONE else first


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
    return _applied(file, outcomes), not unclear


def posted(file: EvidenceFile, results: Mapping[int, tuple[bool, str]]) -> list[Any]:
    """Decides on custody's results: index -> (was it for suspense, result name).

    A client's account that refuses money sends it to suspense, with the reason, or leaves it there; suspense that
    refuses keeps waiting, as does what lacks in it, and is asked under the next id once custody says that this one has
    failed for good. A contradiction and a result that is not known change nothing: the money may be there already.
    """
    outcomes: dict[int, tuple[Outcome, str]] = {}
    for index, (to_suspense, result) in results.items():
        if file.outcomes[index] != Outcome.WAITING or to_suspense == file.asks_client(index):
            continue
        is_allocation = file.disposition(index) is Disposition.ALLOCATE
        if result in DONE:
            is_taken = file.disposition(index) in TAKES
            done = Outcome.TAKEN if is_taken else Outcome.SUSPENDED if to_suspense else Outcome.CREDITED
            outcomes[index] = (done, file.reasons[index])
        elif is_allocation and result in (TOO_LITTLE, "id_already_failed"):
            outcomes[index] = (Outcome.WAITING, "")
        elif not to_suspense and is_refusal(result):
            outcomes[index] = _diverted(file, index, refusal(result))
        elif result == "id_already_failed":
            outcomes[index] = (Outcome.WAITING, file.reasons[index])
    return _applied(file, outcomes)


def _diverted(file: EvidenceFile, index: int, reason: str) -> tuple[Outcome, str]:
    """Returns what becomes of money that its client does not get: to suspense, unless it lies there."""
    lies_there = file.disposition(index) is Disposition.ALLOCATE
    return (Outcome.SUSPENDED if lies_there else Outcome.WAITING), reason


def _applied(file: EvidenceFile, outcomes: Mapping[int, tuple[Outcome, str]]) -> list[EvidenceApplied]:
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
