"""Entries of MT940 and MT942: field 61 and what field 86 says about it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ringfence_payment_instruction.statements.adapters import mt_values as values
from ringfence_payment_instruction.statements.adapters.mt_values import Field
from ringfence_payment_instruction.statements.domain.references import normalised
from ringfence_payment_instruction.statements.domain.statement import (
    BOOKED,
    CREDIT,
    DEBIT,
    Account,
    Detail,
    Entry,
    Party,
)

MAX_REMITTANCE_LENGTH = 1_000
MAX_NAME_LENGTH = 140
_ENTRY = re.compile(
    r"(?P<value>[0-9]{6})(?P<entry>[0-9]{4})?(?P<mark>RC|RD|EC|ED|C|D)[A-Z]?(?P<amount>[0-9]{1,18}(?:,[0-9]*)?)"
    r"(?P<kind>[A-Z][A-Z0-9]{3})(?P<rest>.*)"
)
_MARKS = {
    "C": (CREDIT, False, BOOKED),
    "D": (DEBIT, False, BOOKED),
    # The reversal of a credit takes money away, that of a debit brings it.
    "RC": (DEBIT, True, BOOKED),
    "RD": (CREDIT, True, BOOKED),
    "EC": (CREDIT, False, "PDNG"),
    "ED": (DEBIT, False, "PDNG"),
}
_MAX_REFERENCE = 16
_SUBFIELDS = re.compile(r"\?([0-9]{2})")
_MARKED = re.compile(r"(EREF|KREF|MREF|CRED|DEBT|SVWZ|ABWA|ABWE|IBAN|BIC|COAM|OAMT)\+")
_SLASHED = re.compile(r"/(TRTP|IBAN|BIC|NAME|REMI|EREF|MARF|CSID|ORDP|BENM|RTRN|PURP|ISDT|ADDR|CNTP|ID|TRCD|PREF)/")
_BATCH_CODES = frozenset(str(code) for code in range(191, 200))
"""Business transaction codes of German banks for sums of several payments."""
_ACCOUNT = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")


def entry(field: Field, texts: Sequence[Field], currency: str) -> Entry:
    """Returns one entry; raises FileRefused."""
    found = _ENTRY.fullmatch(field.text.strip()) or _ENTRY.match("".join(line.strip() for line in field.lines))
    if found is None:
        raise field.invalid("no entry: a date, a mark, an amount and a type are expected")
    direction, reversal, status = _MARKS[found["mark"]]
    value_date = values.value_day(found["value"], field)
    near = value_date or values.day(f"{found['value'][:4]}28", field)
    owner, _, bank = found["rest"].partition("//")
    own_text = "\n".join((owner[_MAX_REFERENCE:].strip(), *field.lines[1:])).strip()
    said = "".join(line for text in texts for line in text.lines)
    detail = _detail(said, direction, normalised(owner[:_MAX_REFERENCE]))
    return Entry(
        amount_minor=values.amount(found["amount"], currency, field),
        currency=currency,
        direction=direction,
        reversal=reversal,
        status=status,
        booking_date=values.entry_day(found["entry"], near, field) if found["entry"] else None,
        value_date=value_date,
        bank_reference=normalised(bank[:_MAX_REFERENCE]),
        transactions=None if said[:3] in _BATCH_CODES else 1,
        details=(detail,),
        text=own_text[:MAX_REMITTANCE_LENGTH],
    )


def _detail(said: str, direction: str, owner_reference: str) -> Detail:
    """Returns what field 86 tells; a payee's bank tells him of the payer, and the other way round."""
    parts = _structured(said) if _SUBFIELDS.match(said[3:6]) else dict(_parts(_SLASHED, said))
    name, account = parts.get("NAME", ""), parts.get("IBAN", "")
    role = "Dbtr" if direction == CREDIT else "Cdtr"
    is_iban = _ACCOUNT.fullmatch(account) is not None
    party = Party(role, name[:MAX_NAME_LENGTH], Account(iban=account) if is_iban else Account(other=account[:35]))
    others = (("MndtId", normalised(parts.get("MREF", parts.get("MARF")))),)
    return Detail(
        end_to_end_id=normalised(parts.get("EREF"))[:35],
        instruction_id=normalised(parts.get("KREF"))[:35],
        others=tuple(each for each in (*others, ("Owner", owner_reference)) if each[1]),
        parties=(party,) if name or account else (),
        remittance=(parts.get("SVWZ") or parts.get("REMI") or ("" if parts else said)).strip()[:MAX_REMITTANCE_LENGTH],
    )


def _structured(said: str) -> dict[str, str]:
    """Returns the subfields of German banks by what they mean: `?20`–`?29` and `?60`–`?63` are one text with marks."""
    subfields = _SUBFIELDS.split(said[3:])[1:]
    pairs = list(zip(subfields[::2], subfields[1::2], strict=True))
    purpose = "".join(text for number, text in pairs if "20" <= number <= "29" or "60" <= number <= "63")
    found = dict(_parts(_MARKED, purpose)) or {"SVWZ": purpose}
    by_number = {number: text.strip() for number, text in pairs}
    found.setdefault("NAME", " ".join(filter(None, (by_number.get("32"), by_number.get("33")))))
    found.setdefault("IBAN", by_number.get("31", ""))
    return found


def _parts(pattern: re.Pattern[str], text: str) -> Iterator[tuple[str, str]]:
    """Yields the parts of a text by the marks before them."""
    pieces = pattern.split(text)[1:]
    for mark, part in zip(pieces[::2], pieces[1::2], strict=True):
        yield mark, part.strip(" /")
