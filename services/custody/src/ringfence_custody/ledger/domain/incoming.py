"""Transfers on their way through a decision: their columns, their results, and how they enter the book."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, compress, repeat
from typing import Any

from ringfence_kernel.values.clock import DAY_NS, NANOSECONDS
from ringfence_kernel.values.ids import ZERO_ID
from ringfence_kernel.values.money import MAX_AMOUNT_MINOR as MAX

from ringfence_custody.ledger.domain.authority import LOOKED_AT, OF_WINDOWS, Authority, Reach
from ringfence_custody.ledger.domain.book import IS_PENDING, NEVER_PENDING, Book
from ringfence_custody.ledger.domain.chain import Chain
from ringfence_custody.ledger.domain.columns import TransferColumns, joined, row_ids, row_numbers, split_ids
from ringfence_custody.ledger.domain.outright import Look, Movements
from ringfence_custody.ledger.domain.packed import COLUMNS, Transfer, pending_rows
from ringfence_custody.ledger.domain.purposes import OWN_WAYS_OUT, RulePack
from ringfence_custody.ledger.domain.result_codes import LINKED, PENDING, POST, VOID

FEW = 8
"""Up to so many rows are decided one by one: looking at a whole batch costs more."""
NO_BALANCES = (0,) * 8

Balances = tuple[int, int, int, int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a batch, row by row.

    `status` has one code per row, `amount_minor` what each row moves as it took effect, also where it exists.
    `timestamp_ns` is the transfer's time (for `exists` the first one), or the time of the refusal. `balances`, when
    asked for, has the four balances of the debit account after the row and then those of the credit account, zeros for
    refused rows.
    """

    status: bytes
    timestamp_ns: Sequence[int]
    amount_minor: Sequence[int]
    balances: list[Balances] | None


class IncomingBatch:
    """The columns, filled in and clipped in place by the decision, and the results so far."""

    def __init__(
        self,
        book: Book,
        batches: Sequence[TransferColumns],
        now_ns: int,
        with_balances: bool,
        rules: RulePack,
        authority: Authority,
    ) -> None:
        """Takes one batch, or several that are decided one after the other."""
        columns, self.counts = joined(batches), list(map(len, batches))
        self.book, self.accounts, self.columns = book, book.accounts, columns
        self.rules, self.authority = rules, authority
        self.count = count = len(columns)
        self.base = max(now_ns, book.last_timestamp + 1)
        index = book.accounts.index.get
        self.id = split_ids(columns.id)
        self.debit_id = row_ids(columns.debit_account_id, count)
        self.credit_id = row_ids(columns.credit_account_id, count)
        self.debit = list(map(index, self.debit_id, repeat(0)))
        self.credit = list(map(index, self.credit_id, repeat(0)))
        self.pending_id = row_ids(columns.pending_id, count)
        self.user_data_128 = row_ids(columns.user_data_128, count)
        self.amount = row_numbers(columns.amount_minor, count)
        self.user_data_64 = row_numbers(columns.user_data_64, count)
        self.user_data_32 = row_numbers(columns.user_data_32, count)
        self.timeout = row_numbers(columns.timeout_seconds, count)
        self.ledger = row_numbers(columns.ledger, count)
        self.code = row_numbers(columns.code, count)
        self.flags = row_numbers(columns.flags, count)
        self.value_date = row_numbers(columns.value_date_days or [self.base // DAY_NS], count)
        self.status = bytearray(count)
        self.timestamp = list(range(self.base, self.base + count))
        self.balances: list[Balances] | None = [NO_BALANCES] * count if with_balances else None
        self.chain = Chain(*self.counts)
        self.burnt: dict[bytes, None] = {}
        self.resolved: dict[bytes, tuple[Transfer, int]] = {}
        self.rows_of: dict[bytes, list[int]] | None = None
        self.first_row = book.open.first_row + len(book.open)
        self.refused = 0
        self.moved: Movements | None = None
        self.suspects = set(book.known.claim(columns.id, book.open.number))

    def unusual_rows(self) -> list[int]:
        """Returns the rows that are no plain transfers.

        Those with another flag than pending, the one that ends a chain, those that use a field which plain transfers
        leave out, those whose id may be known, those whose mandate may not be covered, and those beyond the maximum of
        their purpose. Where rows post or void,
        which may mean a row of this very batch, pending ones are unusual too.
        """
        rows, plain = {*self.suspects, *self._doubtful_rows()}, {0}
        if any(self.flags):
            late = self.base + self.count + max(self.timeout) * NANOSECONDS > MAX
            if not late and not any(flags & (POST | VOID) for flags in self.flags):
                plain.add(PENDING)
            rows.update(row for row, flags in enumerate(self.flags) if flags not in plain)
            rows.update(row + 1 for row, flags in enumerate(self.flags[:-1]) if flags & LINKED)
        if self.columns.timeout_seconds:
            rows.update(row for row, timeout in enumerate(self.timeout) if timeout and not self.flags[row])
        if self.columns.pending_id:
            rows.update(row for row, pending_id in enumerate(self.pending_id) if pending_id != ZERO_ID)
        if self.rules.has_maximum:
            maxima = map(self.rules.maximum_minor, self.code)
            rows.update(compress(range(self.count), map(int.__gt__, self.amount, maxima)))
        return list(rows)

    def _doubtful_rows(self) -> Sequence[int]:
        """Returns the rows that the authority may not cover, or that stop while the platform owes clients money."""
        stopped = [row for row, code in enumerate(self.code) if code in OWN_WAYS_OUT] if self._is_owing() else []
        return [*self._uncovered_rows(), *stopped]

    def _is_owing(self) -> bool:
        return not OWN_WAYS_OUT.isdisjoint(self.columns.code) and self.book.totals.owes()

    def _uncovered_rows(self) -> Sequence[int]:
        reach, codes = self.authority.reach, set(self.columns.code)
        if reach is Reach.EVIDENCE:
            return range(self.count)
        if reach is Reach.SUBMISSION:
            return [row for row, code in enumerate(self.code) if code in LOOKED_AT] if codes & LOOKED_AT else ()
        window = self.authority.window
        if not codes & OF_WINDOWS or self.user_data_128.count(window) == self.count:
            return ()
        return [row for row, mandate in enumerate(self.user_data_128) if mandate != window]

    def pass_outright(self) -> list[int]:
        """Moves at once what is sure to pass (outright.py); returns the rows that are to be decided, in order."""
        if self.count <= FEW or self.balances is not None:
            return list(range(self.count))
        look = Look(self.accounts, self.columns, self.rules, self.debit, self.credit, self.unusual_rows())
        self.moved, left = look.movements()
        self.book.move_at_once(self.moved, 1)
        return left

    def note_balances(self, row: int) -> None:
        """Keeps the balances after a row for the answer."""
        if self.balances is not None:
            balances = self.accounts.balances
            self.balances[row] = balances(self.debit[row]) + balances(self.credit[row])

    def find(self, identifier: bytes, before: int) -> Transfer | None:
        """Returns a transfer of this batch, from the rows before, or of an earlier one."""
        if self.rows_of is None:
            self.rows_of = {}
            for row, each in enumerate(self.id):
                self.rows_of.setdefault(each, []).append(row)
        for row in self.rows_of.get(identifier, ()):
            if row < before and not self.status[row]:
                return self.transfer(row, self.status.count(0, 0, row))
        return self.book.find(identifier)

    def transfer(self, row: int, created_before: int) -> Transfer:
        """Returns a row as it will be stored, after as many other rows of this batch."""
        return Transfer(
            self.id[row],
            self.debit[row],
            self.credit[row],
            self.amount[row],
            self.pending_id[row],
            self.user_data_128[row],
            self.user_data_64[row],
            self.user_data_32[row],
            self.timeout[row],
            self.code[row],
            self.flags[row],
            self.value_date[row],
            self.timestamp[row],
            self.first_row + created_before,
            self.authority.owner if self.flags[row] & PENDING else ZERO_ID,
        )

    def take_back(self, row: int) -> None:
        """Takes back what a row has done in this batch."""
        pending, _ = self.resolved.pop(self.pending_id[row], (None, 0))
        self.book.reverse(self.transfer(row, 0), pending)

    def abandon(self, decided: Sequence[int]) -> None:
        """Takes back what was moved at once and what these rows have done: the book is as if no batch had come."""
        for row in reversed(decided):
            if not self.status[row]:
                self.take_back(row)
        if self.moved is not None:
            self.book.move_at_once(self.moved, -1)

    def finish(self) -> list[Outcome]:
        """Moves what was created to the book's open batch; returns what became of each batch."""
        book, batch = self.book, self.book.open
        first = len(batch)
        chosen = None if not any(self.status) else [not status for status in self.status]
        for name in COLUMNS:
            column: Sequence[Any] = getattr(self, name)
            getattr(batch, name).extend(column if chosen is None else compress(column, chosen))
        if any(self.flags):
            fresh = batch.flags[first:]
            book.fates += bytes(IS_PENDING if flags & PENDING else NEVER_PENDING for flags in fresh)
            batch.owners |= {first + row: self.authority.owner for row in pending_rows(fresh)}
        else:
            book.fates += bytes(len(batch) - first)
        if self.moved is not None and self.moved.reserved_rows:
            before = list(range(self.count)) if chosen is None else [0, *accumulate(chosen)]
            for row in self.moved.reserved_rows:
                book.hold(self.transfer(row, before[row]))
        for pending_id, (pending, fate) in self.resolved.items():
            book.fates[pending.row] = fate
            batch.resolved[pending_id] = pending
        batch.burnt.update(self.burnt)
        unnoted = [self.id[row] for row in self.suspects if not self.status[row] or self.id[row] in self.burnt]
        book.known.note(unnoted, batch.number)
        book.last_timestamp = self.base + self.count - 1
        return self._outcomes()

    def _outcomes(self) -> list[Outcome]:
        status, outcomes, first = bytes(self.status), [], 0
        for count in self.counts:
            last = first + count
            balances = None if self.balances is None else self.balances[first:last]
            amounts = self.amount[first:last]
            outcomes.append(Outcome(status[first:last], self.timestamp[first:last], amounts, balances))
            first = last
        return outcomes
