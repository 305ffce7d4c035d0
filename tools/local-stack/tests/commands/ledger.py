"""A ledger in memory that answers the replay as custody does, and can lose an answer after its commit."""

from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any
from uuid import UUID

from ringfence.errors import RingfenceError
from ringfence.ledger import Balances, NewTransfer, StatementEntry, Transfer, TransferResult


class MemoryLedger:
    """Stands where `client.custody` stands."""

    def __init__(self) -> None:
        self.stored: dict[UUID, Transfer] = {}
        self.debits: dict[UUID, int] = {}
        self.credits: dict[UUID, int] = {}
        self.entries: dict[UUID, list[StatementEntry]] = {}
        self.lose_answers_of_calls: set[int] = set()
        self.refuse: dict[UUID, str] = {}
        self.calls = 0

    def transfers(self, transfer_ids: Sequence[UUID], book_id: UUID | None = None) -> list[Transfer]:
        """Those that are stored."""
        return [self.stored[each] for each in transfer_ids if each in self.stored]

    def create_transfers(
        self, book_id: UUID, transfers: Sequence[NewTransfer], *, return_balances: bool = False
    ) -> list[TransferResult]:
        """Posts them; after a lost answer the same request is made again, as the SDK does."""
        self.calls += 1
        results = [self._create(each) for each in transfers]
        if self.calls in self.lose_answers_of_calls:
            return self.create_transfers(book_id, transfers, return_balances=return_balances)
        return results

    def statement(self, account_id: UUID, book_id: UUID | None = None) -> Iterator[StatementEntry]:
        """Every entry of the account."""
        yield from self.entries.get(account_id, [])

    def balance(self, account: UUID) -> int:
        """Posted balance."""
        return self.credits.get(account, 0) - self.debits.get(account, 0)

    def _create(self, new: NewTransfer) -> TransferResult:
        if new.id in self.refuse:
            return TransferResult(new.id, self.refuse[new.id], 1)
        if new.id in self.stored:
            return TransferResult(new.id, "exists", 1)
        if new.debit_account_id is None or new.credit_account_id is None:
            raise RingfenceError("INVALID_ARGUMENT", "COLUMNS_MALFORMED", "an account is missing")
        values: dict[str, Any] = {field.name: getattr(new, field.name) for field in fields(NewTransfer)}
        self.stored[new.id] = Transfer(**values, timestamp_ns=1)
        self.debits[new.debit_account_id] = self.debits.get(new.debit_account_id, 0) + new.amount_minor
        self.credits[new.credit_account_id] = self.credits.get(new.credit_account_id, 0) + new.amount_minor
        for account in (new.debit_account_id, new.credit_account_id):
            entry = StatementEntry(self.stored[new.id], self.balance(account), self.calls)
            self.entries.setdefault(account, []).append(entry)
        return TransferResult(
            new.id, "created", 1, self._balances(new.debit_account_id), self._balances(new.credit_account_id)
        )

    def _balances(self, account: UUID) -> Balances:
        return Balances(0, self.debits.get(account, 0), 0, self.credits.get(account, 0))
