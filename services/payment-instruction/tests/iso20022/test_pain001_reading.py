"""Customers' files: what is taken from them, and why they are refused."""

import time
from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
from ringfence_payment_instruction.iso20022.messages import Account, StatusReason
from ringfence_payment_instruction.iso20022.pain001 import MAX_TRANSACTIONS, read_credit_transfer_file
from ringfence_payment_instruction.iso20022.refusal import FileRefused

Pain001 = Callable[..., bytes]


@pytest.mark.parametrize("version", ["03", "09"])
def test_a_valid_file_is_read_whole(pain001: Pain001, version: str) -> None:
    """Everything that a payment needs is taken from either version, alike."""
    file = read_credit_transfer_file(pain001(version))
    assert (file.message_id, file.message_name) == ("OWN-EXAMPLE-1", f"pain.001.001.{version}")
    assert file.created_at == datetime(2026, 2, 3, 9, 30, tzinfo=UTC)
    assert (file.number_of_transactions, file.control_sum) == (2, "20.5")
    assert file.initiating_party == "Harbour Market Ltd"
    (payment,) = file.payments
    assert (payment.payment_information_id, payment.payment_method) == ("P-1", "TRF")
    assert (payment.debtor_name, payment.debtor_iban) == ("Wolf Kessler", "DE89370400440532013000")
    assert (payment.debtor_agent_bic, payment.requested_execution_date) == ("COBADEFFXXX", date(2026, 2, 4))
    second = payment.transactions[1]
    assert (second.position, second.end_to_end_id, second.instruction_id, second.uetr) == (2, "E-2", "I-2", None)
    assert (second.amount_minor, second.currency) == (1025, "EUR")
    assert (second.creditor_name, second.creditor_iban) == ("Ada Quill", "GB29NWBK60161331926819")
    assert (second.creditor_agent_bic, second.purpose) == ("NWBKGB2LXXX", "GDDS")
    assert (second.remittance, second.unpayable) == ("Order 2 thanks", None)


def test_the_digest_is_of_the_bytes_that_came(pain001: Pain001) -> None:
    """Two files that mean the same but differ in one byte have different digests."""
    content = pain001()
    assert read_credit_transfer_file(content).sha256 != read_credit_transfer_file(content + b"\n").sha256


@pytest.mark.parametrize(
    ("stated", "reason", "code"),
    [
        ({"count": 3}, "COUNT_MISMATCH", "AM18"),
        ({"payment_count": 1}, "COUNT_MISMATCH", "AM18"),
        ({"total": "20.51"}, "CONTROL_SUM_MISMATCH", "AM10"),
        ({"payment_total": "20.49"}, "CONTROL_SUM_MISMATCH", "AM10"),
        ({"debtor_iban": "DE88370400440532013000"}, "IBAN_INVALID", "AC01"),
        ({"creditor_iban": "GB29NWBK60161331926818"}, "IBAN_INVALID", "AC01"),
        ({"currency": "EUX"}, "CURRENCY_NOT_SUPPORTED", "AM11"),
        ({"amount": "10.251"}, "AMOUNT_INVALID", "AM12"),
        ({"amount": "10.250"}, "AMOUNT_INVALID", "AM12"),
        ({"amount": "+10.25"}, "AMOUNT_INVALID", "AM12"),
        ({"amount": "-1"}, "SCHEMA_INVALID", "FF01"),
        ({"method": "CASH"}, "SCHEMA_INVALID", "FF01"),
        ({"day": "<Dt>2026-02-30</Dt>"}, "SCHEMA_INVALID", "FF01"),
        ({"day": "<Dt>12026-02-03</Dt>"}, "DATE_INVALID", "DT01"),
    ],
)
def test_a_file_that_is_wrong_is_refused_whole(
    pain001: Pain001, stated: dict[str, str], reason: str, code: str
) -> None:
    """Each kind of fault has its own reason and ISO code, and the refusal still names the message."""
    with pytest.raises(FileRefused) as caught:
        read_credit_transfer_file(pain001(**stated))
    refusal = caught.value
    assert (refusal.reason, refusal.reason_code) == (reason, code)
    assert (refusal.message_id, refusal.message_name) == ("OWN-EXAMPLE-1", "pain.001.001.09")
    assert len(refusal.sha256) == 32


def test_a_refusal_keeps_values_to_itself(pain001: Pain001) -> None:
    """A wrong value in the file, maybe personal, is not repeated in the text that is logged and kept."""
    with pytest.raises(FileRefused, match=r"line 11: Element 'BICFI': .* not accepted by the pattern") as caught:
        read_credit_transfer_file(pain001().replace(b"COBADEFFXXX", b"'Wolf Kessler' is not"))
    assert "Kessler" not in str(caught.value)


@pytest.mark.parametrize("name", ["pain.001.001.08", "pain.001.003.03", "camt.053.001.02"])
def test_another_message_is_refused_by_name(pain001: Pain001, name: str) -> None:
    """The answer names the message that is not supported."""
    with pytest.raises(FileRefused, match=name) as caught:
        read_credit_transfer_file(pain001().replace(b"pain.001.001.09", name.encode()))
    assert (caught.value.reason, caught.value.message_name) == ("MESSAGE_NOT_SUPPORTED", name)


@pytest.mark.parametrize("tag", ["Envelope", 'e:Request xmlns:e="urn:example:envelope"'])
def test_a_message_is_found_in_an_envelope(pain001: Pain001, tag: str) -> None:
    """A business application header (head.001) beside the message, and any envelope around both, are accepted."""
    header = '<AppHdr xmlns="urn:iso:std:iso:20022:tech:xsd:head.001.001.02"><BizMsgIdr>B</BizMsgIdr></AppHdr>'
    body = pain001().decode().partition("?>")[2]
    enveloped = f"<{tag}>{header}<Body>{body}</Body></{tag.split()[0]}>".encode()
    assert read_credit_transfer_file(enveloped).payments == read_credit_transfer_file(pain001()).payments


def test_two_messages_in_one_envelope_are_refused(pain001: Pain001) -> None:
    """It is never a guess which of two messages was meant."""
    body = pain001().decode().partition("?>")[2]
    with pytest.raises(FileRefused, match="2 ISO 20022 Document elements"):
        read_credit_transfer_file(f"<Envelope>{body}{body}</Envelope>".encode())


def test_a_repeated_end_to_end_id_is_accepted(pain001: Pain001) -> None:
    """The standard lets EndToEndId repeat; the position in the file tells such transactions apart."""
    file = read_credit_transfer_file(pain001().replace(b"E-2", b"E-1"))
    assert [(each.end_to_end_id, each.position) for each in file.payments[0].transactions] == [("E-1", 1), ("E-1", 2)]


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        (b"<PmtMtd>TRF", b"<PmtMtd>CHK", "AG03"),
        (b"<CdtrAcct><Id><IBAN>GB29NWBK60161331926819</IBAN></Id></CdtrAcct>", b"", "AC03"),
        (
            b'<InstdAmt Ccy="EUR">10.25</InstdAmt>',
            b'<EqvtAmt><Amt Ccy="EUR">10.25</Amt><CcyOfTrf>USD</CcyOfTrf></EqvtAmt>',
            "AM03",
        ),
    ],
)
def test_what_cannot_be_paid_is_marked_and_the_file_stands(
    pain001: Pain001, before: bytes, after: bytes, code: str
) -> None:
    """A transaction that the standard allows and this service does not execute is marked with an ISO reason."""
    file = read_credit_transfer_file(pain001().replace(before, after))
    assert [each.unpayable.code for each in file.payments[0].transactions if each.unpayable] == [code, code]


def test_a_zero_amount_is_marked(pain001: Pain001) -> None:
    """Nothing is no payment."""
    (payment,) = read_credit_transfer_file(pain001(amount="0.00")).payments
    assert payment.transactions[0].unpayable == StatusReason("AM01", "the amount is zero")


def test_an_account_without_iban_is_kept_as_it_is_named(pain001: Pain001) -> None:
    """An account may be identified by something other than an IBAN."""
    other = b"<Othr><Id>12345678</Id></Othr>"
    file = read_credit_transfer_file(pain001().replace(b"<IBAN>GB29NWBK60161331926819</IBAN>", other))
    transfer = file.payments[0].transactions[0]
    assert (transfer.creditor_account, transfer.creditor_iban) == (Account(other="12345678"), None)


def test_structured_remittance_is_carried_as_it_is(pain001: Pain001) -> None:
    """It is no free text: what is read of it is what stands there, by its path."""
    structured = b"<Strd><CdtrRefInf><Ref>RF18539007547034</Ref></CdtrRefInf></Strd>"
    content = pain001(transactions=1).replace(b"<Ustrd>Order 1</Ustrd><Ustrd>thanks</Ustrd>", structured)
    (transfer,) = read_credit_transfer_file(content).payments[0].transactions
    assert transfer.remittance is None
    assert ("RmtInf/Strd/CdtrRefInf/Ref", "RF18539007547034") in transfer.carried


def test_yen_have_no_decimals(pain001: Pain001) -> None:
    """The currency's own exponent makes the minor units."""
    file = read_credit_transfer_file(pain001(currency="JPY", amount="1500"))
    assert file.payments[0].transactions[0].amount_minor == 1500


def test_as_many_transactions_as_may_be_are_read_fast(pain001: Pain001) -> None:
    """Reading is one pass: 8,190 transactions take well under two seconds even on a busy machine."""
    content = pain001(transactions=MAX_TRANSACTIONS)
    started = time.process_time()
    file = read_credit_transfer_file(content)
    assert time.process_time() - started < 2
    assert file.payments[0].transactions[-1].position == MAX_TRANSACTIONS
