"""Posts the rows in order, in batches, and compares the balance after every one with the bank's."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from ringfence.ids import external_id
from ringfence.ledger import NewTransfer, Purpose, TransferResult
from ringfence.money import show

from ringfence_local_stack.replay.book import Book
from ringfence_local_stack.replay.rows import CURRENCY, Postings, Row

Each = TypeVar("Each")

LOOKUP_ROWS = 8_000
STATEMENT_SECONDS = 60.0
_LOOK_SECONDS = 0.2


@dataclass
class Outcome:
    """What became of a file. A row is posted in this run or a duplicate of an earlier one; adjustments are apart."""

    posted: int = 0
    adjustments: int = 0
    duplicates: int = 0
    mismatches: int = 0
    first_mismatches: list[str] = field(default_factory=list)

    def mismatch(self, row: Row, found: str) -> None:
        """Counts a row whose balance is not the bank's; the first few are remembered for people."""
        self.mismatches += 1
        if len(self.first_mismatches) < 10:
            self.first_mismatches.append(f"trans_id {row.trans_id}: expected {_shown(row.balance_minor)}, {found}")


@dataclass(frozen=True)
class Step:
    """One transfer for a row: the posting itself, or the bank's rounding before it."""

    row: Row
    transfer: NewTransfer
    is_adjustment: bool

    def balance_minor(self, result: TransferResult) -> int | None:
        """The client's posted balance after it, where custody answered one."""
        client = result.credit if self._credits_client else result.debit
        return client.posted_minor if client else None

    @property
    def account(self) -> UUID | None:
        """The client's account."""
        return self.transfer.credit_account_id if self._credits_client else self.transfer.debit_account_id

    @property
    def _credits_client(self) -> bool:
        return (self.row.rounding_minor if self.is_adjustment else self.row.amount_minor) >= 0


def replay(
    book: Book, postings: Postings, *, batch_rows: int, progress: Callable[[int], None] = lambda rows: None
) -> Outcome:
    """Posts all rows; `progress` is told how many rows each batch had.

    A batch whose answer was lost is sent again with the same ids, so a row may come back as `exists` although this run
    posted it: whether it was there before is asked first.
    """
    all_steps = [list(_steps(book, row)) for row in postings.rows]
    before = _already_there(book, [step.transfer.id for steps in all_steps for step in steps])
    outcome, unseen = Outcome(), list[Step]()
    for rows in _pages(all_steps, batch_rows):
        steps = [step for row in rows for step in row]
        results = book.importer.custody.create_transfers(
            book.id, [step.transfer for step in steps], return_balances=True
        )
        for step, result in zip(steps, results, strict=True):
            _count(outcome, step, result, step.transfer.id in before)
            if not step.is_adjustment and result.status == "exists":
                unseen.append(step)
            elif not step.is_adjustment:
                _compare(outcome, step, result)
        progress(len(rows))
    _compare_statements(book, unseen, outcome)
    return outcome


def _count(outcome: Outcome, step: Step, result: TransferResult, was_there: bool) -> None:
    if not result.done:
        return
    if step.is_adjustment:
        outcome.adjustments += not was_there
    elif was_there:
        outcome.duplicates += 1
    else:
        outcome.posted += 1


def _compare(outcome: Outcome, step: Step, result: TransferResult) -> None:
    if not result.done:
        outcome.mismatch(step.row, f"refused: {result.status}")
    elif (found := step.balance_minor(result)) != step.row.balance_minor:
        outcome.mismatch(step.row, f"found {_shown(found)}")


def _compare_statements(book: Book, steps: Sequence[Step], outcome: Outcome) -> None:
    """Compares rows that were there already: the balance after each is on the account's statement."""
    by_account: dict[UUID, list[Step]] = {}
    for step in steps:
        assert step.account is not None
        by_account.setdefault(step.account, []).append(step)
    for account, own in by_account.items():
        balances = _statement(book, account, {step.transfer.id for step in own})
        for step in own:
            found = balances.get(step.transfer.id)
            if found != step.row.balance_minor:
                outcome.mismatch(step.row, f"found {_shown(found)} on the statement")


def _statement(book: Book, account: UUID, wanted: set[UUID]) -> dict[UUID, int]:
    """Balances by transfer, once the statement shows every transfer wanted, or after a bound."""
    end = time.monotonic() + STATEMENT_SECONDS
    while True:
        balances = {
            entry.transfer.id: entry.balance_minor for entry in book.importer.custody.statement(account, book.id)
        }
        if wanted <= balances.keys() or time.monotonic() > end:
            return balances
        time.sleep(_LOOK_SECONDS)


def _already_there(book: Book, ids: Sequence[UUID]) -> set[UUID]:
    return {found.id for page in _pages(ids, LOOKUP_ROWS) for found in book.importer.custody.transfers(page, book.id)}


def _pages(rows: Sequence[Each], size: int) -> Iterator[Sequence[Each]]:
    return (rows[at : at + size] for at in range(0, len(rows), size))


def _steps(book: Book, row: Row) -> Iterator[Step]:
    if row.rounding_minor:
        key = f"{row.trans_id}/rounding"
        yield Step(row, _transfer(book, row, key, row.rounding_minor, Purpose.CORRECTION, Purpose.CORRECTION), True)
    yield Step(row, _transfer(book, row, row.trans_id, row.amount_minor, Purpose.DEPOSIT, Purpose.WITHDRAWAL), False)


def _transfer(book: Book, row: Row, key: str, amount: int, coming: Purpose, going: Purpose) -> NewTransfer:
    client = book.account(row.account)
    debit, credit = (book.mirror, client) if amount >= 0 else (client, book.mirror)
    return NewTransfer(
        id=external_id("replay.transfer", book.id, key),
        amount_minor=abs(amount),
        currency=CURRENCY,
        code=coming if amount >= 0 else going,
        debit_account_id=debit,
        credit_account_id=credit,
        # What a client pays rests on the migration window; everything else names its row.
        user_data_128=book.id if amount < 0 else external_id("replay.entry", book.id, key),
        value_date=row.value_date,
    )


def _shown(amount_minor: int | None) -> str:
    return "none" if amount_minor is None else show(amount_minor, CURRENCY)
