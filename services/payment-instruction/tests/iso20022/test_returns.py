"""What a bank says of payments whose money comes back, pacs.004."""

from collections.abc import Callable

import pytest
from ringfence_payment_instruction.iso20022.messages import Originals, PaymentReturn
from ringfence_payment_instruction.iso20022.pacs004 import read_payment_returns
from ringfence_payment_instruction.iso20022.refusal import FileRefused

ErrorOf = Callable[[bytes], str | None]
FILE = """<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.004.001.{version}"><PmtRtr>
<GrpHdr><MsgId>BANK-1</MsgId><CreDtTm>2026-02-04T09:00:00Z</CreDtTm><NbOfTxs>{count}</NbOfTxs>
<TtlRtrdIntrBkSttlmAmt Ccy="EUR">{total}</TtlRtrdIntrBkSttlmAmt><IntrBkSttlmDt>2026-02-04</IntrBkSttlmDt>
<SttlmInf><SttlmMtd>CLRG</SttlmMtd></SttlmInf></GrpHdr>
<OrgnlGrpInf><OrgnlMsgId>OUT-1</OrgnlMsgId><OrgnlMsgNmId>pacs.008.001.08</OrgnlMsgNmId></OrgnlGrpInf>
{rows}</PmtRtr></Document>"""
WHOLE = """<TxInf><RtrId>R-1</RtrId><OrgnlInstrId>I-1</OrgnlInstrId><OrgnlEndToEndId>E-1</OrgnlEndToEndId>
<OrgnlTxId>T-1</OrgnlTxId><OrgnlUETR>9a0c4f5e-7f3a-4c5f-9d3c-2f1f6a1d0b7e</OrgnlUETR>
<RtrdIntrBkSttlmAmt Ccy="EUR">10.25</RtrdIntrBkSttlmAmt>
<RtrRsnInf><Rsn><Cd>AC04</Cd></Rsn><AddtlInf>closed</AddtlInf></RtrRsnInf></TxInf>"""
CHARGED = """<TxInf>
<OrgnlGrpInf><OrgnlMsgId>OUT-2</OrgnlMsgId><OrgnlMsgNmId>pacs.008.001.08</OrgnlMsgNmId></OrgnlGrpInf>
<OrgnlTxId>T-2</OrgnlTxId><RtrdIntrBkSttlmAmt Ccy="EUR">7.00</RtrdIntrBkSttlmAmt>
<ChrgsInf><Amt Ccy="EUR">2.00</Amt><Agt><FinInstnId><BICFI>COBADEFFXXX</BICFI></FinInstnId></Agt></ChrgsInf>
<ChrgsInf><Amt Ccy="EUR">1.00</Amt><Agt><FinInstnId><BICFI>COBADEFFXXX</BICFI></FinInstnId></Agt></ChrgsInf>
<ChrgsInf><Amt Ccy="USD">9.00</Amt><Agt><FinInstnId><BICFI>NWBKGB2LXXX</BICFI></FinInstnId></Agt></ChrgsInf>
<RtrRsnInf><Rsn><Prtry>gone away</Prtry></Rsn></RtrRsnInf></TxInf>"""


def pacs_004(*rows: str, version: str = "09", count: str = "2", total: str = "17.25") -> bytes:
    """Returns a file of these rows; by default of both."""
    return FILE.format(version=version, count=count, total=total, rows="".join(rows or (WHOLE, CHARGED))).encode()


@pytest.mark.parametrize("version", ["09", "13"])
def test_returns_are_read(error_of: ErrorOf, version: str) -> None:
    """Each with the ids of the original, what comes back, what was kept of it, and why."""
    content = pacs_004(version=version)
    assert error_of(content) is None
    file = read_payment_returns(content)
    uetr = "9a0c4f5e-7f3a-4c5f-9d3c-2f1f6a1d0b7e"
    assert (file.message_id, file.returns) == (
        "BANK-1",
        (
            PaymentReturn(Originals("OUT-1", "T-1", "E-1", "I-1", uetr), 1025, 0, "EUR", "AC04", "closed"),
            PaymentReturn(Originals("OUT-2", "T-2"), 700, 300, "EUR", "", "gone away"),
        ),
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (pacs_004(count="3"), "COUNT_MISMATCH"),
        (pacs_004(total="17.24"), "CONTROL_SUM_MISMATCH"),
        (pacs_004().replace(b'Amt Ccy="EUR">17.25', b'Amt Ccy="USD">17.25'), "CONTROL_SUM_MISMATCH"),
        (pacs_004().replace(b"<TxInf>", b"<Other>").replace(b"</TxInf>", b"</Other>"), "STRUCTURE_INVALID"),
        (pacs_004(WHOLE.replace("RtrdIntrBkSttlmAmt", "RtrdInstdAmt"), count="1", total="10.25"), "STRUCTURE_INVALID"),
        (pacs_004(WHOLE.replace("10.25", "10.255"), count="1"), "AMOUNT_INVALID"),
        (pacs_004(WHOLE.replace("10.25", "-10.25"), count="1"), "AMOUNT_INVALID"),
        (pacs_004(WHOLE.replace('Ccy="EUR"', 'Ccy="ZZZ"'), count="1"), "CURRENCY_NOT_SUPPORTED"),
        (pacs_004(WHOLE.replace("T-1", "T" * 36), count="1", total="10.25"), "STRUCTURE_INVALID"),
        (pacs_004(version="99"), "MESSAGE_NOT_SUPPORTED"),
    ],
)
def test_a_return_that_is_wrong_is_refused_by_name(content: bytes, reason: str) -> None:
    """Nothing of it comes back to anybody."""
    with pytest.raises(FileRefused) as caught:
        read_payment_returns(content)
    assert caught.value.reason == reason
