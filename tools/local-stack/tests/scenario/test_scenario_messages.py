"""What the scenario builds is what banks and platforms send."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from ringfence_local_stack.scenario import iban_of, messages, new_iban, same_remainder
from stdnum import iban

SCHEMAS = Path(__file__).resolve().parents[5] / "shared" / "data" / "iso20022" / "xsd"
IBAN, OTHER = new_iban(), new_iban()
TWO_SHARES = [messages.share(10_00, IBAN), messages.share(20_00, OTHER, payer="R & D <Ltd>")]
NOTIFICATION = messages.notification(
    IBAN,
    [
        messages.entry(1_00, OTHER, reference="R1", payer="Åsa", ultimate_payer="Behind", remittance="rent"),
        messages.entry(2_00, OTHER, incoming=False, reversal=True, transaction_id="ab" * 16),
        messages.batch(30_00, "B1"),
        messages.batch(30_00, "B2", TWO_SHARES, booked_on="2026-11-27"),
    ],
    copy="DUPL",
    currency="EUR",
)
ORDER = messages.order(
    5_00,
    OTHER,
    "Alpha Teal",
    instruction_id="I1",
    uetr="9d7f5a34-1c61-4b7e-8f0a-2f6f3f0c5d11",
    charges="SLEV",
    purpose="SALA",
    ultimate_debtor="Behind",
    ultimate_creditor="Beyond",
    remittance="rent",
    invoice="INV-1",
)
MESSAGES = {
    "camt.054.001.08": NOTIFICATION,
    "pacs.002.001.10": messages.status_report(
        "M1", [messages.report_row("RJCT", transaction_id="T1", end_to_end_id="E1", reason="AC04")], status="PART"
    ),
    "pacs.004.001.09": messages.payment_return("M1", [messages.return_row(1, transaction_id="T1")]),
    "pain.001.001.09": messages.order_file(IBAN, [ORDER, messages.order(1, OTHER, "Alpha Teal")]),
}


@pytest.mark.skipif(not SCHEMAS.is_dir(), reason="the schemas of ../shared/data are not here")
@pytest.mark.parametrize("name", MESSAGES)
def test_message_is_valid_by_its_schema(name: str) -> None:
    """Everything that can be said in a message together is valid by the published XSD."""
    etree.XMLSchema(file=str(SCHEMAS / f"{name}.xsd")).assertValid(etree.fromstring(MESSAGES[name]))


def test_text_is_escaped_and_amounts_have_their_decimals() -> None:
    """Names come out as they went in, and an amount has the decimals of its currency."""
    document = etree.fromstring(NOTIFICATION)
    names = document.findall(".//{*}Dbtr//{*}Nm")
    assert [each.text for each in names] == ["Åsa", "A Payer", "A Payer", "R & D <Ltd>"]
    yen = etree.fromstring(messages.notification(IBAN, [messages.entry(7, OTHER, currency="JPY")]))
    assert [each.text for each in yen.findall(".//{*}Amt")] == ["7"]


@given(st.text("0123456789", min_size=18, max_size=18))
def test_ibans_have_right_check_digits(account: str) -> None:
    """An IBAN of an account is valid, whatever the account."""
    made = iban_of("DE", account)
    assert 2 <= int(made[2:4]) <= 98
    assert iban.validate(made, check_country=False) == made


@pytest.mark.parametrize("digits", ["97", "98", "02"])
def test_look_alike_has_the_same_remainder(digits: str) -> None:
    """The look-alike differs in its check digits alone, and passes whoever computes the remainder only."""
    real = new_iban(digits)
    fake = same_remainder(real)
    assert (real[:2] + real[4:], real[2:4]) == (fake[:2] + fake[4:], digits)
    assert fake[2:4] in ("00", "01", "99")
    assert iban.validate(fake, check_country=False) == fake
