"""The real messages of ../shared/data: verdicts as their EXPECTED.csv says, and nothing that breaks a reader."""

import csv
from collections.abc import Callable
from pathlib import Path

from lxml import etree
from ringfence_payment_instruction.iso20022.bank_files import tells_of_account
from ringfence_payment_instruction.iso20022.messages import CreditTransferFile, StatusReport
from ringfence_payment_instruction.iso20022.pacs002 import read_payment_status_report
from ringfence_payment_instruction.iso20022.pain001 import read_credit_transfer_file
from ringfence_payment_instruction.iso20022.pain002 import write_status_report
from ringfence_payment_instruction.iso20022.refusal import FileRefused
from ringfence_payment_instruction.statements.adapters.camt import read_camt

ErrorOf = Callable[[bytes], str | None]
SUPPORTED = ("pain.001.001.03", "pain.001.001.09")
CREATED_NS = 1_770_000_000_000_000_000


def _rows(data: Path) -> list[dict[str, str]]:
    with (data / "EXPECTED.csv").open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if (data / row["file"]).exists()]


def _read(content: bytes) -> tuple[CreditTransferFile | FileRefused, bytes]:
    """Returns what a reader makes of a file, and the answer to it."""
    try:
        file = read_credit_transfer_file(content)
    except FileRefused as refusal:
        return refusal, write_status_report(StatusReport.of_refusal(refusal, "ANSWER", CREATED_NS))
    statuses = [("ACTC", ())] * file.number_of_transactions
    return file, write_status_report(StatusReport.of_file(file, "ANSWER", CREATED_NS, statuses))


def test_customers_files_have_the_expected_verdict(data: Path) -> None:
    """A pain.001 of a supported version is accepted exactly when schema, totals and IBANs are right."""
    rows = [row for row in _rows(data) if row["message"] in SUPPORTED]
    expected = {
        row["file"]: row["xsd_valid"] == "yes" and row["totals_ok"] == "yes" and row["ibans_bad"] == "0" for row in rows
    }
    seen = {row["file"]: isinstance(_read((data / row["file"]).read_bytes())[0], CreditTransferFile) for row in rows}
    assert seen == expected
    assert set(seen.values()) == {True, False}


def test_what_is_read_agrees_with_the_counts(data: Path) -> None:
    """Accepted files have the message id, count and sum that were counted independently."""
    for row in _rows(data):
        result, _ = _read((data / row["file"]).read_bytes())
        if isinstance(result, CreditTransferFile):
            transfers = [transfer for payment in result.payments for transfer in payment.transactions]
            total = sum(transfer.amount_minor for transfer in transfers)
            assert (result.message_id, len(transfers)) == (row["msg_id"], int(row["tx_counted"]))
            assert total == round(float(row["sum_counted"]) * 100)


def test_other_versions_are_refused_by_name(data: Path) -> None:
    """A pain.001 of another version, national ones included, is refused with the name it has."""
    others = [row for row in _rows(data) if row["message"].startswith("pain.001") and row["message"] not in SUPPORTED]
    for row in others:
        result, answer = _read((data / row["file"]).read_bytes())
        assert isinstance(result, FileRefused)
        assert result.message_name == row["message"]
        assert etree.fromstring(answer).findtext(".//{*}OrgnlMsgNmId") == row["message"]
    assert len(others) > 5


def test_every_answer_is_valid(data: Path, error_of: ErrorOf) -> None:
    """Whatever file comes in, of any kind, the pain.002 that answers it is valid by its XSD."""
    files = sorted(path for path in data.rglob("*") if path.is_file())
    assert len(files) > 100
    for path in files:
        _, answer = _read(path.read_bytes())
        assert error_of(answer) is None, path


def test_evidence_that_is_valid_is_read(data: Path) -> None:
    """Every notification, and every status report that states a status, is read; other files are refused."""
    read = set()
    for row in _rows(data):
        content = (data / row["file"]).read_bytes()
        try:
            (read_camt if tells_of_account(content) else read_payment_status_report)(content)
            read.add(row["file"])
        except FileRefused:
            assert not (row["message"].startswith("camt.054") and row["xsd_valid"] == "yes"), row["file"]
    assert len(read) > 15
