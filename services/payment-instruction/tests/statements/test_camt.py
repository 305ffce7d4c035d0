"""camt.052, 053 and 054, by the names of their elements."""

from collections.abc import Callable
from datetime import date

import pytest
from ringfence_payment_instruction.iso20022.refusal import FileRefused
from ringfence_payment_instruction.statements.adapters import camt as reading
from ringfence_payment_instruction.statements.adapters.camt import read_camt, read_portions
from ringfence_payment_instruction.statements.domain.statement import (
    Account,
    Balance,
    Detail,
    Entry,
    Kind,
    Page,
    Party,
    Return,
    Statement,
)

Writer = Callable[..., bytes]
Entries = Callable[..., str]
DAY = date(2026, 11, 27)
DETAILS = """<NtryRef>7</NtryRef><AcctSvcrRef> B  1 </AcctSvcrRef><NtryDtls><TxDtls>
<Refs><MsgId>M</MsgId><AcctSvcrRef>D-1</AcctSvcrRef><InstrId>I</InstrId><EndToEndId>NOTPROVIDED</EndToEndId>
<UETR>9A0C4F5E-7F3A-4C5F-9D3C-2F1F6A1D0B7E</UETR><TxId>T</TxId><ClrSysRef>C</ClrSysRef>
<Prtry><Tp>Bank</Tp><Ref>P</Ref></Prtry></Refs>
<Amt Ccy="EUR">10.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><RltdPties><Dbtr><Pty><Nm>Payer</Nm></Pty></Dbtr>
<UltmtDbtr><Pty><Nm>Behind</Nm></Pty></UltmtDbtr><CdtrAcct><Id><Othr><Id>621  7</Id><SchmeNm><Prtry>CN</Prtry></SchmeNm>
</Othr></Id></CdtrAcct></RltdPties><RltdAgts><DbtrAgt><FinInstnId><Nm>Bank</Nm></FinInstnId></DbtrAgt></RltdAgts>
<RmtInf><Ustrd>one</Ustrd><Ustrd>two</Ustrd></RmtInf>
<RtrInf><Orgtr><Pty><Nm>Payee</Nm></Pty></Orgtr><Rsn><Cd>AC04</Cd></Rsn><AddtlInf>closed</AddtlInf></RtrInf>
</TxDtls></NtryDtls><AddtlNtryInf>note</AddtlNtryInf>"""


def _balance(code: str, amount: str, direction: str = "CRDT", subtype: str = "") -> str:
    inner = f"<SubTp><Cd>{subtype}</Cd></SubTp>" if subtype else ""
    return (
        f'<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry>{inner}</Tp><Amt Ccy="EUR">{amount}</Amt>'
        f"<CdtDbtInd>{direction}</CdtDbtInd><Dt><Dt>2026-11-27</Dt></Dt></Bal>"
    )


def _only(content: bytes) -> Statement:
    (statement,) = read_camt(content).statements
    return statement


def _refusal(content: bytes) -> FileRefused:
    with pytest.raises(FileRefused) as caught:
        read_camt(content)
    return caught.value


def test_an_entry_with_everything_is_read(camt: Writer, ntry: Entries) -> None:
    """References, shares, parties, accounts by scheme, texts and why it came back."""
    (entry,) = _only(camt([ntry(inner=DETAILS)])).entries
    detail = Detail(
        amount_minor=1000,
        bank_reference="D-1",
        transaction_id="T",
        instruction_id="I",
        message_id="M",
        uetr="9a0c4f5e-7f3a-4c5f-9d3c-2f1f6a1d0b7e",
        others=(("ClrSysRef", "C"), ("Bank", "P")),
        parties=(
            Party("Dbtr", "Payer"),
            Party("UltmtDbtr", "Behind"),
            Party("Cdtr", "", Account(other="621 7", scheme="CN")),
            Party("DbtrAgt", "Bank"),
        ),
        remittance="one two",
        returned=Return("AC04", "Payee", "closed"),
    )
    assert entry == Entry(1000, "EUR", "CRDT", False, "BOOK", DAY, date(2026, 11, 28), "7", "B 1", 1, (detail,), "note")


@pytest.mark.parametrize(
    ("message", "kind"), [("052", Kind.REPORT), ("053", Kind.STATEMENT), ("054", Kind.NOTIFICATION)]
)
def test_a_heading_is_read(camt: Writer, message: str, kind: Kind) -> None:
    """Numbers, period, page, copy and booked balances; what is owed to the bank is below zero."""
    page = {"052": "RptPgntn", "053": "StmtPgntn", "054": "NtfctnPgntn"}[message]
    stated = (
        f"<{page}><PgNb>2</PgNb><LastPgInd>false</LastPgInd></{page}><ElctrncSeqNb>12</ElctrncSeqNb>"
        "<LglSeqNb>3</LglSeqNb><CreDtTm>2026-11-28T01:00:00+01:00</CreDtTm><FrToDt><FrDtTm>2026-11-27T00:00:00</FrDtTm>"
        "<ToDtTm>2026-11-27T23:59:59</ToDtTm></FrToDt><CpyDplctInd>DUPL</CpyDplctInd>"
    )
    balances = _balance("OPBD", "1.00", "DBIT") + _balance("CLAV", "9.00") + _balance("CLBD", "2.00", subtype="INTM")
    heading = _only(camt(message=message, heading=stated, balances=balances)).heading
    assert (heading.kind, heading.id, heading.account.iban) == (kind, "S-1", "DE89370400440532013000")
    assert (heading.page, heading.electronic_sequence, heading.legal_sequence) == (Page(2, False), 12, 3)
    assert (heading.first_day, heading.last_day, heading.created) == (DAY, DAY, date(2026, 11, 28))
    assert (heading.opening, heading.closing) == (Balance(-100, "EUR", DAY), Balance(200, "EUR", DAY, True))
    assert (heading.copy, heading.currency) == ("DUPL", "EUR")


def test_the_flag_of_a_reversal_turns_nothing(camt: Writer, ntry: Entries) -> None:
    """CdtDbtInd is the direction as booked."""
    (entry,) = _only(camt([ntry(direction="DBIT", after="<RvslInd>true</RvslInd>")])).entries
    assert (entry.signed_minor, entry.reversal) == (-1000, True)


@pytest.mark.parametrize("version", ["02", "03", "06", "08", "10", "12", "13", "14"])
def test_versions_are_read_by_element_name(camt: Writer, ntry: Entries, version: str) -> None:
    """A status is a text or a choice; names stand inside Pty or not; both are read in every version."""
    old = ntry(inner="<NtryDtls><TxDtls><RltdPties><Dbtr><Nm>P</Nm></Dbtr></RltdPties></TxDtls></NtryDtls>")
    (entry,) = _only(camt([old.replace("<Cd>BOOK</Cd>", "BOOK")], version=version)).entries
    assert (entry.is_booked, entry.details[0].party("Dbtr").name) == (True, "P")


def test_only_shares_in_the_accounts_currency_are_read(camt: Writer, ntry: Entries) -> None:
    """What was asked for in another currency says nothing about the entry; what goes the other way is below zero."""
    inner = (
        '<NtryDtls><Btch><NbOfTxs>5</NbOfTxs></Btch><TxDtls><Amt Ccy="USD">4.00</Amt></TxDtls><TxDtls>'
        '<Amt Ccy="EUR">4.00</Amt><CdtDbtInd>DBIT</CdtDbtInd></TxDtls><TxDtls><AmtDtls><TxAmt><Amt Ccy="EUR">7.00</Amt>'
        "</TxAmt></AmtDtls></TxDtls></NtryDtls>"
    )
    (entry,) = _only(camt([ntry(inner=inner)])).entries
    assert ([each.amount_minor for each in entry.details], entry.transactions) == ([None, -400, 700], 5)


@pytest.mark.parametrize(("amount", "minor"), [("1", 100), ("1.5", 150), ("1.50000", 150), ("0.00", 0)])
def test_zeros_behind_the_last_decimal_say_nothing(camt: Writer, ntry: Entries, amount: str, minor: int) -> None:
    """An amount is worth what it says, with as many zeros as the bank likes."""
    assert _only(camt([ntry(amount)])).entries[0].amount_minor == minor


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"10.00", b"10.001", "AMOUNT_INVALID"),
        (b"10.00", b"-1.00", "AMOUNT_INVALID"),
        (b'Ccy="EUR">10', b'Ccy="XYZ">10', "CURRENCY_NOT_SUPPORTED"),
        (b"2026-11-27", b"2026-02-30", "DATE_INVALID"),
        (b"CRDT", b"CREDIT", "STRUCTURE_INVALID"),
        (b"<Id>S-1</Id>", b"", "STRUCTURE_INVALID"),
        (b"<Sts><Cd>BOOK</Cd></Sts>", b"<Sts/>", "STRUCTURE_INVALID"),
        (b"<MsgId>M-1</MsgId>", b"", "STRUCTURE_INVALID"),
        (b"<Id>S-1</Id>", b"<Id>S-1</Id><ElctrncSeqNb>-1</ElctrncSeqNb>", "STRUCTURE_INVALID"),
        (b"</Sts>", b"</Sts><RvslInd>yes</RvslInd>", "STRUCTURE_INVALID"),
        (b"camt.053.001.08", b"camt.053.001.15", "MESSAGE_NOT_SUPPORTED"),
        (b"camt.053.001.08", b"camt.053.001.01", "MESSAGE_NOT_SUPPORTED"),
        (b"camt.053.001.08", b"camt.054.001.08", "STRUCTURE_INVALID"),
        (b"urn:iso", b"urn:oso", "NO_MESSAGE"),
        (b"</BkToCstmrStmt>", b"</BkToCstmrStmt><BkToCstmrStmt/>", "STRUCTURE_INVALID"),
    ],
)
def test_what_a_message_does_not_allow_is_refused(
    camt: Writer, ntry: Entries, old: bytes, new: bytes, reason: str
) -> None:
    """A damaged value refuses the file whole, with a reason and the digest of its bytes."""
    content = camt([ntry()]).replace(old, new)
    refusal = _refusal(content)
    assert (refusal.reason, len(refusal.sha256)) == (reason, 32)


@pytest.mark.parametrize(("body", "telling"), [("BkToCstmrStmt", "053"), ("BkToCstmrDbtCdtNtfctn", "054")])
def test_a_file_that_tells_of_no_account_is_refused(body: str, telling: str) -> None:
    """The schemas want one at least; what says nothing is answered by name, not taken."""
    heading = "<GrpHdr><MsgId>M-1</MsgId></GrpHdr>"
    name = f"urn:iso:std:iso:20022:tech:xsd:camt.{telling}.001.08"
    refusal = _refusal(f'<Document xmlns="{name}"><{body}>{heading}</{body}></Document>'.encode())
    assert (refusal.reason, refusal.message_id) == ("STRUCTURE_INVALID", "M-1")


def test_another_kind_than_asked_for_is_refused_at_its_beginning(camt: Writer) -> None:
    """Before its entries are read, whatever they are."""
    for entries in ((), ("<Ntry/>",)):
        with pytest.raises(FileRefused) as refused:
            read_camt(camt(entries), kinds=frozenset({Kind.NOTIFICATION}))
        assert refused.value.reason == "MESSAGE_NOT_SUPPORTED"


def test_an_envelope_is_looked_through_and_two_messages_are_not(camt: Writer) -> None:
    """A header beside the document plays no part; with two documents nobody knows which is meant."""
    header = b'<AppHdr xmlns="urn:iso:std:iso:20022:tech:xsd:head.001.001.02"><BizMsgIdr>X</BizMsgIdr></AppHdr>'
    assert len(read_camt(b"<Envelope>" + header + camt() + b"</Envelope>").statements) == 1
    assert _refusal(b"<Envelope>" + camt() + camt() + b"</Envelope>").reason == "NO_MESSAGE"


def test_entries_of_another_namespace_or_place_are_none(camt: Writer, ntry: Entries) -> None:
    """Only an entry of the message's own namespace, right inside its telling, moves money."""
    strange = ntry().replace("<Ntry>", '<Ntry xmlns="urn:other">')
    wrapped = f"<Wrap>{ntry()}</Wrap>"
    assert _only(camt([wrapped])).entries == ()
    assert _refusal(camt([strange])).reason == "STRUCTURE_INVALID"


def test_a_large_file_is_read_in_portions(camt: Writer, ntry: Entries) -> None:
    """Portions follow each other and have the same heading; together they are the file."""
    content = camt([ntry(f"{number}.00") for number in range(2_500)])
    portions = list(read_portions(content))
    assert [(len(each.entries), each.ends) for each in portions] == [(1000, False), (1000, False), (500, True)]
    assert {each.heading for each in portions} == {_only(content).heading}
    assert sum((each.entries for each in portions), ()) == _only(content).entries


def test_a_heading_behind_its_entries_is_refused(camt: Writer, ntry: Entries) -> None:
    """Portions that went ahead would not know of a balance that comes last."""
    content = camt([ntry()] * 3_000).replace(b"</Stmt>", _balance("CLBD", "1.00").encode() + b"</Stmt>")
    assert _refusal(content).reason == "STRUCTURE_INVALID"


@pytest.mark.parametrize("place", ["in an entry", "beside the entries"])
def test_what_would_have_to_be_kept_is_bounded(
    camt: Writer, ntry: Entries, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """However many entries a file may have, neither one of them nor what stands around them may be huge."""
    swollen = "<x/>" * 400
    content = camt([ntry(inner=swollen)]) if place == "in an entry" else camt([], heading=swollen)
    harmless = camt([ntry()] * 100)
    limits = reading.LIMITS
    monkeypatch.setattr(reading, "LIMITS", type(limits)(nodes=limits.nodes, kept=300, let_go="Ntry"))
    assert _refusal(content).reason == "FILE_TOO_COMPLEX"
    assert len(_only(harmless).entries) == 100


def test_a_file_has_so_many_entries_at_most(camt: Writer, ntry: Entries, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are decided on together: what has more would take memory without bound."""
    monkeypatch.setattr(reading, "MAX_ENTRIES", 1_500)
    assert len(_only(camt([ntry()] * 1_500)).entries) == 1_500
    refusal = _refusal(camt([ntry()] * 1_501))
    assert (refusal.reason, refusal.text) == ("FILE_TOO_COMPLEX", "more than 1500 entries")
