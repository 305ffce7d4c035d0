"""Reports are made of leaves: every figure names those that it is from, and an empty one says why."""

import csv
import io
import json
from datetime import date

import pytest
from ringfence_audit.log.domain.leaf import decode
from ringfence_audit.reports.adapters.as_csv import as_csv
from ringfence_audit.reports.adapters.as_json import as_json
from ringfence_audit.reports.adapters.as_pdf import as_pdf
from ringfence_audit.reports.application.making import Making, Subject, month_of
from ringfence_audit.reports.domain.errors import ReportEmpty
from ringfence_audit.reports.domain.facts import DayKey
from ringfence_audit.reports.domain.report import Cell, Report
from ringfence_audit.reports.domain.words import _WORDS, Language

from .days import ADA, BEN, EUR, JPY, TENANT, UNDER, Days

FRIDAY = (date(2026, 11, 27) - date(1970, 1, 1)).days
MONDAY = FRIDAY + 3


def _key(day: int, ledger: int = EUR) -> DayKey:
    return DayKey(TENANT, ledger, "payment-services", day)


@pytest.fixture
def days() -> Days:
    """Friday is closed; Monday is cut, and its banks are silent."""
    made = Days()
    made.cut(_key(FRIDAY), (1_500, 400), (50, 0), own=30)
    made.compute(_key(FRIDAY), (1_100, 1_100), (50, 45))
    made.close(_key(FRIDAY))
    made.cut(_key(MONDAY), (2_100, 700), (50, 0))
    made.party(ADA, "PERSON")
    made.transfer(FRIDAY, 60_000_000, b"", ADA, ledger=156)
    made.transfer(FRIDAY, 5_000, ADA, BEN)
    return made


def _made(days: Days, subject: Subject, day: int) -> Report:
    return Making(days, days.currencies).report(subject, TENANT, day, UNDER)


def _row(report: Report, table: str, at: int = 0) -> dict[str, Cell]:
    (found,) = (each for each in report.tables if each.name == table)
    return {column.name: cell for column, cell in zip(found.columns, found.rows[at], strict=True)}


def test_daily_custody_tells_flows_of_the_day(days: Days) -> None:
    """Opening is the closing of the business day before, and money in and out are of this day alone."""
    row = _row(_made(days, Subject.DAILY_CUSTODY, MONDAY), "mirrors")
    assert [row[name].value for name in ("opening", "credits", "debits", "closing")] == [1_100, 600, 300, 1_400]
    assert (row["bank_balance"].value, row["bank_balance"].why) == (None, "bank_silent")


def test_the_first_day_says_that_there_is_none_before(days: Days) -> None:
    """Its opening is nothing, and why."""
    report = _made(days, Subject.DAILY_CUSTODY, FRIDAY)
    row, second = _row(report, "mirrors"), _row(report, "mirrors", 1)
    assert (row["opening"].value, row["opening"].why, row["closing"].value) == (0, "first_day", 1_100)
    assert [second[name].value for name in ("bank_balance", "difference")] == [45, -5]
    sums = _row(report, "sums")
    assert [sums[name].value for name in ("clients", "holds", "unidentified", "own_funds")] == [1_000, 40, 5, 30]


def test_every_figure_is_in_the_leaves_that_it_names(days: Days) -> None:
    """Each number of a cell stands in its leaf, or is the difference of two there; what there is none of has none."""
    days.bank(FRIDAY - 9)
    days.letter(FRIDAY - 7, FRIDAY - 2)
    days.appoint("KEY_PERSON", "SAFEGUARDING_OFFICER", FRIDAY - 300)
    days.step(days.detect(1, FRIDAY), "CLASSIFIED")
    for subject in Subject:
        report = _made(days, subject, FRIDAY)
        assert set(report.leaves()) <= set(range(len(days.leaves)))
        for table in report.tables:
            for row in table.rows:
                for cell, column in zip(row, table.columns, strict=True):
                    named = cell.leaves or cell.why or cell.value == 0 or column.name in ("method", "part")
                    named = named or table.name in ("rules", "fields")
                    assert named, (table.name, column.name)
                    if isinstance(cell.value, int) and len(cell.leaves) == 1 and not cell.why:
                        _, fields = decode(days.leaves[cell.leaves[0]])
                        numbers = {value for value in fields.values() if isinstance(value, int)}
                        sums = {fields.get("debits_minor", 0) - fields.get("credits_minor", 0)}  # type: ignore[operator]
                        assert cell.value in numbers | sums | {0, 1}, (table.name, column.name)


def test_reconciliation_names_who_and_what(days: Days) -> None:
    """Components, three comparisons with a finding each, preparer and reviewer."""
    report = _made(days, Subject.RECONCILIATION, FRIDAY)
    row = _row(report, "computation")
    assert [row[name].value for name in ("requirement", "funds", "resource")] == [1_005, 1_005, 1_005]
    findings = [_row(report, "comparisons", at)["finding"].value for at in range(3)]
    assert findings == ["even", "even", "different"]
    work = _row(report, "work")
    assert [work[name].value for name in ("status", "preparer", "reviewer")] == ["signed", ADA, BEN]


def test_a_reopened_day_shows_its_newest_version(days: Days) -> None:
    """What people said of the version before does not count for it, and the reopening is listed."""
    days.state(
        "SafeguardingReopened.v1", _key(FRIDAY), version=2, reopened_ns=5, reason="late news", principal=bytes(16)
    )
    days.compute(_key(FRIDAY), (1_100, 1_100), (50, 50), version=2)
    report = _made(days, Subject.RECONCILIATION, FRIDAY)
    assert (_row(report, "computation")["version"].value, _row(report, "work")["status"].value) == (2, "computed")
    assert _row(report, "work")["preparer"].why == "not_prepared"
    action = _row(report, "actions")
    assert (action["action"].value, action["by"].why, action["text"].value) == ("reopened", "by_itself", "late news")


def test_a_text_that_is_not_kept_any_more_is_no_empty_one(days: Days) -> None:
    """The cell says why there is nothing, where the leaf commits to a text; nothing else of the report changes."""
    days.state(
        "SafeguardingReopened.v1", _key(FRIDAY), version=2, reopened_ns=5, reason="late news", principal=bytes(16)
    )
    before = _row(_made(days, Subject.RECONCILIATION, FRIDAY), "actions")
    days.kept = {index: {} for index in days.kept}
    after = _row(_made(days, Subject.RECONCILIATION, FRIDAY), "actions")
    assert (before["text"].value, after["text"].value, after["text"].why) == ("late news", None, "removed")
    assert {**before, "text": None} == {**after, "text": None}


def test_the_month_counts_its_days(days: Days) -> None:
    """Business days, performed and missed ones, discrepancies and amounts."""
    days.state(
        "SafeguardingMissed.v1",
        _key(MONDAY),
        pool="payment-services",
        ledger=EUR,
        day=MONDAY,
        missed_ns=6,
        status=1,
        draft="not completed",
    )
    report = _made(days, Subject.MONTHLY_SAFEGUARDING, FRIDAY)
    row = _row(report, "summary")
    counts = [row[name].value for name in ("business_days", "performed", "missed", "discrepancies")]
    assert counts == [2, 1, 1, 1]
    assert (row["lowest"].value, row["at_the_end"].why, row["auditor"].why) == (1_005, "not_computed", "not_kept_here")
    assert (report.first_day, report.last_day) == month_of(MONDAY)


def test_months_have_their_days() -> None:
    """The month of its first and last day, of a leap February too."""
    first, last = month_of((date(2028, 2, 29) - date(1970, 1, 1)).days)
    assert last - first == 28
    assert month_of(first) == month_of(last) == (first, last)


def test_nothing_is_no_report(days: Days) -> None:
    """A day without facts is refused by name."""
    with pytest.raises(ReportEmpty):
        _made(days, Subject.DAILY_CUSTODY, FRIDAY - 30)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("subject", Subject)
def test_a_report_is_the_same_bytes_again(days: Days, subject: Subject, language: Language) -> None:
    """In every form and language; another language is another file."""
    first, second = _made(days, subject, FRIDAY), _made(days, subject, FRIDAY)
    for write in (as_csv, as_pdf):
        assert write(first, language) == write(second, language)
        assert write(first, Language.ENGLISH) != write(first, Language.CHINESE)
    assert as_json(first) == as_json(second)
    assert as_pdf(first, language).startswith(b"%PDF-")


def test_csv_is_read_by_spreadsheets(days: Days) -> None:
    """Amounts in decimals of their currency, leaves in the last column, no formula, Chinese by a byte order mark."""
    days.cut(_key(FRIDAY, JPY), (1_250, 0))
    content = as_csv(_made(days, Subject.DAILY_CUSTODY, FRIDAY), Language.CHINESE)
    assert content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    assert ["平台", "00010203-0405-0607-0809-0a0b0c0d0e0f"] in rows
    yen = [row for row in rows if row and row[0] == "JPY"]
    assert [row[10] for row in yen if len(row) > 12] == ["1250"]
    euro = [row for row in rows if row and row[0] == "EUR" and len(row) > 12]
    assert euro[0][10] == "11.00"
    assert euro[0][-1].split()


def test_a_text_is_no_formula(days: Days) -> None:
    """What people wrote is shown by a spreadsheet and never run."""
    days.state(
        "SafeguardingReopened.v1", _key(FRIDAY), version=2, reopened_ns=5, reason='=HYPERLINK("x")', principal=ADA
    )
    content = as_csv(_made(days, Subject.RECONCILIATION, FRIDAY), Language.ENGLISH).decode()
    assert "'=HYPERLINK" in content


def test_data_keep_minor_units_and_reasons(days: Days) -> None:
    """JSON has every cell with its leaves."""
    content = json.loads(as_json(_made(days, Subject.DAILY_CUSTODY, MONDAY)))
    (row,) = content["tables"][0]["rows"][:1]
    assert row[10] == {"value": 1_400, "leaves": row[10]["leaves"]}
    assert row[11] == {"value": None, "leaves": [], "why": "bank_silent"}


def test_every_word_stands_in_both_languages() -> None:
    """No heading is empty, and Chinese has Chinese."""
    for english, chinese in _WORDS.values():
        assert english
        assert any(ord(each) > 0x2E80 for each in chinese)
