"""D6 and D11: every fact of a day with who acted; rules that were not met in a month, and who read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from hashlib import sha256

import pytest
from ringfence_audit.reports.adapters.as_csv import as_csv
from ringfence_audit.reports.adapters.as_json import as_json
from ringfence_audit.reports.adapters.as_pdf import as_pdf
from ringfence_audit.reports.application.making import DAY_NS, Making, Subject
from ringfence_audit.reports.domain.errors import ReportEmpty, ReportTooLarge
from ringfence_audit.reports.domain.facts import DayKey
from ringfence_audit.reports.domain.report import Cell
from ringfence_audit.reports.domain.words import Language

from .days import ADA, BEN, EUR, TENANT, UNDER, Days

DAY = (date(2026, 11, 27) - date(1970, 1, 1)).days
FIRST_DAY = (date(2026, 11, 1) - date(1970, 1, 1)).days
NOON = DAY * 86_400 * 10**9 + 43_200 * 10**9
OTHER = bytes([99]) * 16


def rows(days: Days, subject: Subject, name: str) -> list[dict[str, Cell]]:
    """The rows of a report's table by their columns."""
    found = Making(days, days.currencies).report(subject, TENANT, DAY, UNDER)
    (table,) = (each for each in found.tables if each.name == name)
    return [{column.name: cell for column, cell in zip(table.columns, row, strict=True)} for row in table.rows]


def test_an_export_has_every_fact_of_the_day_and_no_other() -> None:
    """In order of the log, of this platform and day alone, each by the hash that the tree has of it."""
    days = Days()
    for day in (DAY - 1, DAY, DAY, DAY + 1):
        days.transfer(day, 5, ADA, BEN)
    days.transfer(DAY, 5, ADA, BEN, tenant_id=OTHER)
    days.say("custody.transfer_expired.v1", tenant_id=TENANT, transfer_id=ADA, time_ns=DAY * 86_400 * 10**9)
    found = rows(days, Subject.AUDIT_EXPORT, "facts")
    assert [row["leaf"].value for row in found] == ["1", "2", "5"]
    assert [row["payload_hash"].value for row in found] == [
        sha256(b"\0" + days.leaves[at]).digest() for at in (1, 2, 5)
    ]
    assert [row["event"].value for row in found] == ["transfer.v1", "transfer.v1", "transfer_expired.v1"]


def test_an_export_says_who_acted_and_what_is_not_known() -> None:
    """The role is identity's, the device the certificate that a fact names; what nobody keeps is named missing."""
    days = Days()
    registered = days.say("identity.principal_registered.v1", principal_id=ADA, kind="OPERATOR", time_ns=1)
    acted = {"tenant_id": TENANT, "time_ns": NOON, "position": 7, "ordinal": 0, "source": "custody"}
    days.say("custody.proposal_confirmed.v1", principal_id=ADA, certificate_sha256=bytes(range(32)), **acted)
    days.say("payment-instruction.step.v1", instruction_id=BEN, submission_id=OTHER, actor_id=BEN, **acted)
    first, second = rows(days, Subject.AUDIT_EXPORT, "facts")
    assert (first["actor"].value, first["role"].value, first["role"].leaves) == (ADA, "OPERATOR", (registered,))
    assert first["device"].value == bytes(range(32))
    assert (second["actor"].value, second["role"].value, second["role"].why) == (BEN, None, "not_kept_here")
    assert [second[name].value for name in ("sequence", "aggregate", "correlation")] == ["7", BEN, OTHER]
    assert {second[name].why for name in ("device", "causation")} == {"not_kept_here"}
    assert [second[name].why for name in ("previous_hash", "proof")] == ["in_page", "by_receipt"]


@pytest.fixture
def month() -> Days:
    """A day that was short and then made good, one that differs from the bank, and reads."""
    days, short, uneven = Days(), DayKey(TENANT, EUR, "payment-services", DAY), DayKey(TENANT, EUR, "e-money", DAY - 1)
    days.cut(short, (1_100, 0))
    days.compute(short, (1_100, 1_100), internal=-20)
    told = {"notified_ns": 6, "principal": ADA, "document_sha256": bytes(32), "reference": "F-1"}
    days.state("SafeguardingNotified.v1", short, version=1, **told)
    days.compute(short, (1_100, 1_100), version=2)
    days.cut(uneven, (500, 0))
    days.compute(uneven, (500, 470))
    for time_ns, tenant in ((NOON, TENANT), (NOON, OTHER), (1, TENANT)):
        asked = {"method": "Search", "query_tenant_id": tenant, "grant_id": ADA}
        days.say("audit.read.v1", reader_id=BEN, time_ns=time_ns, **asked)
    return days


def test_the_register_tells_breaches_and_what_was_done(month: Days) -> None:
    """Which rule, how much, when it was made good and the regulator told; what is open says so."""
    short, uneven = rows(month, Subject.REGISTER, "breaches")
    assert [short[name].value for name in ("rule", "breach", "amount", "remediation")] == [
        "CASS 15.8.50R", "shortfall", 20, "resolved",
    ]  # fmt: skip
    assert (short["told"].value, short["text"].value) == (6, "F-1")
    assert (uneven["rule"].value, uneven["amount"].value) == ("CASS 15.8.42R", 30)
    assert (uneven["remediation"].why, uneven["told"].why) == ("still_open", "not_told")


def test_the_register_tells_reads_of_the_month(month: Days) -> None:
    """Those that name the platform, in the month; another platform's are not among them."""
    (read,) = rows(month, Subject.REGISTER, "reads")
    told = [read[name].value for name in ("reader", "method", "about", "grant")]
    assert told == [BEN, "Search", TENANT, ADA]


def test_a_missed_day_is_a_breach(month: Days) -> None:
    """It is remedied once it is signed."""
    key = DayKey(TENANT, EUR, "payment-services", DAY)
    fund = {"pool": key.pool, "ledger": EUR, "day": DAY}
    month.state("SafeguardingMissed.v1", key, **fund, missed_ns=9, status=1, draft="not completed")
    missed = next(row for row in rows(month, Subject.REGISTER, "breaches") if row["breach"].value == "missed")
    assert (missed["rule"].value, missed["amount"].why, missed["remediation"].why) == (
        "CASS 15.8.10R", "no_amount", "still_open",
    )  # fmt: skip
    month.close(key, version=2)
    missed = next(row for row in rows(month, Subject.REGISTER, "breaches") if row["breach"].value == "missed")
    assert (missed["remediation"].value, missed["remedied"].value) == ("signed", 4)


@pytest.mark.parametrize("subject", [Subject.AUDIT_EXPORT, Subject.REGISTER])
def test_nothing_is_no_export_and_no_register(subject: Subject) -> None:
    """A time without facts is refused by name."""
    with pytest.raises(ReportEmpty):
        Making(Days(), lambda tenant: [EUR]).report(subject, TENANT, DAY, UNDER)


def test_the_register_holds_no_more_than_it_shows(month: Days, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reads of other months are passed over one by one, and too many of the month are refused as soon as that shows."""
    taken = [0]

    def between(key: bytes, from_ns: int, until_ns: int, until_leaf: int) -> Iterator[tuple[int, bytes]]:
        assert (from_ns, until_ns) == (FIRST_DAY * DAY_NS, (FIRST_DAY + 30) * DAY_NS)
        for each in month.about(key, until_leaf):
            taken[0] += 1
            yield each

    monkeypatch.setattr(month, "about_between", between)
    monkeypatch.setattr("ringfence_audit.reports.application.making.MOST_FACTS", 3)
    for number in range(2):
        month.say("audit.read.v1", reader_id=BEN, time_ns=NOON + number, method="Search", query_tenant_id=TENANT)
    assert len(rows(month, Subject.REGISTER, "reads")) == 3
    before = taken[0]
    for _ in range(9):
        month.say("audit.read.v1", reader_id=BEN, time_ns=NOON, method="Search", query_tenant_id=TENANT)
    taken[0] = 0
    with pytest.raises(ReportTooLarge):
        rows(month, Subject.REGISTER, "reads")
    assert taken[0] == before + 1


def test_an_export_tells_facts_in_sentences_without_clients_texts() -> None:
    """In both languages and every format: who acted is named as far as that is kept, a payment only by its id."""
    days = Days()
    registered = days.say("identity.principal_registered.v1", principal_id=ADA, name_commitment=bytes(32), time_ns=1)
    days.kept[registered] = {"name": "second hand"}
    acted = {"tenant_id": TENANT, "time_ns": NOON, "position": 7, "ordinal": 0, "source": "payment-instruction"}
    order = {"instruction_id": BEN, "debtor_account_id": ADA, "amount_minor": 1850, "ledger": EUR}
    ordered = days.say("payment-instruction.instruction.v1", **order, end_to_end_id_commitment=bytes(32), **acted)
    days.kept[ordered] = {"end_to_end_id": "for Anna Novak"}
    days.say("payment-instruction.directive.v1", instruction_id=BEN, directive="APPROVE", actor_id=ADA, **acted)
    found = Making(days, days.currencies).report(Subject.AUDIT_EXPORT, TENANT, DAY, UNDER)
    english = as_csv(found, Language.ENGLISH).decode()
    assert "payment 0808…0808 was approved by second hand" in english
    assert "18.50 EUR" in english
    assert "付款 0808…0808 " in as_csv(found, Language.CHINESE).decode()
    told = json.loads(as_json(found))["tables"][0]["rows"][1][6]["value"]
    assert told["en"] == "payment 0808…0808 was approved by second hand"
    assert "second hand" in told["zh"]
    assert all("Novak" not in each for each in (english, as_json(found).decode()))
    assert as_pdf(found, Language.CHINESE).startswith(b"%PDF")
