"""Entries of a bank as deposits keep them: whom they name, in clear, and how earlier releases knew them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ringfence_payment_instruction.deposits.domain.evidence import BankEntry
from ringfence_payment_instruction.statements.domain.statement import Detail, Entry, Heading
from ringfence_payment_instruction.statements.domain.told import EPOCH

_SIDES = ("Dbtr", "Cdtr")


def whole_of(heading: Heading, entry: Entry) -> BankEntry:
    """Returns an entry with everybody whom it names: with payer and payee where it is one transaction."""
    if len(entry.details) == 1:
        return _with_detail(heading, entry, entry.details[0], entry.amount_minor)
    whole = _entry(entry, str(heading.account), entry.bank_reference or entry.entry_reference)
    if not entry.details:
        return whole
    named = [(party.role, party.name) for each in entry.details for party in each.parties if party.name]
    return replace(whole, parties=tuple(dict.fromkeys(named)))


def part_of(heading: Heading, entry: Entry, number: int) -> BankEntry:
    """Returns one transaction of an entry, all of it where it does not tell such apart."""
    if number >= len(entry.details):
        return whole_of(heading, entry)
    detail = entry.details[number]
    return _with_detail(heading, entry, detail, abs(detail.amount_minor or 0) or entry.amount_minor)


def _with_detail(heading: Heading, entry: Entry, detail: Detail, amount_minor: int) -> BankEntry:
    """Returns (part of) an entry with what one of its transactions says."""
    debtor, creditor = detail.party("Dbtr"), detail.party("Cdtr")
    return BankEntry(
        account_iban=str(heading.account),
        reference=entry.bank_reference or entry.entry_reference,
        amount_minor=amount_minor,
        currency=entry.currency,
        credit_debit=entry.direction,
        reversal=entry.reversal,
        status=entry.status,
        value_day=_value_day(entry),
        transaction_id=detail.transaction_id,
        debtor_name=debtor.name,
        debtor_iban=debtor.account.iban,
        creditor_name=creditor.name,
        creditor_iban=creditor.account.iban,
        remittance=detail.remittance,
        parties=tuple([(each.role, each.name) for each in detail.parties if each.role not in _SIDES and each.name]),
    )


def earlier_entries(heading: Heading, entries: Sequence[Entry]) -> list[list[BankEntry]]:
    """Returns by entry what earlier releases took it in as: one, or one for each of its transactions.

    They knew entries of notifications by account and reference, whatever the amount.
    """
    taken: dict[str, int] = {}
    return [
        [replace(each, reference=_distinct(each.reference, taken)) for each in _earlier(heading, n, e)]
        for n, e in enumerate(entries, start=1)
    ]


def _earlier(heading: Heading, number: int, entry: Entry) -> Iterator[BankEntry]:
    fallback = "/".join(filter(None, (f"{heading.id}/{number}", entry.entry_reference)))
    whole = _entry(entry, str(heading.account), entry.bank_reference or fallback)
    shares = [each.amount_minor or 0 for each in entry.details]
    if len(shares) < 2 or min(shares) <= 0 or sum(shares) != entry.amount_minor:
        yield whole
        return
    for nth in range(1, len(shares) + 1):
        yield replace(whole, reference=f"{whole.reference}/{nth}", amount_minor=shares[nth - 1])


def _distinct(reference: str, taken: dict[str, int]) -> str:
    """Numbers the repetitions of a reference, as those before did."""
    found = reference
    while found in taken:
        taken[reference] += 1
        found = f"{reference}#{taken[reference]}"
    taken[found] = 1
    return found


def _entry(entry: Entry, account: str, reference: str) -> BankEntry:
    return BankEntry(
        account_iban=account,
        reference=reference,
        amount_minor=entry.amount_minor,
        currency=entry.currency,
        credit_debit=entry.direction,
        reversal=entry.reversal,
        status=entry.status,
        value_day=_value_day(entry),
    )


def _value_day(entry: Entry) -> int:
    return ((entry.value_date or entry.booking_date or EPOCH) - EPOCH).days
