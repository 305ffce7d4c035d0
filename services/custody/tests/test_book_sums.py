"""What telemetry says of the money: zero as long as none was made or lost, counted from the accounts themselves."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from ringfence_custody.ledger.application import book_sums
from ringfence_custody.ledger.application.book_sums import PAUSE_SECONDS, BookSums
from ringfence_custody.ledger.domain.purposes import AccountClass
from ringfence_custody.ledger.domain.result_codes import TransferFlag
from ringfence_custody.ledger.domain.sums import Balances, balances, nets
from ringfence_kernel.telemetry.gauges import Gauges

from .leading import Leading
from .ledger import CZK, DEPOSIT, EUR, Ledger, Row

BALANCES = ("debits_pending", "debits_posted", "credits_pending", "credits_posted")


def moved() -> Ledger:
    """A book in two currencies with money, a reservation, and 70 minor units in suspense."""
    ledger = Ledger()
    for name, currency in (("alva", EUR), ("berit", EUR), ("karel", CZK)):
        ledger.account(name, ledger=currency)
        ledger.fund(name, 10_000, currency)
    ledger.account("unknown", AccountClass.SUSPENSE)
    assert ledger.send(
        Row("waits", "alva", "berit", 400, flags=TransferFlag.PENDING, timeout=60),
        Row("nobody's", "bank 978", "unknown", 70, code=DEPOSIT),
    ) == ["created", "created"]
    return ledger


def imbalance(sums: BookSums) -> dict[tuple[str, str], float]:
    """What is observed, by currency and kind of balance."""
    return {(of["ringfence.currency"], of["ringfence.balance"]): value for value, of in sums.imbalance()}


def test_books_that_balance_add_up_to_zero_in_every_currency() -> None:
    """Posted and pending balances of each currency add up to nothing; suspense is what was paid in there."""
    sums = BookSums(lambda: {b"book": moved().book})
    assert imbalance(sums) == dict.fromkeys(
        [(currency, kind) for currency in ("EUR", "CZK") for kind in ("posted", "pending")], 0
    )
    assert list(sums.suspense()) == [(70, {"ringfence.currency": "EUR"})]


@pytest.mark.parametrize("column", BALANCES)
@pytest.mark.parametrize(("name", "currency"), [("berit", "EUR"), ("karel", "CZK")])
def test_a_balance_that_nothing_moved_is_seen(column: str, name: str, currency: str) -> None:
    """One minor unit too much in one column of one account shows, in its currency and kind alone."""
    ledger = moved()
    getattr(ledger.book.accounts, column)[ledger.index(name)] += 1
    kind = column.partition("_")[2]
    found = imbalance(BookSums(lambda: {b"book": ledger.book}))
    assert {place for place, value in found.items() if value} == {(currency, kind)}
    assert found[currency, kind] == 1


def test_books_do_not_make_up_for_each_other() -> None:
    """What one book has too much and another too little is wrong twice."""
    one, other = moved(), moved()
    one.book.accounts.credits_posted[one.index("alva")] += 5
    other.book.accounts.credits_posted[other.index("alva")] -= 5
    assert imbalance(BookSums(lambda: {b"one": one.book, b"other": other.book}))["EUR", "posted"] == 10


def test_sums_of_any_size_are_exact() -> None:
    """Balances near the largest amount, added up beyond 64 bits, still cancel out, and one unit still shows."""
    ledger, random = Ledger(), Random(7)
    for number in range(200):
        ledger.account(f"client {number}")
    accounts = ledger.book.accounts
    for number in range(0, 200, 2):
        amount = 2**63 - 1 - random.randrange(1_000)
        accounts.credits_posted[ledger.index(f"client {number}")] = amount
        accounts.debits_posted[ledger.index(f"client {number + 1}")] = amount
    assert imbalance(BookSums(lambda: {b"book": ledger.book}))["EUR", "posted"] == 0
    accounts.debits_posted[ledger.index("client 1")] -= 1
    assert imbalance(BookSums(lambda: {b"book": ledger.book}))["EUR", "posted"] == 1


def test_books_are_added_up_seldom_and_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within a pause nothing is added up again; a look takes one turn of bounded size; none happens while forbidden."""
    monkeypatch.setattr(book_sums, "ACCOUNTS_AT_ONCE", 1)
    books = {b"one": moved(), b"other": moved()}
    now, may_look = [100.0], [True]
    sums = BookSums(
        lambda: {name: each.book for name, each in books.items()} if may_look[0] else {}, clock=lambda: now[0]
    )
    for each in books.values():
        each.book.accounts.credits_posted[each.index("alva")] += 1
    seen = []
    for seconds in (0, 1, PAUSE_SECONDS, PAUSE_SECONDS):
        now[0] += seconds
        seen.append(imbalance(sums)["EUR", "posted"])
    assert seen == [1, 1, 2, 2]
    may_look[0] = False
    books[b"one"].book.accounts.credits_posted[1] += 1
    for _ in books:
        now[0] += PAUSE_SECONDS
        assert imbalance(sums)["EUR", "posted"] == 2


def test_a_book_is_added_up_as_it_was_when_somebody_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger goes on between the copy and the sum: what it does meanwhile, new accounts too, does not show."""
    added_up: list[Balances] = []
    monkeypatch.setattr(book_sums, "nets", lambda copied: added_up.append(copied) or nets(copied))
    ledger = moved()
    sums = BookSums(lambda: {b"book": ledger.book})
    asked = sums.imbalance()
    assert added_up == []
    ledger.account("late")
    ledger.book.accounts.credits_posted[ledger.index("alva")] += 1
    assert {value for value, _ in asked} == {0}
    assert len(added_up) == 1


async def test_the_loop_goes_on_while_books_are_added_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A collection of metrics copies a book on the event loop, and adds it up in its own thread."""
    threads: dict[str, int] = {}

    def noted(name: str, step: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def take(of: Any) -> Any:
            threads[name] = threading.get_ident()
            return step(of)

        return take

    monkeypatch.setattr(book_sums, "balances", noted("copy", balances))
    monkeypatch.setattr(book_sums, "nets", noted("sum", nets))
    ledger, reader = moved(), InMemoryMetricReader()
    sums = BookSums(lambda: {b"book": ledger.book})
    sums.gauge(Gauges(MeterProvider([reader]).get_meter("test")), Leading())
    data = await asyncio.to_thread(reader.get_metrics_data)
    assert data is not None
    names = [metric.name for metric in data.resource_metrics[0].scope_metrics[0].metrics]
    assert names == [book_sums.IMBALANCE, book_sums.SUSPENSE]
    assert threads["copy"] == threading.get_ident() != threads["sum"]


def test_accounts_know_their_ledger_and_class_after_a_failed_commit_and_a_restart() -> None:
    """Sums by currency stay right when accounts are taken back, and when they come from events alone."""
    ledger = moved()
    count = len(ledger.book.accounts)
    ledger.account("late", ledger=CZK)
    ledger.book.accounts.cut(count)
    ledger.account("late", AccountClass.PLATFORM)
    before = list(ledger.book.accounts.ledger_class)
    ledger.book.accounts.restored()
    assert list(ledger.book.accounts.ledger_class) == before
    assert list(ledger.replayed().accounts.ledger_class)[:count] == before[:count]
    ledger.book.accounts.credits_posted[ledger.index("late")] += 3
    assert imbalance(BookSums(lambda: {b"book": ledger.book}))["EUR", "posted"] == 3
