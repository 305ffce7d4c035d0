"""MT940 and MT942: signs, dates, balances and references."""

from datetime import date

import pytest
from ringfence_payment_instruction.iso20022.refusal import FileRefused
from ringfence_payment_instruction.statements.adapters import mt940 as reading
from ringfence_payment_instruction.statements.adapters.mt940 import read_mt
from ringfence_payment_instruction.statements.domain.statement import (
    Account,
    Balance,
    Entry,
    Kind,
    Page,
    Party,
    Statement,
    Totals,
)


def _mt(*entries: str, sequence: str = "00012/002", closing: str = ":62F:C261127EUR110,00") -> bytes:
    lines = (":20:REF", ":25:DE89370400440532013000EUR", f":28C:{sequence}", ":60F:C261126EUR100,00", *entries, closing)
    return "\r\n".join((*lines, "-", "")).encode()


def _only(content: bytes) -> Statement:
    (statement,) = read_mt(content).statements
    return statement


def _entry(line: str, *texts: str) -> Entry:
    (entry,) = _only(_mt(f":61:{line}", *texts)).entries
    return entry


def test_a_statement_is_read() -> None:
    """Account, number, page, balances and the entry between them."""
    statement = _only(_mt(":61:2611261127C10,00NTRFOWN//BANK-1"))
    heading = statement.heading
    assert (heading.kind, heading.id, heading.account) == (Kind.STATEMENT, "REF", Account("DE89370400440532013000"))
    assert (heading.legal_sequence, heading.page, heading.last_day) == (12, Page(2, True), date(2026, 11, 27))
    assert heading.opening == Balance(10000, "EUR", date(2026, 11, 26))
    assert heading.closing == Balance(11000, "EUR", date(2026, 11, 27))
    assert (statement.moved_minor, statement.entries[0].bank_reference) == (1000, "BANK-1")


@pytest.mark.parametrize(
    ("mark", "signed", "reversal", "booked"),
    [
        ("C", 1000, False, True),
        ("D", -1000, False, True),
        ("RC", -1000, True, True),
        ("RD", 1000, True, True),
        ("CR", 1000, False, True),  # R is the third letter of a currency here
        ("RCR", -1000, True, True),
        ("EC", 1000, False, False),
        ("ED", -1000, False, False),
    ],
)
def test_a_mark_says_where_the_money_went(mark: str, signed: int, reversal: bool, booked: bool) -> None:
    """The reversal of a credit takes money away, and what is only expected moves nothing."""
    entry = _entry(f"261127{mark}10,00NTRFNONREF")
    assert (entry.signed_minor, entry.reversal, entry.is_booked) == (signed, reversal, booked)


@pytest.mark.parametrize(
    ("line", "booked", "valued"),
    [
        ("2612311227C1,NTRFX", date(2026, 12, 27), date(2026, 12, 31)),
        ("2701021231C1,NTRFX", date(2026, 12, 31), date(2027, 1, 2)),
        ("2612310102C1,NTRFX", date(2027, 1, 2), date(2026, 12, 31)),
        ("261127C1,NTRFX", None, date(2026, 11, 27)),
        ("2602300301C1,NTRFX", date(2026, 3, 1), None),  # months of 30 days: no day of the calendar
    ],
)
def test_an_entry_date_is_the_nearest_to_its_value_date(line: str, booked: date | None, valued: date | None) -> None:
    """A month and day without a year are of the year that brings them nearest."""
    entry = _entry(line)
    assert (entry.booking_date, entry.value_date) == (booked, valued)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("166?00GUTSCHRIFT?20EREF+E-1?21SVWZ+Order 7?31DE02120300000000202051?32ADA?33 QUILL", ("E-1", "Order 7")),
        ("/TRTP/SEPA/IBAN/DE02120300000000202051/BIC/X/NAME/ADA QUILL/REMI/Order 7/EREF/E-1", ("E-1", "Order 7")),
    ],
)
def test_the_text_of_an_entry_is_told_apart(said: str, expected: tuple[str, str]) -> None:
    """Marks of German banks and slashes of Dutch ones: payer, account, reference and purpose."""
    (detail,) = _entry("2611271127C10,00NTRFNONREF", f":86:{said}").details
    assert (detail.end_to_end_id, detail.remittance) == expected
    assert detail.parties == (Party("Dbtr", "ADA QUILL", Account("DE02120300000000202051")),)


def test_a_sum_of_payments_is_known_by_its_code() -> None:
    """How many there are is open; any other entry is one transaction."""
    assert _entry("2611271127C10,00NTRFX", ":86:194?00SAMMLER").transactions is None
    assert _entry("2611271127C10,00NTRFX", ":86:166?00EINZELN").transactions == 1


def test_only_known_fields_begin_at_a_colon() -> None:
    """A time that was broken across lines stays a text."""
    (detail,) = _entry("2611271127C10,00NTRFX", ":86:at 12", ":26:37 o'clock").details
    assert detail.remittance == "at 12:26:37 o'clock"


def test_an_interim_report_is_news() -> None:
    """An MT942 has limits instead of balances, and says how many entries there are and what they come to."""
    content = b":20:R\n:25:123\n:28C:5/1\n:34F:EUR0,00\n:13D:2611271200+0100\n:61:261127C1,00NTRFX\n:90C:1EUR1,00\n"
    heading = _only(content).heading
    assert (heading.kind, heading.format, heading.created) == (Kind.REPORT, "MT942", date(2026, 11, 27))
    assert (heading.totals, heading.account) == ((Totals("CRDT", 1, 100, "EUR"),), Account(other="123"))


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b":60F:C261126EUR", b":60F:C261126", "STRUCTURE_INVALID"),  # a balance without a currency is not 0.00
        (b":60F:C261126EUR", b":60F:C261126DEM", "CURRENCY_NOT_SUPPORTED"),
        (b":60F:C261126", b":60F:C260230", "DATE_INVALID"),
        (b":62F:C261127EUR110,00", b":62F:C261127EUR110,001", "AMOUNT_INVALID"),
        (b":61:261127", b":61:261327", "DATE_INVALID"),
        (b":61:261127C", b":61:261127X", "STRUCTURE_INVALID"),
        (b":25:DE89370400440532013000EUR\r\n", b"", "STRUCTURE_INVALID"),
        (b":28C:00012/002", b":28C:twelve", "STRUCTURE_INVALID"),
        (b":20:REF\r\n", b"", "STRUCTURE_INVALID"),
        (b":62F:", b":60F:", "STRUCTURE_INVALID"),
    ],
)
def test_what_cannot_be_told_for_sure_is_refused(old: bytes, new: bytes, reason: str) -> None:
    """A field that bends too far refuses the file, with its line."""
    with pytest.raises(FileRefused) as caught:
        read_mt(_mt(":61:261127C10,00NTRFX").replace(old, new))
    assert (caught.value.reason, caught.value.text[:5]) == (reason, "line ")


def test_a_file_has_so_many_entries_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of all its statements together: what has more would take memory without bound."""
    monkeypatch.setattr(reading, "MAX_ENTRIES", 3)
    entry = ":61:2611261127C10,00NTRFOWN//BANK-1"
    assert len(read_mt(_mt(entry) + _mt(entry, entry)).statements) == 2
    with pytest.raises(FileRefused) as caught:
        read_mt(_mt(entry, entry) + _mt(entry, entry))
    assert caught.value.reason == "FILE_TOO_COMPLEX"
