"""What an order says beside parties, accounts and amount reaches the bank, or is refused by its name."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from ringfence_payment_instruction.iso20022.messages import Account, CreditTransfer, OutboundPayment
from ringfence_payment_instruction.iso20022.pacs008 import write_credit_transfers
from ringfence_payment_instruction.iso20022.pain001 import read_credit_transfer_file
from ringfence_payment_instruction.iso20022.refusal import FileRefused

from .samples import Schema, texts_of

Pain001 = Callable[..., bytes]
ErrorOf = Callable[[bytes], str | None]
CREATED_NS = 1_770_000_000_000_000_000
# Elements of a transaction, where each stands among the others.
BEFORE_AMOUNT, BEFORE_AGENT, AFTER_ACCOUNT = ("PmtTpInf",), ("ChrgBr", "UltmtDbtr"), ("UltmtCdtr", "InstrForCdtrAgt")
AGENTS = tuple(f"IntrmyAgt{number}{what}" for number in (1, 2, 3) for what in ("", "Acct"))
BEFORE_REMITTANCE = ("RgltryRptg", "Tax", "RltdRmtInf")
REPLACED = ("CdtrAgt", "Cdtr", "CdtrAcct", "Purp", "RmtInf")
CARRIED = (*BEFORE_AMOUNT, *BEFORE_AGENT, *AGENTS, "CdtrAgtAcct", *AFTER_ACCOUNT, *BEFORE_REMITTANCE, *REPLACED)
# In the older version a word without the channel that the newer one asks for.
CONTACT_OTHER = re.compile("<Othr>[^<]*</Othr>")
NOT_CARRIED = ("XchgRateInf", "ChqInstr", "InstrForDbtrAgt")


def with_element(pain001: bytes, name: str, sample: str) -> bytes:
    """Returns a file of one transaction that has an element as it is given."""
    text = pain001.decode()
    if name in REPLACED:
        return re.sub(f"<{name}>.*?</{name}>", lambda _: sample, text, count=1, flags=re.DOTALL).encode()
    if name in BEFORE_AMOUNT:
        return text.replace("<Amt>", f"{sample}<Amt>").encode()
    if name in ("ChrgBr", "XchgRateInf", "ChqInstr", "UltmtDbtr", *AGENTS):
        return text.replace("<CdtrAgt>", f"{sample}<CdtrAgt>").encode()
    if name == "CdtrAgtAcct":
        return text.replace("</CdtrAgt>", f"</CdtrAgt>{sample}").encode()
    if name in ("UltmtCdtr", "InstrForCdtrAgt", "InstrForDbtrAgt"):
        return text.replace("</CdtrAcct>", f"</CdtrAcct>{sample}").encode()
    return text.replace("<RmtInf>", f"{sample}<RmtInf>").encode()


def outbound(transfer: CreditTransfer) -> bytes:
    """Writes what the bank is told of a transfer."""
    payment = OutboundPayment(
        transaction_id="T-1",
        end_to_end_id=transfer.end_to_end_id,
        amount_minor=transfer.amount_minor,
        currency=transfer.currency,
        settlement_date=date(2026, 2, 4),
        debtor_name="Wolf Kessler",
        debtor_account=Account(iban="DE89370400440532013000"),
        creditor_name=transfer.creditor_name or "",
        creditor_account=transfer.creditor_account,
        instruction_id=transfer.instruction_id,
        uetr=transfer.uetr,
        remittance=transfer.remittance,
        carried=transfer.carried,
    )
    return write_credit_transfers("OUT-1", CREATED_NS, [payment])


@pytest.mark.parametrize("name", CARRIED)
@pytest.mark.parametrize("version", ["03", "09"])
def test_all_that_the_schema_allows_is_told_or_named(
    data: Path, pain001: Pain001, error_of: ErrorOf, version: str, name: str
) -> None:
    """Every element that may stand in an order, in every choice and twice where it may, stands in a valid pacs.008."""
    schema = Schema(data / "xsd" / f"pain.001.001.{version}.xsd")
    told = 0
    for sample in schema.samples(name, schema.type_of(schema.transfer_type(), name)):
        content = with_element(pain001(version, transactions=1), name, sample)
        (transfer,) = read_credit_transfer_file(content).payments[0].transactions
        if transfer.not_carried.endswith("CtctDtls/Othr"):
            sample = CONTACT_OTHER.sub("", sample)
            content = with_element(pain001(version, transactions=1), name, sample)
            (transfer,) = read_credit_transfer_file(content).payments[0].transactions
        elif transfer.not_carried:
            assert transfer.not_carried == name
            continue
        written = outbound(transfer)
        assert error_of(written) is None, sample
        seen = re.findall(f"<{name}>.*</{name}>", written.decode())
        if name != "RmtInf":
            assert texts_of(seen[0]) == texts_of(sample)
        else:
            # Lines of free text are one line.
            assert " ".join(texts_of(seen[0])) == " ".join(texts_of(sample))
        told += 1
    assert told or (version, name) == ("03", "RltdRmtInf")


@pytest.mark.parametrize("name", NOT_CARRIED)
def test_what_has_no_place_is_named(data: Path, pain001: Pain001, name: str) -> None:
    """An element that the message to the bank does not have is never left out in silence."""
    schema = Schema(data / "xsd" / "pain.001.001.09.xsd")
    (sample, *_) = schema.samples(name, schema.type_of(schema.transfer_type(), name))
    content = with_element(pain001(transactions=2), name, sample)
    first, second = read_credit_transfer_file(content).payments[0].transactions
    assert {first.not_carried, second.not_carried} == {name}


@pytest.mark.parametrize(
    ("before", "inserted", "named"),
    [
        ("<NbOfTxs>", "<Authstn><Cd>AUTH</Cd></Authstn>", "Authstn"),
        ("</GrpHdr>", "<FwdgAgt><FinInstnId><BICFI>COBADEFFXXX</BICFI></FinInstnId></FwdgAgt>", "FwdgAgt"),
        ("<CdtTrfTxInf>", "<ChrgsAcct><Id><Othr><Id>1</Id></Othr></Id></ChrgsAcct>", "ChrgsAcct"),
        ("<Dbtr>", "<PoolgAdjstmntDt>2026-02-04</PoolgAdjstmntDt>", "PoolgAdjstmntDt"),
        ("</CstmrCdtTrfInitn>", "<SplmtryData><Envlp><x xmlns='urn:x'/></Envlp></SplmtryData>", "SplmtryData"),
    ],
)
def test_what_is_said_of_a_file_or_payment_is_named_for_all(
    pain001: Pain001, before: str, inserted: str, named: str
) -> None:
    """It holds for every transaction below it."""
    content = pain001().decode().replace(before, inserted + before, 1)
    transfers = read_credit_transfer_file(content.encode()).payments[0].transactions
    assert [each.not_carried for each in transfers] == [named, named]


def test_what_two_levels_say_is_named(pain001: Pain001) -> None:
    """A payment and its transaction may not both say who bears the charges: neither word is dropped."""
    text = pain001().decode().replace("<CdtTrfTxInf>", "<ChrgBr>SHAR</ChrgBr><CdtTrfTxInf>", 1)
    text = text.replace("<CdtrAgt>", "<ChrgBr>DEBT</ChrgBr><CdtrAgt>", 1)
    transfers = read_credit_transfer_file(text.encode()).payments[0].transactions
    assert [each.not_carried for each in transfers] == ["ChrgBr", ""]
    assert ("ChrgBr", "SHAR") in transfers[1].carried


def test_real_orders_are_told_to_the_bank(data: Path, error_of: ErrorOf) -> None:
    """Of every real file that is taken, what is told is valid by its schema, and says each text of a transaction."""
    told = 0
    for path in sorted(path for path in data.rglob("*") if path.is_file()):
        try:
            file = read_credit_transfer_file(path.read_bytes())
        except FileRefused:
            continue
        for transfer in (each for payment in file.payments for each in payment.transactions if not each.not_carried):
            written = outbound(transfer)
            assert error_of(written) is None, path
            texts = texts_of(written)
            assert all(text in texts for where, text in transfer.carried if text.strip() == text), path
            told += 1
    assert told


def test_everybody_in_what_is_carried_is_named(pain001: Pain001) -> None:
    """However deep: an invoicer, a contact, the holder of an account."""
    party = "<Nm>{}</Nm>"
    text = pain001(transactions=1).decode()
    text = text.replace("<Nm>Ada Quill</Nm>", f"<Nm>Ada Quill</Nm><CtctDtls>{party.format('Contact')}</CtctDtls>")
    text = text.replace("</Ustrd></RmtInf>", f"</Ustrd><Strd><Invcr>{party.format('Invoicer')}</Invcr></Strd></RmtInf>")
    text = text.replace("</Id></CdtrAcct>", f"</Id>{party.format('Holder')}</CdtrAcct>")
    (transfer,) = read_credit_transfer_file(text.encode()).payments[0].transactions
    assert set(transfer.parties) == {
        ("InitgPty", "Harbour Market Ltd"),
        ("Cdtr/CtctDtls", "Contact"),
        ("RmtInf/Strd/Invcr", "Invoicer"),
        ("CdtrAcct", "Holder"),
    }
