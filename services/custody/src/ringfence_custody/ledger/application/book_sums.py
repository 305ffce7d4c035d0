"""What all books add up to, for telemetry: the proof that no money was made or lost, and what waits in suspense."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping

from ringfence_kernel.service.leadership import Leadership
from ringfence_kernel.service.measures import while_leading
from ringfence_kernel.telemetry.gauges import Gauges
from ringfence_kernel.values.money import currency

from ringfence_custody.ledger.domain.book import Book
from ringfence_custody.ledger.domain.purposes import AccountClass
from ringfence_custody.ledger.domain.sums import Balances, Net, balances, nets

IMBALANCE, SUSPENSE = "ringfence.ledger.imbalance", "ringfence.suspense.balance"
SHORTFALL = "ringfence.shortfall.balance"
PAUSE_SECONDS = 5.0
ACCOUNTS_AT_ONCE = 250_000
"""So many are copied at a time, a whole book at least: the loop waits for no more."""

Observed = Iterator[tuple[float, dict[str, str]]]


class BookSums:
    """Sums of every book, as of when they were last added up: when somebody asks, and not more often than in 5 s.

    Each book is copied at one moment, by whoever asks, and added up when the answer is gone through: by a collection of
    metrics outside of the event loop. Where there are more accounts than are copied at a time, books take turns.
    """

    def __init__(self, books: Callable[[], Mapping[bytes, Book]], clock: Callable[[], float] = time.monotonic) -> None:
        """Adds nothing up yet; `books` returns those that may be looked at now."""
        self._books, self._clock = books, clock
        self._copies: dict[bytes, Balances] = {}
        self._nets: dict[bytes, dict[tuple[int, int], Net]] = {}
        self._turn: deque[bytes] = deque()
        self._again_at = 0.0

    def imbalance(self) -> Observed:
        """Returns, by currency, what posted and pending balances of all accounts add up to: zero, or money is wrong."""
        self._copy()
        return self._imbalance()

    def suspense(self) -> Observed:
        """Returns what suspense accounts hold, by currency."""
        self._copy()
        return self._held(AccountClass.SUSPENSE)

    def shortfall(self) -> Observed:
        """Returns what platforms owe their clients, by currency."""
        self._copy()
        return self._held(AccountClass.SHORTFALL)

    def _imbalance(self) -> Observed:
        self._add_up()
        sums: defaultdict[tuple[int, str], int] = defaultdict(int)
        for of_book in self._nets.values():
            of_ledger: defaultdict[tuple[int, str], int] = defaultdict(int)
            for (ledger, _), net in of_book.items():
                for kind, amount in net._asdict().items():
                    of_ledger[ledger, kind] += amount
            # One book's surplus does not make up for what another one lacks.
            for key, amount in of_ledger.items():
                sums[key] += abs(amount)
        for (ledger, kind), amount in sums.items():
            yield amount, {"ringfence.currency": currency(ledger).alpha, "ringfence.balance": kind}

    def _held(self, wanted: AccountClass) -> Observed:
        """Returns what accounts of a class hold, by currency, without sign."""
        self._add_up()
        held: defaultdict[int, int] = defaultdict(int)
        for of_book in self._nets.values():
            for (ledger, account_class), net in of_book.items():
                if account_class == wanted:
                    held[ledger] += abs(net.posted)
        for ledger, amount in held.items():
            yield amount, {"ringfence.currency": currency(ledger).alpha}

    def gauge(self, gauges: Gauges, leadership: Leadership) -> None:
        """Has the sums measured by telemetry, in the process that leads."""
        gauges.observe(
            IMBALANCE,
            "{minor_unit}",
            "What all balances of a currency add up to, without sign: anything but 0 is money made or lost.",
            while_leading(leadership, self.imbalance),
        )
        gauges.observe(
            SUSPENSE,
            "{minor_unit}",
            "Money in suspense accounts.",
            while_leading(leadership, self.suspense),
        )
        gauges.observe(
            SHORTFALL,
            "{minor_unit}",
            "What platforms owe their clients: a bank took it back when it was not there any more.",
            while_leading(leadership, self.shortfall),
        )

    def _copy(self) -> None:
        books, now = self._books(), self._clock()
        if now < self._again_at or not books:
            return
        self._again_at, left = now + PAUSE_SECONDS, ACCOUNTS_AT_ONCE
        self._turn.extend(() if self._turn else books)
        while self._turn and left > 0:
            book_id = self._turn.popleft()
            accounts = books[book_id].accounts
            self._copies[book_id] = balances(accounts)
            left -= len(accounts)

    def _add_up(self) -> None:
        while self._copies:
            book_id, copied = self._copies.popitem()
            self._nets[book_id] = nets(copied)
