"""The real files of ../shared/data: verdicts and totals as EXPECTED.csv says, counted another way than we read."""

import csv
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from lxml import etree
from ringfence_payment_instruction.iso20022.refusal import FileRefused
from ringfence_payment_instruction.statements.adapters.files import read_statement_file
from ringfence_payment_instruction.statements.domain.statement import Kind, Statement, StatementFile

# Fragments that say no account or no currency, and what is wrong in them.
REFUSED_MT = {
    "betterplace/amount_formats.sta": "STRUCTURE_INVALID",
    "betterplace/currency_in_25.sta": "STRUCTURE_INVALID",
    "betterplace/empty_86.sta": "STRUCTURE_INVALID",
    "betterplace/empty_entry_date.sta": "STRUCTURE_INVALID",
    "betterplace/empty_line.sta": "STRUCTURE_INVALID",
    "betterplace/missing_crlf_at_end.sta": "STRUCTURE_INVALID",
    "betterplace/sepa_snippet_broken.sta": "STRUCTURE_INVALID",  # field 25 twice
    "self-provided/empty_non_swift.sta": "STRUCTURE_INVALID",
    "self-provided/invalid_statement.sta": "NOT_WELL_FORMED",
    "self-provided/raphaelm.sta": "CURRENCY_NOT_SUPPORTED",  # marks of 2002
    "self-provided/sparkassen.sta": "STRUCTURE_INVALID",
}
REFUSED_CAMT = {
    "camt-genkgo/camt052.v1.xml": "MESSAGE_NOT_SUPPORTED",
    "camt-genkgo/camt053.v2.wrong.xml": "STRUCTURE_INVALID",  # of no account: no Stmt, which the schema asks for
}


def _rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "EXPECTED.csv").open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if (folder / row["file"]).exists()]


def _read(path: Path) -> StatementFile | str:
    try:
        return read_statement_file(path.read_bytes())
    except FileRefused as refusal:
        return refusal.reason


def _is_camt(row: dict[str, str]) -> bool:
    return row["message"][:8] in ("camt.052", "camt.053", "camt.054")


def _counted(document: etree._Element) -> Iterator[tuple[int, Decimal]]:
    """Yields the entries and the signed sum of what is booked, of every telling, by XPath alone."""
    for telling in document.iter("{*}Stmt", "{*}Rpt", "{*}Ntfctn"):
        entries = list(telling.iterchildren("{*}Ntry"))
        total = Decimal(0)
        for entry in entries:
            status = (entry.findtext("{*}Sts") or "").strip() or entry.findtext("{*}Sts/{*}Cd")
            if status == "BOOK":
                sign = 1 if entry.findtext("{*}CdtDbtInd") == "CRDT" else -1
                total += sign * Decimal(entry.findtext("{*}Amt") or "")
        yield len(entries), total


def _balanced(statement: Statement) -> str:
    opening, closing = statement.heading.opening, statement.heading.closing
    if opening is None or closing is None:
        return ""
    return "yes" if opening.amount_minor + statement.moved_minor == closing.amount_minor else "no"


def test_every_camt_message_is_read_or_refused_by_name(data: Path) -> None:
    """Each version from .02 on is read if it tells of an account; the first version is refused."""
    rows = [row for row in _rows(data / "iso20022") if _is_camt(row)]
    found = {row["file"]: _read(data / "iso20022" / row["file"]) for row in rows}
    assert {file: read for file, read in found.items() if isinstance(read, str)} == REFUSED_CAMT
    assert len(rows) > 40


def test_camt_totals_are_those_of_the_file(data: Path) -> None:
    """Entries and sums of every telling are what XPath counts, and balances hold where the verdict says so."""
    tellings = 0
    for row in _rows(data / "iso20022"):
        read = _read(data / "iso20022" / row["file"]) if _is_camt(row) else ""
        if isinstance(read, str):
            continue
        document = etree.parse(data / "iso20022" / row["file"]).getroot()
        seen = [(len(each.entries), Decimal(each.moved_minor) / 100) for each in read.statements]
        assert seen == list(_counted(document)), row["file"]
        balanced = [_balanced(each) for each in read.statements]
        assert row["stmt_balance_ok"] in ("|".join(balanced), "|".join(filter(None, balanced))), row["file"]
        tellings += len(read.statements)
    assert tellings > 55


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_is_among_them(data: Path, kind: Kind) -> None:
    """Statements, reports and notifications are told apart."""
    files = [_read(data / "iso20022" / row["file"]) for row in _rows(data / "iso20022") if _is_camt(row)]
    assert any(each.heading.kind is kind for read in files if not isinstance(read, str) for each in read.statements)


def test_mt_files_have_the_expected_totals(data: Path) -> None:
    """Statements, entries, sums and balances are as expected; of two returned credits each takes money away."""
    refused = {}
    for row in _rows(data / "statements"):
        read = _read(data / "statements" / row["file"])
        if isinstance(read, str):
            refused[row["file"].removeprefix("mt940/")] = read
            continue
        entries = sum(len(each.entries) for each in read.statements)
        moved = sum(each.moved_minor for each in read.statements)
        expected = (int(row["statements"]), int(row["entries"]), Decimal(row["entry_sum"]))
        assert (len(read.statements), entries, Decimal(moved) / 100) == expected, row["file"]
        if len(read.statements) == 1:
            assert _balanced(read.statements[0]) == row["balance_ok"], row["file"]
    assert refused == REFUSED_MT


def test_every_statement_of_a_correct_file_balances(data: Path) -> None:
    """Opening, entries with their signs, and closing agree in all 26 statements of one bank's file."""
    read = _read(data / "statements" / "mt940/betterplace/sepa_mt9401.sta")
    assert not isinstance(read, str)
    assert {_balanced(each) for each in read.statements} == {"yes"}
