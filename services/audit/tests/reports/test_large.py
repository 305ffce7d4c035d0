"""D4: whose receipts and payments of a day meet a threshold, from what, and what nobody can decide."""

from __future__ import annotations

from datetime import date

import pytest
from ringfence_audit.reports.application.making import Making, Subject
from ringfence_audit.reports.domain.errors import ReportEmpty, ReportTooLarge
from ringfence_audit.reports.domain.report import Cell, Report
from ringfence_audit.reports.domain.thresholds import CNY, THRESHOLDS, USD

from .days import ADA, BEN, EUR, JPY, TENANT, UNDER, Days

DAY = (date(2026, 11, 27) - date(1970, 1, 1)).days
FIRM, NOBODY = bytes([9]) * 16, bytes([10]) * 16


@pytest.fixture
def days() -> Days:
    """Two people and a company, who have moved nothing yet."""
    made = Days()
    for party, kind in ((ADA, "PERSON"), (BEN, "PERSON"), (FIRM, "COMPANY")):
        made.party(party, kind)
    return made


def report(days: Days) -> Report:
    """The report of the day."""
    return Making(days, days.currencies).report(Subject.LARGE_TRANSACTIONS, TENANT, DAY, UNDER)


def rows(found: Report, name: str) -> list[dict[str, Cell]]:
    """The rows of a table by their columns."""
    (table,) = (each for each in found.tables if each.name == name)
    return [{column.name: cell for column, cell in zip(table.columns, row, strict=True)} for row in table.rows]


def candidates(days: Days) -> list[tuple[object, ...]]:
    """Who is to be reported: criterion, customer, direction, currency, amount, finding."""
    names = ("criterion", "customer", "direction", "currency", "amount", "finding")
    return [tuple(row[name].value for name in names) for row in rows(report(days), "candidates")]


@pytest.mark.parametrize(
    ("customer", "ledger", "minor", "criteria"),
    [
        (ADA, CNY, 50_000_000, ["0503", "0504"]),
        (ADA, CNY, 49_999_999, ["0504"]),
        (ADA, CNY, 20_000_000, ["0504"]),
        (ADA, CNY, 19_999_999, []),
        (ADA, USD, 10_000_000, ["0503", "0504"]),
        (ADA, USD, 1_000_000, ["0504"]),
        (ADA, USD, 999_999, []),
        (FIRM, CNY, 200_000_000, ["0502"]),
        (FIRM, CNY, 199_999_999, []),
        (FIRM, USD, 20_000_000, ["0502"]),
    ],
    ids=str,
)
def test_thresholds_are_inclusive(days: Days, customer: bytes, ledger: int, minor: int, criteria: list[str]) -> None:
    """Whoever comes to a threshold by a cent is a candidate, whoever is a cent below is none; by each criterion."""
    days.transfer(DAY, minor - 1, b"", customer, ledger=ledger)
    days.transfer(DAY, 1, b"", customer, ledger=ledger)
    days.transfer(DAY + 1, 10**12, b"", customer, ledger=ledger)
    found = candidates(days)
    assert [each[0] for each in found] == criteria
    assert {each[1:] for each in found} <= {(customer, "01", ledger, minor, "over")}
    made = report(days)
    assert [row["transactions_counted"].value for row in rows(made, "candidates")] == [2] * len(criteria)
    assert len(rows(made, "transactions")) == (2 if criteria else 0)
    assert rows(made, "undecided") == []


def test_receipts_and_payments_are_summed_apart(days: Days) -> None:
    """Half in and half out come to no threshold; what one pays is what another receives, and counts for both."""
    days.transfer(DAY, 25_000_000, b"", ADA, ledger=CNY)
    days.transfer(DAY, 25_000_000, ADA, BEN, ledger=CNY)
    found = candidates(days)
    assert {(each[0], each[1], each[2]) for each in found} == {
        ("0504", ADA, "01"), ("0504", ADA, "02"), ("0504", BEN, "01"),
    }  # fmt: skip


def test_what_moves_nothing_or_puts_right_is_not_counted(days: Days) -> None:
    """Reservations, releases, corrections, and what goes from one's own account to another."""
    days.transfer(DAY, 10**9, b"", ADA, ledger=CNY, flags=2)
    days.transfer(DAY, 10**9, b"", ADA, ledger=CNY, flags=8)
    for code in (14, 19, 20, 22):
        days.transfer(DAY, 10**9, b"", ADA, ledger=CNY, code=code)
    days.transfer(DAY, 10**9, ADA, ADA, ledger=CNY)
    assert candidates(days) == []
    days.transfer(DAY, 10**9, b"", ADA, ledger=CNY, flags=4)
    assert len(candidates(days)) == 2


def test_one_currency_over_takes_the_others_with_it(days: Days) -> None:
    """They are reported together; several that are all below are left to whoever has rates."""
    days.transfer(DAY, 50_000_000, b"", ADA, ledger=CNY)
    days.transfer(DAY, 100, b"", ADA, ledger=USD)
    assert [(each[0], each[3], each[5]) for each in candidates(days)] == [
        ("0503", CNY, "over"), ("0503", USD, "combined"), ("0504", CNY, "over"), ("0504", USD, "combined"),
    ]  # fmt: skip
    days.transfer(DAY, 100, b"", BEN, ledger=CNY)
    days.transfer(DAY, 100, b"", BEN, ledger=USD)
    undecided = rows(report(days), "undecided")
    assert [(row["currency"].value, row["finding"].value) for row in undecided] == [(CNY, "no_rate"), (USD, "no_rate")]


def test_what_cannot_be_decided_is_said(days: Days) -> None:
    """A currency without a threshold needs a rate; of a customer of whom nobody says what he is nothing is known."""
    days.transfer(DAY, 10**12, b"", ADA, ledger=EUR)
    days.transfer(DAY, 5, b"", BEN, ledger=EUR)
    days.transfer(DAY, 10**12, b"", NOBODY, ledger=CNY)
    found = report(days)
    assert rows(found, "candidates") == []
    told = [
        (row["currency"].value, row["customers"].value, row["largest"].value, row["finding"].value)
        for row in rows(found, "undecided")
    ]
    assert told == [(CNY, 1, 10**12, "no_party"), (EUR, 2, 10**12, "no_rate")]


def test_rules_are_cited_and_missing_fields_named(days: Days) -> None:
    """Each threshold says where it is written; what neither books nor log have is there by name, and why."""
    days.transfer(DAY, 1, b"", ADA, ledger=JPY)
    found = report(days)
    assert len(rows(found, "rules")) == len(THRESHOLDS) == 8
    assert all(str(row["citation"].value) for row in rows(found, "rules"))
    fields = {row["field"].value: row["held"] for row in rows(found, "fields")}
    assert {name for name, cell in fields.items() if cell.why == "not_kept_here"} >= {
        "RICD",
        "CTNM",
        "CFCT",
        "OCEC",
        "TRCD",
    }
    assert all(cell.value or cell.why for cell in fields.values())


def test_a_day_of_nothing_and_one_of_too_much_are_refused(days: Days, monkeypatch: pytest.MonkeyPatch) -> None:
    """By name, both."""
    with pytest.raises(ReportEmpty):
        report(days)
    monkeypatch.setattr("ringfence_audit.reports.application.making.MOST_FACTS", 1)
    days.transfer(DAY, 1, b"", ADA)
    report(days)
    days.transfer(DAY, 1, b"", ADA)
    with pytest.raises(ReportTooLarge):
        report(days)


def test_only_those_are_looked_up_whose_kind_decides(days: Days) -> None:
    """Whoever is below every threshold, or has one currency that has none, comes to the same whatever it is."""
    days.transfer(DAY, 19_999_999, b"", ADA, ledger=CNY)
    days.transfer(DAY, 10**12, b"", BEN, ledger=EUR)
    days.transfer(DAY, 1, b"", NOBODY, ledger=USD)
    found = report(days)
    assert days.looked_up == []
    assert rows(found, "candidates") == []
    (undecided,) = rows(found, "undecided")
    assert (undecided["currency"].value, undecided["finding"].value) == (EUR, "no_rate")
    days.transfer(DAY, 1, b"", ADA, ledger=CNY)
    days.transfer(DAY, 1, b"", NOBODY, ledger=CNY)
    found = report(days)
    assert days.looked_up == [ADA, NOBODY]
    told = [(row["currency"].value, row["finding"].value) for row in rows(found, "undecided")]
    assert told == [(CNY, "no_party"), (USD, "no_party"), (EUR, "no_rate")]
