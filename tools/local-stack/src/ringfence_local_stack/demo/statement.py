"""After the payments: the bank states the account, and custody holds its book against that, line by line."""

import json
import time
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from ringfence.client import Client
from ringfence.commands.errors import CommandFailed
from ringfence.errors import RingfenceError
from ringfence.reconciliation import ReconciliationDay

from ringfence_local_stack.demo.deposits import ask, told
from ringfence_local_stack.demo.onboarding import Stage
from ringfence_local_stack.demo.script import CURRENCY

COMPARE_SECONDS = 20.0
_LOOK_SECONDS = 0.1
_UNKNOWN = "MIRROR_NOT_FOUND"


@dataclass(frozen=True)
class Compared:
    """The newest day of the statement as custody has compared it, and how many lines are matched."""

    day: ReconciliationDay
    matched: int


def compare(stage: Stage, spool: Path, bank_feed: Client, operator: Client) -> Compared:
    """Has the bank state all days on which it has booked, hands that in, and waits until custody has compared it.

    Raises CommandFailed where a line stays open, or bank and book differ.
    """
    account, message_id = stage.platform.safeguarding_iban, f"STM-{stage.platform.name}"
    file = f"{message_id}-camt053.xml"
    if (content := told(spool, file)) is None:
        days = _booked(spool, account)
        ask(spool, message_id, {"statement": _statement(account, days[0], days[-1])})
        content = told(spool, file, seconds=COMPARE_SECONDS)
    if content is None:
        raise CommandFailed(f"the simulated bank wrote no statement within {COMPARE_SECONDS:g} s")
    answer = bank_feed.statements.submit(content)
    if answer.excepted or answer.held:
        raise CommandFailed(f"{stage.platform.name}: the bank's statement is an exception, or an entry of it is held")
    return _await_comparison(stage, operator)


def _statement(account: str, first_day: str, last_day: str) -> dict[str, str]:
    return {"account_iban": account, "first_day": first_day, "last_day": last_day, "currency": CURRENCY}


def _booked(spool: Path, account: str) -> list[str]:
    """The days on which the simulated bank has booked, in order: payments on that on which they settle."""
    files = sorted((spool / "simulator" / "booked").glob("*.json"))
    movements = [each for file in files for each in json.loads(file.read_bytes())]
    return sorted({each["day"] for each in movements if each["account"] == account})


def _await_comparison(stage: Stage, operator: Client) -> Compared:
    end = time.monotonic() + COMPARE_SECONDS
    while (found := _compared(stage, operator)) is None or not _agrees(found):
        if time.monotonic() > end:
            raise CommandFailed(f"{stage.platform.name}: bank and book differ after {COMPARE_SECONDS:g} s: {found}")
        time.sleep(_LOOK_SECONDS)
    days = (found.first_day + timedelta(number) for number in range((found.last_day - found.first_day).days + 1))
    return Compared(found, sum(_matched(stage, operator, day) for day in days))


def _matched(stage: Stage, operator: Client, day: date) -> int:
    pairs = operator.reconciliation.matches(stage.account("bank"), day, stage.book_id)
    return sum(not each.is_undone for each in pairs)


def _compared(stage: Stage, operator: Client) -> ReconciliationDay | None:
    """The newest day that is stated; None before custody has heard of a statement."""
    try:
        found = operator.reconciliation.day(stage.account("bank"), book_id=stage.book_id)
    except RingfenceError as error:
        if error.reason != _UNKNOWN:
            raise
        return None
    return found if found.statement_id else None


def _agrees(found: ReconciliationDay) -> bool:
    is_open = found.open_bank_lines or found.open_books_lines or found.open_breaks
    return not is_open and found.closing_minor == found.books_minor
