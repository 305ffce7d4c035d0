"""Answers to customers: what they say, and that every one is valid by its XSD."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from ringfence_payment_instruction.iso20022.messages import CreditTransferFile, StatusReason, StatusReport, joint_status
from ringfence_payment_instruction.iso20022.pain002 import write_status_report
from ringfence_payment_instruction.iso20022.refusal import REASON_CODES, FileRefused

FileOf = Callable[..., CreditTransferFile]
ErrorOf = Callable[[bytes], str | None]
CREATED_NS = 1_770_000_000_123_456_789
STATUSES = ["RCVD", "PDNG", "ACTC", "ACCP", "ACFC", "ACSP", "ACSC", "RJCT", "CANC"]


def _texts(content: bytes, name: str) -> list[str | None]:
    return [element.text for element in etree.fromstring(content).iter(f"{{*}}{name}")]


def test_every_transaction_is_answered(file_of: FileOf, error_of: ErrorOf) -> None:
    """Each transaction has its status, reasons and ids; groups have the status that follows."""
    refused = ("RJCT", (StatusReason("AM04", "the account does not hold the amount"),))
    report = StatusReport.of_file(file_of(), "ANSWER-1", CREATED_NS, [("ACSC", ()), refused])
    content = write_status_report(report)
    assert error_of(content) is None
    assert etree.QName(etree.fromstring(content)).namespace == "urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"
    assert _texts(content, "MsgId") == ["ANSWER-1"]
    assert _texts(content, "CreDtTm") == ["2026-02-02T02:40:00.123Z"]
    assert (_texts(content, "OrgnlMsgId"), _texts(content, "OrgnlMsgNmId")) == (["OWN-1"], ["pain.001.001.09"])
    assert (_texts(content, "OrgnlNbOfTxs"), _texts(content, "OrgnlCtrlSum")) == (["2"], ["20.50"])
    assert _texts(content, "GrpSts") == ["PART"]
    assert _texts(content, "PmtInfSts") == ["ACSC", "RJCT"]
    assert _texts(content, "TxSts") == ["ACSC", "RJCT"]
    assert _texts(content, "OrgnlEndToEndId") == ["E-1", "E-2"]
    assert (_texts(content, "Cd"), _texts(content, "AddtlInf")) == (["AM04"], ["the account does not hold the amount"])
    assert len(_texts(content, "OrgnlUETR")) == 2


@pytest.mark.parametrize("name", ["pain.001.001.03", "pain.001.001.09"])
@pytest.mark.parametrize("status", STATUSES)
def test_every_status_can_be_written(file_of: FileOf, error_of: ErrorOf, name: str, status: str) -> None:
    """A status that a version does not enumerate is answered by the nearest that it has."""
    file = file_of(message_name=name)
    assert error_of(write_status_report(StatusReport.of_file(file, "A", CREATED_NS, [(status, ())] * 2))) is None


@pytest.mark.parametrize("reason", REASON_CODES)
def test_every_refusal_can_be_answered(error_of: ErrorOf, reason: str) -> None:
    """A file refused for any reason is answered, even when it has neither legible id nor name."""
    report = StatusReport.of_refusal(FileRefused(reason, "line 1: why"), "ANSWER-2", CREATED_NS)
    content = write_status_report(report)
    assert error_of(content) is None
    assert (_texts(content, "OrgnlMsgId"), _texts(content, "GrpSts")) == (["NOTPROVIDED"], ["RJCT"])
    assert (_texts(content, "Cd"), _texts(content, "AddtlInf")) == ([REASON_CODES[reason]], ["line 1: why"])


@given(
    st.text(max_size=400),
    st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=35),
    st.lists(st.sampled_from(STATUSES), min_size=4, max_size=4),
    st.sampled_from(["pain.001.001.03", "pain.001.001.09"]),
)
def test_any_text_makes_a_valid_answer(
    file_of: FileOf, error_of: ErrorOf, text: str, message_id: str, statuses: list[str], name: str
) -> None:
    """No text and no id that XML can hold makes an answer invalid, and ids come back unchanged."""
    answers = [(status, (StatusReason("NARR", text),)) for status in statuses]
    content = write_status_report(StatusReport.of_file(file_of(2, name), message_id, CREATED_NS, answers))
    assert error_of(content) is None
    assert _texts(content, "MsgId") == [message_id]


@pytest.mark.parametrize("message_id", ["", "x" * 36, "bell\x07"])
def test_an_id_that_would_change_is_not_written(file_of: FileOf, message_id: str) -> None:
    """An identification is written as it is or not at all."""
    report = StatusReport.of_file(file_of(), message_id, CREATED_NS, [("ACSC", ())] * 2)
    with pytest.raises(ValueError, match="1 to 35 characters"):
        write_status_report(report)


@pytest.mark.parametrize(
    ("statuses", "joint"),
    [
        (["ACSC", "ACSC"], "ACSC"),
        (["RJCT", "RJCT"], "RJCT"),
        (["ACSC", "RJCT"], "PART"),
        (["ACSC", "PDNG", "ACSP"], "PDNG"),
    ],
)
def test_a_group_is_as_far_as_its_last(statuses: list[str], joint: str) -> None:
    """A group has the common status, PART if some are rejected, else that of the least advanced."""
    assert joint_status(statuses) == joint
