"""Statements of a bank on which nothing happens, made as the simulated bank makes them, or does not add up."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from ringfence.ids import new_id
from ringfence_bank_simulator.camt import statement
from ringfence_bank_simulator.tellings import Balances, Telling
from ringfence_local_stack.scenario import Bank


def bank_day() -> date:
    """Returns the day as the sandbox's banks have it, which is not always that of UTC."""
    return datetime.now(ZoneInfo("Europe/Berlin")).date()


def state_nothing(bank: Bank, first: date, last: date) -> None:
    """Has a bank state that it booked nothing in some days, and holds nothing."""
    assert not _state(bank, first, last, Decimal(0)), "it was an exception"


def state_wrongly(bank: Bank, day: date) -> None:
    """Has a bank state that it booked nothing on a day, and holds more than before."""
    assert _state(bank, day, day, Decimal(1)), "it was taken"


def _state(bank: Bank, first: date, last: date, closing: Decimal) -> int:
    """Returns how many exceptions it came to."""
    told = Telling(new_id().hex, bank.iban, "EUR", datetime.now(UTC).isoformat(), ())
    balances = Balances(first.isoformat(), last.isoformat(), Decimal(0), closing)
    return bank.feed.statements.submit(statement(new_id().hex, told, balances)).excepted
