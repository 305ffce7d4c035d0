"""Reports tell banks, letters, people and breaks as the registers and the reconciliation had them by a day."""

from typing import Any

import pytest
from ringfence_audit.reports.application.making import Making, Subject
from ringfence_audit.reports.domain.errors import ReportEmpty
from ringfence_audit.reports.domain.report import Report
from ringfence_audit.reports.domain.words import _WORDS
from ringfence_protos.custody.v1 import reconciliation_pb2

from .days import ADA, BANK, LETTER, MIRRORS, TENANT, UNDER, Days
from .test_reports import FRIDAY, MONDAY, _key, _made, _row


@pytest.fixture
def days() -> Days:
    """Friday is cut: one of its two mirrors has a letter, sent a week and countersigned two days before."""
    made = Days()
    made.bank(FRIDAY - 9)
    made.letter(FRIDAY - 7, FRIDAY - 2)
    made.cut(_key(FRIDAY), (1_500, 400), (50, 0))
    return made


def _rows(report: Report, table: str) -> int:
    return next(len(each.rows) for each in report.tables if each.name == table)


def test_a_mirror_has_the_bank_of_its_letter(days: Days) -> None:
    """By the register; a mirror without a letter says so."""
    report = _made(days, Subject.DAILY_CUSTODY, FRIDAY)
    first, second = (_row(report, "mirrors", at) for at in (0, 1))
    names = ("bic", "bank_name", "letter_status")
    assert [first[name].value for name in names] == ["ERSTATWWXXX", "Erste Bank", "countersigned"]
    assert [second[name].why for name in names] == ["no_letter"] * 3


@pytest.mark.parametrize(
    ("day", "status"), [(FRIDAY - 8, ""), (FRIDAY - 7, "sent"), (FRIDAY - 3, "sent"), (FRIDAY - 2, "countersigned")]
)
def test_a_letter_stands_as_it_did_by_the_day(days: Days, day: int, status: str) -> None:
    """What was done later is not told of a day before it."""
    days.cut(_key(day), (1, 0))
    letter = _row(_made(days, Subject.DAILY_CUSTODY, day), "mirrors")["letter_status"]
    assert (letter.value or "") == status


def test_a_letter_in_force_goes_before_a_newer_one_that_is_not(days: Days) -> None:
    """The successor counts when the bank has signed it; ended and overdue letters say so."""
    newer = bytes([62]) * 16
    days.letter(FRIDAY, letter=newer)
    assert _row(_made(days, Subject.DAILY_CUSTODY, FRIDAY), "mirrors")["letter_status"].value == "countersigned"
    days.add("LetterReviewFellDue.v1", LETTER, letter=LETTER, tenant=TENANT, day=FRIDAY)
    assert _row(_made(days, Subject.DAILY_CUSTODY, FRIDAY), "mirrors")["letter_status"].value == "review_due"
    ended = {"letter": LETTER, "tenant": TENANT, "day": FRIDAY, "reason": "closed", "proposer": ADA, "confirmer": ADA}
    days.add("LetterEnded.v1", LETTER, **ended)
    assert _row(_made(days, Subject.DAILY_CUSTODY, FRIDAY), "mirrors")["letter_status"].value == "sent"


def test_an_exemption_stands_in_a_letters_place(days: Days) -> None:
    """It has no template and no countersignature, and says that it needs none."""
    days.add(
        "MirrorExempted.v1",
        bytes([63]) * 16,
        letter=bytes([63]) * 16,
        tenant=TENANT,
        account=MIRRORS[1],
        bank=BANK,
        reason="central bank",
        day=FRIDAY,
        document_sha256=bytes([5]) * 32,
        review_day=FRIDAY + 300,
        proposer=ADA,
        confirmer=ADA,
    )
    row = _row(_made(days, Subject.RESOLUTION_PACK, FRIDAY), "letters", 1)
    assert (row["status"].value, row["review"].value) == ("exempt", FRIDAY + 300)
    assert [row[name].why for name in ("template", "countersigned_on")] == ["needs_no_letter"] * 2


def test_a_bank_is_told_by_the_due_diligence_of_the_day(days: Days) -> None:
    """A renewal of next week is not that of today; the month has banks and letters too."""
    days.bank(FRIDAY + 4, "Erste Bank plc")
    for subject in (Subject.MONTHLY_SAFEGUARDING, Subject.RESOLUTION_PACK):
        report = _made(days, subject, FRIDAY)
        row, letter = _row(report, "banks"), _row(report, "letters")
        later = subject is Subject.MONTHLY_SAFEGUARDING and report.last_day >= FRIDAY + 4
        assert row["bank_name"].value == ("Erste Bank plc" if later else "Erste Bank")
        assert (letter["bic"].value, letter["mirror"].value, letter["from"].value) == (
            "ERSTATWWXXX",
            MIRRORS[0],
            FRIDAY - 7,
        )


def test_the_pack_names_who_acts_on_its_day(days: Days) -> None:
    """People of the platform and of all; those of another platform, of another time and the dismissed are not there."""
    days.appoint("AGENT", "DISTRIBUTOR", FRIDAY, tenant=TENANT)
    days.appoint("KEY_PERSON", "SAFEGUARDING_OFFICER", FRIDAY - 300)
    days.appoint("KEY_PERSON", "TOO_LATE", FRIDAY + 1)
    days.appoint("KEY_PERSON", "TOO_EARLY", FRIDAY - 30, FRIDAY - 1)
    days.appoint("AGENT", "ANOTHERS", FRIDAY, tenant=bytes([9]) * 16)
    dismissed = days.appoint("KEY_PERSON", "DISMISSED", FRIDAY - 30)
    ended = {"until_day": FRIDAY - 1, "reason": "left", "proposer": ADA, "confirmer": ADA}
    days.add("AppointmentEnded.v1", dismissed, appointment=dismissed, tenant=b"", **ended)
    report = _made(days, Subject.RESOLUTION_PACK, FRIDAY)
    assert (_rows(report, "agents"), _rows(report, "key_people")) == (1, 1)
    assert _row(report, "agents")["role"].value == "DISTRIBUTOR"
    officer = _row(report, "key_people")
    assert (officer["role"].value, officer["until"].why) == ("SAFEGUARDING_OFFICER", "open_ended")


def test_the_pack_has_newest_balances_and_the_last_closed_day(days: Days) -> None:
    """Monday is computed and nobody has signed it: balances are Monday's, the reconciliation is Friday's."""
    days.compute(_key(FRIDAY), (1_100, 1_100), (50, 50))
    days.close(_key(FRIDAY))
    days.cut(_key(MONDAY), (2_100, 700), (50, 0), clients=1_300)
    days.compute(_key(MONDAY), (1_400, 1_400), (50, 50))
    report = _made(days, Subject.RESOLUTION_PACK, MONDAY + 1)
    balances, latest = _row(report, "balances"), _row(report, "latest")
    assert [balances[name].value for name in ("day", "clients", "unidentified", "holds")] == [MONDAY, 1_300, 5, 40]
    assert [latest[name].value for name in ("day", "status", "requirement")] == [FRIDAY, "signed", 1_005]


def test_the_index_counts_every_part(days: Days) -> None:
    """What neither books nor registers have stands there, and why it is empty."""
    report = _made(days, Subject.RESOLUTION_PACK, FRIDAY)
    parts = {row[0].value: row for row in report.tables[0].rows}
    assert {name: row[1].value for name, row in parts.items()} == {
        "banks": 1,
        "letters": 1,
        "agents": 0,
        "key_people": 0,
        "balances": 1,
        "latest": 1,
        "policies": None,
        "agreements": None,
    }
    assert [parts[name][2].value for name in ("banks", "letters", "latest")] == [1, 1, 0]
    assert parts["policies"][1].why == "not_kept_here"


def test_a_pack_of_registers_alone_is_one() -> None:
    """Before any day was cut there are banks and letters; with nothing at all there is no pack."""
    made = Days()
    with pytest.raises(ReportEmpty):
        _made(made, Subject.RESOLUTION_PACK, FRIDAY)
    made.bank(FRIDAY)
    made.letter(FRIDAY)
    assert _rows(_made(made, Subject.RESOLUTION_PACK, FRIDAY), "letters") == 1


def test_breaks_of_a_day_are_listed_as_they_stood(days: Days) -> None:
    """Those open between its cut and its signature: kind, status, signed amount, day, who settles them."""
    found = days.detect(1, FRIDAY)
    days.step(found, "CLASSIFIED")
    days.step(found, "ASSIGNED", assignee=ADA, note="asks the bank")
    row = _row(_made(days, Subject.RECONCILIATION, FRIDAY), "breaks")
    names = ("break", "kind", "status", "amount", "day", "assignee", "text")
    assert [row[name].value for name in names] == [found, "unidentified", "assigned", 5, FRIDAY, ADA, "asks the bank"]
    days.kept = {index: {} for index in days.kept}
    assert _row(_made(days, Subject.RECONCILIATION, FRIDAY), "breaks")["text"].why == "removed"


def test_breaks_that_were_settled_before_or_began_after_are_another_days() -> None:
    """What happens after a day's signature does not change its report, and another mirror's breaks are not its own."""
    days = Days()
    early = days.detect(1, FRIDAY - 1)
    days.step(early, "RESOLVED")
    days.cut(_key(FRIDAY), (1_500, 400), (50, 0))
    worked = days.detect(2, FRIDAY)
    days.step(worked, "RESOLVED")
    days.step(worked, "CLOSED")
    days.compute(_key(FRIDAY), (1_100, 1_100), (50, 50))
    days.close(_key(FRIDAY))
    before = _made(days, Subject.RECONCILIATION, FRIDAY)
    days.detect(3, MONDAY)
    days.step(worked, "CLOSED")
    days.add(
        "BreakReopened.v1",
        worked,
        book=TENANT,
        mirror=MIRRORS[1],
        side=1,
        line=bytes([2]) * 16,
        kind="UNIDENTIFIED",
        ledger=978,
        amount_minor=5,
        incoming=True,
        day=FRIDAY,
        detected_day=FRIDAY,
        due_day=MONDAY,
        actor=ADA,
        note="again",
    )
    after = _made(days, Subject.RECONCILIATION, FRIDAY)
    assert before.tables == after.tables
    assert _rows(after, "breaks") == 1
    row = _row(after, "breaks")
    assert (row["break"].value, row["status"].value) == (worked, "closed")
    assert row["assignee"].why == "nobody"


def test_a_currency_without_days_keeps_its_breaks_to_itself(days: Days) -> None:
    """A break on a mirror that the day does not compare is not in its list."""
    days.add(
        "BreakDetected.v1",
        bytes([99]) * 16,
        book=TENANT,
        mirror=bytes([77]) * 16,
        side=1,
        line=bytes([1]) * 16,
        kind="BANK",
        ledger=392,
        amount_minor=5,
        incoming=False,
        day=FRIDAY,
        detected_day=FRIDAY,
        due_day=MONDAY,
    )
    assert _rows(Making(days, days.currencies).report(Subject.RECONCILIATION, TENANT, FRIDAY, UNDER), "breaks") == 0


@pytest.mark.parametrize("names", [reconciliation_pb2.BreakKind, reconciliation_pb2.BreakStatus])
def test_every_kind_and_status_has_its_word(names: Any) -> None:
    """A report of a break never ends at a word that it does not know."""
    prefix = names.keys()[0].removesuffix("UNSPECIFIED")
    assert [name for name in names.keys()[1:] if name.removeprefix(prefix).lower() not in _WORDS] == []
