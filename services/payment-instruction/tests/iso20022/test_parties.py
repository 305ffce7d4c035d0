"""Whom messages name beside debtor and creditor."""

from __future__ import annotations

import pytest
from ringfence_payment_instruction.iso20022.pain001 import read_credit_transfer_file
from ringfence_payment_instruction.statements.adapters.files import BankStatementFiles
from ringfence_payment_instruction.statements.domain.naming import whole_of

from ..messages import camt_054, entry, pain_001
from ..world import ANNA, BANK, STRANGER

AGENT = "<{role}><FinInstnId><Nm>{name}</Nm></FinInstnId></{role}>"


def party(role: str, name: str) -> str:
    """Returns a party of a pain.001."""
    return f"<{role}><Nm>{name}</Nm></{role}>"


def test_every_party_of_an_order_is_read_at_both_levels() -> None:
    """Those of the file and of the payment stand with each transfer, beside its own."""
    text = pain_001("M", ANNA, ("E1", "1.00", STRANGER), ("E2", "2.00", STRANGER)).decode()
    text = text.replace("<BIC>COBADEFFXXX</BIC>", "<Nm>Debtor Bank</Nm>")
    text = text.replace("</DbtrAgt>", f"</DbtrAgt>{party('UltmtDbtr', 'Payment Debtor')}")
    own = party("UltmtDbtr", "Own Debtor") + AGENT.format(role="IntrmyAgt1", name="Middle Bank")
    own += AGENT.format(role="CdtrAgt", name="Creditor Bank")
    text = text.replace("</Amt><Cdtr>", f"</Amt>{own}<Cdtr>", 1)
    text = text.replace("</CdtrAcct>", f"</CdtrAcct>{party('UltmtCdtr', 'Own Creditor')}", 1)
    first, second = read_credit_transfer_file(text.encode()).payments[0].transactions
    shared = {("InitgPty", "Platform"), ("UltmtDbtr", "Payment Debtor"), ("DbtrAgt", "Debtor Bank")}
    assert set(second.parties) == shared
    assert set(first.parties) - shared == {
        ("UltmtDbtr", "Own Debtor"),
        ("IntrmyAgt1", "Middle Bank"),
        ("CdtrAgt", "Creditor Bank"),
        ("UltmtCdtr", "Own Creditor"),
    }


@pytest.mark.parametrize("inside", ["<Nm>{}</Nm>", "<Pty><Nm>{}</Nm></Pty>"])
def test_every_party_of_an_entry_is_read(inside: str) -> None:
    """As a party or inside one, and agents by their name."""
    others = "".join(f"<{role}>{inside.format(role)}</{role}>" for role in ("InitgPty", "UltmtDbtr", "UltmtCdtr"))
    agents = f"<RltdAgts>{AGENT.format(role='DbtrAgt', name='Debtor Bank')}</RltdAgts>"
    text = entry("R", "1.00").replace("</RltdPties>", f"{others}</RltdPties>{agents}")
    (statement,) = BankStatementFiles().read(camt_054("M", BANK, text)).statements
    found = whole_of(statement.heading, statement.entries[0])
    assert found.parties == (
        ("InitgPty", "InitgPty"),
        ("UltmtDbtr", "UltmtDbtr"),
        ("UltmtCdtr", "UltmtCdtr"),
        ("DbtrAgt", "Debtor Bank"),
    )


def test_a_sum_of_several_names_all_of_their_parties() -> None:
    """Where the parts do not add up the entry stays whole, and whoever is named in a part is screened."""
    text = entry("R", "3.00", payer="First Payer")
    detail = text[text.index("<TxDtls>") : text.index("</NtryDtls>")]
    text = text.replace(detail, detail + detail.replace("First Payer", "Second Payer"))
    (statement,) = BankStatementFiles().read(camt_054("M", BANK, text)).statements
    found = whole_of(statement.heading, statement.entries[0])
    assert found.debtor_name == ""
    assert found.parties == (("Dbtr", "First Payer"), ("Dbtr", "Second Payer"))
