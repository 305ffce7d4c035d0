"""What goes to the bank, and what is taken from it."""

from collections.abc import Callable
from datetime import date

import pytest
from lxml import etree
from ringfence_payment_instruction.deposits.domain.evidence import BankEntry, entry_id
from ringfence_payment_instruction.iso20022.bank_files import tells_of_account
from ringfence_payment_instruction.iso20022.messages import (
    Account,
    Originals,
    OutboundPayment,
    PaymentStatus,
)
from ringfence_payment_instruction.iso20022.pacs002 import read_payment_status_report
from ringfence_payment_instruction.iso20022.pacs008 import write_credit_transfers
from ringfence_payment_instruction.iso20022.refusal import FileRefused
from ringfence_payment_instruction.rail.adapters.bank_files import Iso20022BankFiles
from ringfence_payment_instruction.statements.adapters.files import BankStatementFiles
from ringfence_payment_instruction.statements.domain.naming import earlier_entries, part_of, whole_of
from ringfence_payment_instruction.statements.domain.statement import Statement
from ringfence_payment_instruction.submissions.domain.errors import EvidenceUnreadable

ErrorOf = Callable[[bytes], str | None]


def _telling(content: bytes) -> Statement:
    return BankStatementFiles().read(content).statements[0]


def _parts(content: bytes) -> tuple[BankEntry, ...]:
    statement = _telling(content)
    return tuple(
        part_of(statement.heading, entry, number) for entry in statement.entries for number in range(len(entry.details))
    )


CREATED_NS = 1_770_000_000_000_000_000
DEBTOR, CREDITOR = Account(iban="DE89370400440532013000"), Account(iban="GB29NWBK60161331926819")


def _payment(**changes: object) -> OutboundPayment:
    fields: dict[str, object] = {
        "transaction_id": "T-1",
        "end_to_end_id": "E-1",
        "amount_minor": 1025,
        "currency": "EUR",
        "settlement_date": date(2026, 2, 4),
        "debtor_name": "Wolf Kessler",
        "debtor_account": DEBTOR,
        "creditor_name": "Ada Quill",
        "creditor_account": CREDITOR,
    }
    return OutboundPayment(**(fields | changes))  # type: ignore[arg-type]


def _texts(content: bytes, name: str) -> list[str | None]:
    return [element.text for element in etree.fromstring(content).iter(f"{{*}}{name}")]


def test_payments_are_written_for_the_bank(error_of: ErrorOf) -> None:
    """A pacs.008 is valid by its XSD and carries ids, amounts, parties, count and control sum."""
    full = _payment(
        transaction_id="T-2",
        amount_minor=7,
        instruction_id="I-2",
        uetr="9a0c4f5e-7f3a-4c5f-9d3c-2f1f6a1d0b7e",
        creditor_account=Account(),
        remittance="Order <7> & thanks",
        carried=(
            ("DbtrAgt/FinInstnId/BICFI", "COBADEFFXXX"),
            ("CdtrAgt/FinInstnId/BICFI", "NWBKGB2LXXX"),
            ("CdtrAcct/Id/Othr/Id", "12345678"),
            ("Purp/Cd", "GDDS"),
        ),
    )
    content = write_credit_transfers("OUT-1", CREATED_NS, [_payment(), full], "RINGDEFFXXX")
    assert error_of(content) is None
    assert (_texts(content, "NbOfTxs"), _texts(content, "CtrlSum")) == (["2"], ["10.32"])
    assert _texts(content, "IntrBkSttlmAmt") == ["10.25", "0.07"]
    assert _texts(content, "TxId") == ["T-1", "T-2"]
    assert _texts(content, "Ustrd") == ["Order <7> & thanks"]
    assert _texts(content, "IBAN") == [DEBTOR.iban, CREDITOR.iban, DEBTOR.iban]


@pytest.mark.parametrize(
    "changes",
    [
        {"creditor_name": "Q" * 500, "remittance": "r\x00" * 500},
        {"creditor_name": "", "debtor_name": "\x07"},
        {"currency": "JPY", "amount_minor": 1},
        {"amount_minor": 10**18 - 1},
        {"carried": (("Purp/Prtry", "goods and services"),)},
        {"creditor_account": Account()},
    ],
)
def test_odd_values_still_make_a_valid_message(error_of: ErrorOf, changes: dict[str, object]) -> None:
    """Names are cut and cleaned, and what is absent is left out."""
    assert error_of(write_credit_transfers("OUT-1", CREATED_NS, [_payment(**changes)] * 2)) is None


@pytest.mark.parametrize(
    "changes", [{"transaction_id": "T" * 36}, {"end_to_end_id": ""}, {"amount_minor": 10**18}, {"amount_minor": -1}]
)
def test_what_cannot_be_said_is_not_written(changes: dict[str, object]) -> None:
    """An id or an amount that the message cannot hold is an error, never an altered payment."""
    with pytest.raises(ValueError, match=r"identification|amount"):
        write_credit_transfers("OUT-1", CREATED_NS, [_payment(**changes)])


def _pacs002(body: str, version: str = "10") -> bytes:
    return (
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.002.001.{version}"><FIToFIPmtStsRpt>'
        f"<GrpHdr><MsgId>BANK-1</MsgId><CreDtTm>2026-02-04T09:00:00Z</CreDtTm></GrpHdr>{body}"
        "</FIToFIPmtStsRpt></Document>"
    ).encode()


GROUP = (
    "<OrgnlGrpInfAndSts><OrgnlMsgId>OUT-1</OrgnlMsgId>"
    "<OrgnlMsgNmId>pacs.008.001.08</OrgnlMsgNmId>{}</OrgnlGrpInfAndSts>"
)
SETTLED = (
    "<TxInfAndSts><OrgnlEndToEndId>E-1</OrgnlEndToEndId><OrgnlTxId>T-1</OrgnlTxId><TxSts>ACSC</TxSts></TxInfAndSts>"
)
REJECTED = (
    "<TxInfAndSts><OrgnlEndToEndId>E-2</OrgnlEndToEndId><OrgnlTxId>T-2</OrgnlTxId><TxSts>RJCT</TxSts>"
    "<StsRsnInf><Rsn><Cd>AC04</Cd></Rsn></StsRsnInf></TxInfAndSts>"
)


@pytest.mark.parametrize("version", ["03", "08", "10", "11", "12", "14"])
def test_statuses_of_payments_are_read(error_of: ErrorOf, version: str) -> None:
    """Each payment's status and reason come with the ids of the original, in every version."""
    content = _pacs002(GROUP.format("") + SETTLED + REJECTED, version)
    assert error_of(content) is None
    report = read_payment_status_report(content)
    assert (report.message_id, report.groups) == ("BANK-1", ())
    assert report.statuses == (
        PaymentStatus(Originals("OUT-1", "T-1", "E-1"), "ACSC"),
        PaymentStatus(Originals("OUT-1", "T-2", "E-2"), "RJCT", "AC04"),
    )


def test_a_group_status_stands_alone(error_of: ErrorOf) -> None:
    """A bank may refuse the whole message with one status."""
    reason = "<StsRsnInf><Rsn><Cd>FF01</Cd></Rsn></StsRsnInf>"
    content = _pacs002(GROUP.format(f"<GrpSts>RJCT</GrpSts>{reason}"))
    assert error_of(content) is None
    report = read_payment_status_report(content)
    assert (report.groups, report.statuses) == ((PaymentStatus(Originals("OUT-1"), "RJCT", "FF01"),), ())


def test_a_report_over_several_messages_is_read(error_of: ErrorOf) -> None:
    """Each transaction names its own message, and has the status of that one where it has none itself."""
    names = "<OrgnlGrpInf><OrgnlMsgId>OUT-2</OrgnlMsgId><OrgnlMsgNmId>pacs.008.001.08</OrgnlMsgNmId></OrgnlGrpInf>"
    groups = GROUP.format("") + GROUP.format("<GrpSts>RJCT</GrpSts>").replace("OUT-1", "OUT-2")
    settled = SETTLED.replace("<TxInfAndSts>", f"<TxInfAndSts>{names}").replace("<TxSts>ACSC</TxSts>", "")
    content = _pacs002(groups + settled)
    assert error_of(content) is None
    report = read_payment_status_report(content)
    assert report.groups == (PaymentStatus(Originals("OUT-2"), "RJCT"),)
    assert report.statuses == (PaymentStatus(Originals("OUT-2", "T-1", "E-1"), "RJCT"),)


def test_words_that_are_too_long_refuse_no_answer() -> None:
    """What became of the payment counts, also where the bank says more about it than its schema lets it."""
    long = "the account was closed in May, and nobody knows where the holder is now"
    reason = f"<StsRsnInf><Rsn><Prtry>{long}</Prtry></Rsn><AddtlInf>{long * 20}</AddtlInf></StsRsnInf>"
    refused = SETTLED.replace("<TxSts>ACSC</TxSts>", f"<TxSts>RJCT</TxSts>{reason}")
    (status,) = read_payment_status_report(_pacs002(GROUP.format("") + refused)).statuses
    assert (status.status, status.reason, len(status.remark)) == ("RJCT", "", 500)


def test_everything_that_names_a_payment_is_read(error_of: ErrorOf) -> None:
    """InstrId and UETR beside; what stands for no reference is none."""
    names = (
        "<OrgnlInstrId>I-1</OrgnlInstrId><OrgnlEndToEndId>NOTPROVIDED</OrgnlEndToEndId>"
        "<OrgnlUETR>9a0c4f5e-7f3a-4c5f-9d3c-2f1f6a1d0b7e</OrgnlUETR>"
    )
    content = _pacs002(GROUP.format("") + f"<TxInfAndSts>{names}<TxSts>RJCT</TxSts></TxInfAndSts>")
    assert error_of(content) is None
    (status,) = read_payment_status_report(content).statuses
    uetr = "9a0c4f5e-7f3a-4c5f-9d3c-2f1f6a1d0b7e"
    assert status.originals == Originals("OUT-1", instruction_id="I-1", uetr=uetr)


@pytest.mark.parametrize(
    ("information", "reason", "remark"),
    [
        ("<Rsn><Cd>AC04</Cd></Rsn><AddtlInf>closed in May</AddtlInf>", "AC04", "closed in May"),
        ("<Rsn><Prtry>ask Ada Quill</Prtry></Rsn><AddtlInf>by phone</AddtlInf>", "", "ask Ada Quill by phone"),
        ("<Rsn><Prtry>AC04</Prtry></Rsn>", "", "AC04"),
        ("<Rsn><Cd>no</Cd></Rsn>", "", "no"),
        ("<Rsn><Cd>12</Cd></Rsn></StsRsnInf><StsRsnInf><Rsn><Cd>NARR</Cd></Rsn>", "NARR", "12"),
    ],
)
def test_only_codes_are_reason_codes(error_of: ErrorOf, information: str, reason: str, remark: str) -> None:
    """What the bank says in its own words is no code of the external sets, wherever it stands."""
    refused = SETTLED.replace("<TxSts>ACSC</TxSts>", f"<TxSts>RJCT</TxSts><StsRsnInf>{information}</StsRsnInf>")
    content = _pacs002(GROUP.format("") + refused)
    assert error_of(content) is None
    (status,) = read_payment_status_report(content).statuses
    assert (status.reason, status.remark) == (reason, remark)


@pytest.mark.parametrize(
    "body",
    [
        "",
        GROUP.format("") + SETTLED.replace("<TxSts>ACSC</TxSts>", ""),
        GROUP.format("") + SETTLED.replace("ACSC", "settled"),
        GROUP.format("") + SETTLED.replace("T-1", "T" * 36),
        GROUP.format("") + SETTLED.replace("<TxSts>", "<TxSts>RJCT</TxSts><TxSts>"),
        GROUP.format("") * 2 + SETTLED,
        GROUP.format("") + GROUP.format("").replace("OUT-1", "OUT-2") + SETTLED,
        GROUP.format("").replace("<OrgnlMsgId>OUT-1</OrgnlMsgId>", "") + SETTLED,
    ],
)
def test_an_ambiguous_status_report_is_refused(body: str) -> None:
    """A report that leaves open what became of a payment changes nothing."""
    with pytest.raises(FileRefused) as caught:
        read_payment_status_report(_pacs002(body))
    assert (caught.value.reason, caught.value.message_id) == ("STRUCTURE_INVALID", "BANK-1")


TRANSACTION = """<TxDtls><Refs><EndToEndId>E-{n}</EndToEndId><TxId>T-{n}</TxId></Refs>
{amount}<RltdPties><Dbtr>{open}<Nm>Payer {n}</Nm>{close}</Dbtr>
<DbtrAcct><Id><IBAN>GB29NWBK60161331926819</IBAN></Id></DbtrAcct><Cdtr>{open}<Nm>Client {n}</Nm>{close}</Cdtr>
<CdtrAcct><Id><IBAN>DE89370400440532013000</IBAN></Id></CdtrAcct></RltdPties>
<RmtInf><Ustrd>deposit {n}</Ustrd></RmtInf></TxDtls>"""


def _camt054(
    version: str, details: list[str], *, amount: str = "30.00", count: int = 1, reference: str = "B-1"
) -> bytes:
    new = version == "08"
    detail_amount = {
        "02": '<AmtDtls><TxAmt><Amt Ccy="EUR">{}</Amt></TxAmt></AmtDtls>',
        "04": '<Amt Ccy="EUR">{}</Amt><CdtDbtInd>CRDT</CdtDbtInd>',
        "08": '<Amt Ccy="EUR">{}</Amt><CdtDbtInd>CRDT</CdtDbtInd>',
    }[version]
    transactions = "".join(
        TRANSACTION.format(
            n=n, amount=detail_amount.format(each), open="<Pty>" if new else "", close="</Pty>" if new else ""
        )
        for n, each in enumerate(details, start=1)
    )
    status = "<Sts><Cd>BOOK</Cd></Sts>" if new else "<Sts>BOOK</Sts>"
    entry = f"""<Ntry><NtryRef>1</NtryRef><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd>{status}
    <BookgDt><DtTm>2026-02-04T09:00:00Z</DtTm></BookgDt><ValDt><Dt>2026-02-05</Dt></ValDt>
    {f"<AcctSvcrRef>{reference}</AcctSvcrRef>" if reference else ""}<BkTxCd/>
    <NtryDtls>{transactions}</NtryDtls></Ntry>"""
    return f"""<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.054.001.{version}"><BkToCstmrDbtCdtNtfctn>
    <GrpHdr><MsgId>BANK-2</MsgId><CreDtTm>2026-02-04T09:00:00Z</CreDtTm></GrpHdr>
    <Ntfctn><Id>N-1</Id><CreDtTm>2026-02-04T09:00:00Z</CreDtTm>
    <Acct><Id><IBAN>FR1420041010050500013M02606</IBAN></Id></Acct>{entry * count}</Ntfctn>
    </BkToCstmrDbtCdtNtfctn></Document>""".encode()


@pytest.mark.parametrize("version", ["02", "04", "08"])
def test_a_movement_is_read(error_of: ErrorOf, version: str) -> None:
    """A deposit's amount, dates, parties and references are read alike from every version."""
    content = _camt054(version, ["30.00"])
    assert error_of(content) is None
    assert _parts(content) == (
        BankEntry(
            account_iban="FR1420041010050500013M02606",
            reference="B-1",
            amount_minor=3000,
            currency="EUR",
            credit_debit="CRDT",
            reversal=False,
            status="BOOK",
            value_day=(date(2026, 2, 5) - date(1970, 1, 1)).days,
            transaction_id="T-1",
            debtor_name="Payer 1",
            debtor_iban="GB29NWBK60161331926819",
            creditor_name="Client 1",
            creditor_iban="DE89370400440532013000",
            remittance="deposit 1",
        ),
    )


@pytest.mark.parametrize("version", ["02", "04", "08"])
def test_the_transactions_of_a_batch_are_told_apart(version: str) -> None:
    """Each has its amount and its payer, and the reference of the one movement that they are."""
    parts = [
        (each.reference, each.amount_minor, each.debtor_name) for each in _parts(_camt054(version, ["10.00", "20.00"]))
    ]
    assert parts == [("B-1", 1000, "Payer 1"), ("B-1", 2000, "Payer 2")]


def test_a_batch_as_a_whole_is_nobodys() -> None:
    """It has its own amount, and no payer or payee of its own."""
    statement = _telling(_camt054("08", ["10.00", "10.00"]))
    whole = whole_of(statement.heading, statement.entries[0])
    assert (whole.amount_minor, whole.debtor_name, whole.creditor_iban) == (3000, "", "")


def test_two_movements_never_shared_an_id_of_earlier_releases() -> None:
    """A reference that a bank repeats, or leaves out, still named one movement only."""
    for content, count in (
        (_camt054("08", ["30.00"], count=3), 3),
        (_camt054("08", ["30.00"], count=2, reference=""), 2),
    ):
        statement = _telling(content)
        named = earlier_entries(statement.heading, statement.entries)
        assert len({entry_id(bytes(16), each) for (each,) in named}) == count


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (b">30.00<", b">1e3<", "AMOUNT_INVALID"),
        (b">30.00<", b">30.001<", "AMOUNT_INVALID"),
        (b">30.00<", b">+30.00<", "AMOUNT_INVALID"),
        (b">30.00<", ">\u00a030.00<".encode(), "AMOUNT_INVALID"),
        (b">30.00<", ">\uff13\uff10.00<".encode(), "AMOUNT_INVALID"),
        (b'Ccy="EUR"', b'Ccy="ZZZ"', "CURRENCY_NOT_SUPPORTED"),
        (b"2026-02-05", b"soon", "DATE_INVALID"),
        (b"CRDT", b"BOTH", "STRUCTURE_INVALID"),
        (b"<Sts><Cd>BOOK</Cd></Sts>", b"", "STRUCTURE_INVALID"),
        (b"<Id>N-1</Id>", b"", "STRUCTURE_INVALID"),
        (b"<MsgId>BANK-2</MsgId>", b"", "STRUCTURE_INVALID"),
        (b"camt.054.001.08", b"camt.054.001.99", "MESSAGE_NOT_SUPPORTED"),
    ],
)
def test_a_notification_that_is_wrong_is_refused(before: bytes, after: bytes, reason: str) -> None:
    """Money is credited on sound evidence only."""
    with pytest.raises(EvidenceUnreadable) as caught:
        BankStatementFiles().read(_camt054("08", ["30.00"]).replace(before, after))
    assert caught.value.metadata["detail"] == reason


def test_a_file_of_the_bank_is_read_by_what_it_holds() -> None:
    """The message in the file, not its name, tells how to read it: answers to payments, or news of an account."""
    answers, news = _pacs002(GROUP.format("") + SETTLED), _camt054("08", ["30.00"])
    statement = b'<?xml version="1.0"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"/>'
    assert [tells_of_account(each) for each in (answers, news, statement, b":20:1\n:25:X\n")] == [False, *[True] * 3]
    files = Iso20022BankFiles()
    assert files.read_answers(answers) is not None
    assert [files.read_answers(each) for each in (news, statement, b":20:1\n:25:X\n")] == [None] * 3
