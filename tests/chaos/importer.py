"""An importer that sends the same request until it is answered, and writes the answer down before it goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from random import Random
from typing import TypeVar
from uuid import UUID

from ringfence.client import Client
from ringfence.errors import RingfenceError
from ringfence.ledger import NewAccount, Result

from .journal import Answered, Journal, Opened, Pulse, Row

Results = TypeVar("Results", bound=Sequence[Result])

UNANSWERED_SECONDS = 120.0


class Importer:
    """Posts to one book, one request at a time."""

    def __init__(self, book_id: UUID, client: Client, journal: Journal, pulse: Pulse) -> None:
        """Takes a client without patience of its own: every attempt is counted here."""
        self._book_id, self._client, self._journal, self._pulse = book_id, client, journal, pulse
        addresses = client.credentials.addresses
        self._unseen = addresses is not None and "," in addresses.custody
        # Pauses are no part of what a seed repeats.
        self._pauses = Random()

    def post(self, rows: Sequence[Row]) -> list[str]:
        """Creates transfers; returns the status of each."""
        asked = [row.asked for row in rows]
        results, attempts = self._insist(lambda: self._client.custody.create_transfers(self._book_id, asked))
        self._journal.write(Answered(rows, [_plain(each) for each in results], attempts, self._unseen))
        return [each.status for each in results]

    def open(self, accounts: Sequence[NewAccount]) -> None:
        """Opens accounts."""
        results, attempts = self._insist(lambda: self._client.custody.create_accounts(accounts, self._book_id))
        self._journal.write(Opened(accounts, results, attempts, self._unseen))

    def _insist(self, call: Callable[[], Results]) -> tuple[Results, int]:
        """Makes a call until it is answered; raises RingfenceError for a refusal that stays, or after two minutes."""
        attempts, end = 0, time.monotonic() + UNANSWERED_SECONDS
        while True:
            attempts, started = attempts + 1, time.monotonic()
            try:
                results = call()
            except RingfenceError as error:
                if not error.is_transient or time.monotonic() > end:
                    raise
                time.sleep(self._pauses.uniform(0.02, 0.2))
            else:
                self._pulse.beat(started)
                return results, attempts


def _plain(result: Result) -> Result:
    """Returns a result without the balances that nobody asked for."""
    return Result(result.id, result.status, result.timestamp_ns)
