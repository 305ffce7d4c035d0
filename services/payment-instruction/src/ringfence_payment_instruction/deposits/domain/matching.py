"""Taking in a bank's notification: each entry once, in whatever file it comes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ringfence_kernel.values.columns import pack
from ringfence_kernel.values.ids import ZERO_ID
from ringfence_kernel.values.money import currency

from ringfence_payment_instruction.deposits.domain.evidence import (
    BOOKED,
    BankEntry,
    EvidenceFile,
    Outcome,
    Purpose,
    deposit_transfer_id,
    entry_digest,
    entry_id,
    is_incoming,
    purpose_of_credit,
)
from ringfence_payment_instruction.screening.domain.lists import Screening
from ringfence_payment_instruction.settlement.domain.transfers import (
    ON_ACCOUNT,
    PlannedTransfer,
    TransferKind,
    Use,
    is_contradiction,
    refusal,
)
from ringfence_payment_instruction.submissions.domain.errors import BankAccountUnknown, EvidenceConflict
from ringfence_payment_instruction.submissions.domain.events import EvidenceApplied
from ringfence_payment_instruction.submissions.domain.orders import Alias
from ringfence_payment_instruction.submissions.domain.state import InstructionRef, State
from ringfence_payment_instruction.submissions.domain.status import Directive, Status
from ringfence_payment_instruction.submissions.domain.submission import slot
from ringfence_payment_instruction.submissions.domain.transitions import booked

CONFIRMABLE = frozenset({Status.RESERVED, Status.SENT, Status.UNKNOWN, Status.SETTLED})


@dataclass(frozen=True, slots=True)
class MatchedEntry:
    """A new entry, with what it was found to be."""

    id: bytes
    digest: bytes
    entry: BankEntry
    mirror: Alias
    purpose: Purpose
    client: Alias | None = None
    instruction: InstructionRef | None = None
    reason: str = ""

    @property
    def owner(self) -> bytes:
        """Subject whose key seals its personal data: the client found, else the tenant (it is about a stranger)."""
        return self.client.owner_id if self.client is not None else self.mirror.tenant


@dataclass(frozen=True, slots=True)
class Matching:
    """What a file brings: new entries by tenant, and how many had been handed in before."""

    by_tenant: Mapping[bytes, list[MatchedEntry]]
    duplicates: int


def match(state: State, entries: Sequence[BankEntry], aliases: Mapping[str, Alias], screening: Screening) -> Matching:
    """Finds out what each booked entry is good for.

    Raises BankAccountUnknown for an account that is no safeguarding account, EvidenceConflict for an entry that was
    handed in before with other content.
    """
    by_tenant: dict[bytes, list[MatchedEntry]] = {}
    seen: dict[bytes, bytes] = {}
    confirmed: set[InstructionRef] = set()
    duplicates = 0
    for entry in entries:
        mirror = aliases.get(entry.account_iban)
        if mirror is None or not mirror.bank_mirror:
            raise BankAccountUnknown
        if entry.status != BOOKED:
            continue
        identifier, digest = entry_id(mirror.tenant, entry), entry_digest(entry)
        known = state.entries.get(identifier, seen.get(identifier))
        if known is not None and known != digest:
            raise EvidenceConflict("an entry reference was used before with other content")
        duplicates += known is not None
        if known is None:
            seen[identifier] = digest
            new = MatchedEntry(identifier, digest, entry, mirror, Purpose.UNMATCHED)
            matched = _match(state, new, aliases, screening)
            if matched.instruction in confirmed:
                matched = new
            elif matched.instruction is not None:
                confirmed.add(matched.instruction)
            by_tenant.setdefault(mirror.tenant, []).append(matched)
    return Matching(by_tenant, duplicates)


def _match(state: State, matched: MatchedEntry, aliases: Mapping[str, Alias], screening: Screening) -> MatchedEntry:
    entry, tenant = matched.entry, matched.mirror.tenant
    if is_incoming(entry):
        creditor = aliases.get(entry.creditor_iban)
        on_list = bool(screening.hit([entry.debtor_name]))
        purpose, reason = purpose_of_credit(entry, tenant, creditor, on_list)
        client = creditor if purpose is Purpose.CREDIT_CLIENT else None
        return replace(matched, purpose=purpose, reason=reason, client=client)
    place = None if entry.reversal else state.sent.get(_identifier(entry.transaction_id))
    if place is None or not _is_payment(state, place, matched):
        return matched
    return replace(matched, purpose=Purpose.CONFIRM, instruction=place)


def _identifier(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""


def _is_payment(state: State, place: InstructionRef, matched: MatchedEntry) -> bool:
    submission = state.submissions[place.stream]
    return (
        submission.tenant == matched.mirror.tenant
        and submission.amounts_minor[place.index] == matched.entry.amount_minor
        and currency(submission.ledgers[place.index]).alpha == matched.entry.currency
        # A second debit for the same payment, or one for a failed payment, is the bank's to explain.
        and submission.statuses[place.index] in CONFIRMABLE
        and submission.directives[place.index] != Directive.FAIL
        and submission.details.get(place.index) != ON_ACCOUNT
    )


def confirm(state: State, matched: Sequence[MatchedEntry], evidence: bytes) -> list[tuple[bytes, Any]]:
    """Returns the events, with their streams, of payments that the bank's own account shows."""
    by_stream: dict[bytes, list[int]] = {}
    for each in matched:
        if each.instruction is not None:
            by_stream.setdefault(each.instruction.stream, []).append(each.instruction.index)
    events: list[tuple[bytes, Any]] = []
    for stream, indexes in by_stream.items():
        submission = state.submissions[stream]
        events += [(stream, event) for event in booked(submission, indexes, evidence)]
    return events


def plan_deposits(file: EvidenceFile, suspense: Mapping[int, bytes]) -> dict[int, PlannedTransfer]:
    """Returns the transfer of every entry still to be posted; rows without a suspense account are left out."""
    event = file.event
    amounts, ledgers, days = file.columns()
    planned = {}
    for index in file.waiting():
        purpose = Purpose.CREDIT_SUSPENSE if file.reasons[index] else Purpose.CREDIT_CLIENT
        client = slot(event.client_accounts, index)
        account = client if purpose is Purpose.CREDIT_CLIENT else suspense.get(ledgers[index], ZERO_ID)
        if account == ZERO_ID:
            continue
        entry = slot(event.entry_ids, index)
        planned[index] = PlannedTransfer(
            id=deposit_transfer_id(event.tenant, entry, purpose, file.burnt.get(index, 0)),
            kind=TransferKind.PLAIN,
            use=Use.DEPOSIT,
            debit_account=slot(event.mirror_accounts, index),
            credit_account=account,
            amount_minor=amounts[index],
            ledger=ledgers[index],
            subject=entry,
            value_day=days[index],
        )
    return planned


def posted(file: EvidenceFile, results: Mapping[int, tuple[bool, str]]) -> list[Any]:
    """Decides on custody's results: index -> (was it for suspense, result name).

    A client's account that refuses money sends it to suspense, with the reason; suspense that refuses keeps waiting,
    and is asked under the next id once custody says that this one has failed for good.
    """
    outcomes: dict[int, tuple[Outcome, str]] = {}
    for index, (to_suspense, result) in results.items():
        if file.outcomes[index] != Outcome.WAITING or to_suspense != bool(file.reasons[index]):
            continue
        if result in ("created", "exists"):
            done = Outcome.SUSPENDED if to_suspense else Outcome.CREDITED
            outcomes[index] = (done, file.reasons[index])
        elif not to_suspense and not is_contradiction(result):
            outcomes[index] = (Outcome.WAITING, refusal(result))
        elif result == "id_already_failed":
            outcomes[index] = (Outcome.WAITING, file.reasons[index])
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
