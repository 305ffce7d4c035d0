"""How many accounts a tenant may open: they stay for ever, in memory too."""

from __future__ import annotations

from ringfence_kernel.values.buckets import Buckets

from ringfence_custody.ledger.domain.errors import AccountsExceeded

HOUR_SECONDS = 3_600


class AccountsQuota:
    """Counts accounts by book, in the memory of the process that leads."""

    def __init__(self, per_hour: float) -> None:
        """Starts with nothing used; 0 is no bound."""
        self._books = Buckets(per_hour / HOUR_SECONDS, per_hour) if per_hour else None

    def take(self, book_id: bytes, count: int) -> None:
        """Counts what is asked for, the last request in full; raises AccountsExceeded."""
        if self._books and (seconds := self._books.draw(book_id, count)):
            raise AccountsExceeded(retry_after_seconds=seconds)

    def give_back(self, book_id: bytes, count: int) -> None:
        """Counts no longer what was not opened."""
        if self._books:
            self._books.give_back(book_id, count)
