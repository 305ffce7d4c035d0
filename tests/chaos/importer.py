"""An importer that sends the same request until it is answered, and writes the answer down before it goes on."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from ringfence.client import Client
from ringfence.ledger import NewAccount, Result

from .insisting import insist
from .journal import Answered, Journal, Opened, Pulse, Row


class Importer:
    """Posts to one book, one request at a time."""

    def __init__(self, book_id: UUID, client: Client, journal: Journal, pulse: Pulse) -> None:
        """Takes a client without patience of its own: every attempt is counted here."""
        self._book_id, self._client, self._journal, self._pulse = book_id, client, journal, pulse
        addresses = client.credentials.addresses
        self._unseen = addresses is not None and "," in addresses.custody

    def post(self, rows: Sequence[Row]) -> list[str]:
        """Creates transfers; returns the status of each."""
        asked = [row.asked for row in rows]
        results, attempts = insist(lambda: self._client.custody.create_transfers(self._book_id, asked), self._pulse)
        self._journal.write(Answered(rows, [_plain(each) for each in results], attempts, self._unseen))
        return [each.status for each in results]

    def open(self, accounts: Sequence[NewAccount]) -> None:
        """Opens accounts."""
        results, attempts = insist(lambda: self._client.custody.create_accounts(accounts, self._book_id), self._pulse)
        self._journal.write(Opened(accounts, results, attempts, self._unseen))


def _plain(result: Result) -> Result:
    """Returns a result without the balances that nobody asked for."""
    return Result(result.id, result.status, result.timestamp_ns)
