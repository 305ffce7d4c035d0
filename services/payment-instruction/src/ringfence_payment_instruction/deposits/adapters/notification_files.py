"""Notifications of a bank about its account (ISO 20022), as entries that are credited one by one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from ringfence_payment_instruction.deposits.application.ports import Notification
from ringfence_payment_instruction.deposits.domain.evidence import BankEntry
from ringfence_payment_instruction.iso20022.document import MAX_FILE_BYTES
from ringfence_payment_instruction.iso20022.messages import FileRefused
from ringfence_payment_instruction.statements.adapters.camt import read_camt
from ringfence_payment_instruction.statements.domain.statement import Detail, Entry, Kind, Statement
from ringfence_payment_instruction.submissions.domain.errors import EvidenceUnreadable

EPOCH = date(1970, 1, 1)
_SIDES = ("Dbtr", "Cdtr")


class Iso20022Notifications:
    """The NotificationFiles port."""

    def read(self, content: bytes) -> Notification:
        """Reads a camt.054; raises EvidenceUnreadable."""
        try:
            file = read_camt(content, MAX_FILE_BYTES, frozenset({Kind.NOTIFICATION}))
        except FileRefused as refused:
            raise EvidenceUnreadable(refused.text, iso_reason=refused.reason_code, detail=refused.reason) from None
        entries = (
            entry for statement in file.statements for entry in _with_distinct_references(_entries_of(statement))
        )
        return Notification(file.statements[0].heading.message_id, file.sha256, tuple(entries))


def _entries_of(statement: Statement) -> Iterator[BankEntry]:
    """Yields the movements; instead of a batch whose details account for all of it, one for each of these."""
    heading = statement.heading
    for number, entry in enumerate(statement.entries, start=1):
        fallback = "/".join(filter(None, (f"{heading.id}/{number}", entry.entry_reference)))
        whole = _entry(entry, str(heading.account), entry.bank_reference or fallback)
        details = entry.details
        if len(details) == 1:
            yield _with_detail(whole, details[0])
            continue
        shares = [each.amount_minor or 0 for each in details]
        if not details or min(shares) <= 0 or sum(shares) != entry.amount_minor:
            named = [(party.role, party.name) for each in details for party in each.parties if party.name]
            yield replace(whole, parties=tuple(dict.fromkeys(named)))
            continue
        for nth, (detail, share) in enumerate(zip(details, shares, strict=True), start=1):
            part = replace(whole, reference=f"{whole.reference}/{nth}", amount_minor=share)
            yield _with_detail(part, detail)


def _entry(entry: Entry, account: str, reference: str) -> BankEntry:
    return BankEntry(
        account_iban=account,
        reference=reference,
        amount_minor=entry.amount_minor,
        currency=entry.currency,
        credit_debit=entry.direction,
        reversal=entry.reversal,
        status=entry.status,
        value_day=((entry.value_date or entry.booking_date or EPOCH) - EPOCH).days,
    )


def _with_detail(entry: BankEntry, detail: Detail) -> BankEntry:
    debtor, creditor = (detail.party(role) for role in _SIDES)
    return replace(
        entry,
        transaction_id=detail.transaction_id,
        debtor_name=debtor.name,
        debtor_iban=debtor.account.iban,
        creditor_name=creditor.name,
        creditor_iban=creditor.account.iban,
        remittance=detail.remittance,
        parties=tuple((each.role, each.name) for each in detail.parties if each.role not in _SIDES and each.name),
    )


def _with_distinct_references(entries: Iterator[BankEntry]) -> Iterator[BankEntry]:
    """Numbers the repetitions of a reference, so that no movement is taken for a repetition of another."""
    taken: dict[str, int] = {}
    for entry in entries:
        reference = entry.reference
        while reference in taken:
            taken[entry.reference] += 1
            reference = f"{entry.reference}#{taken[entry.reference]}"
        taken[reference] = 1
        yield replace(entry, reference=reference) if reference != entry.reference else entry
