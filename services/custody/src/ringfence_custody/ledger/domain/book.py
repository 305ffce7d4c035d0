"""The book: all accounts and transfers of one platform, as state in memory that events alone build.

Decisions change this state at once and leave the transfers in an open batch, which becomes one packed event per commit.
`undo` takes decided transfers back when a commit fails; `apply` takes in committed events without deciding anything.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np
from ringfence_kernel.values.clock import NANOSECONDS
from ringfence_kernel.values.ids import ID_BYTES, MAX_ID, ZERO_ID

from ringfence_custody.ledger.domain.accounts import Accounts
from ringfence_custody.ledger.domain.columns import split_ids
from ringfence_custody.ledger.domain.events import TransfersCreated, TransfersExpired
from ringfence_custody.ledger.domain.known_ids import KnownIds
from ringfence_custody.ledger.domain.lifecycle import Standing
from ringfence_custody.ledger.domain.outright import Movements
from ringfence_custody.ledger.domain.packed import Transfer, TransferBatch, as_array, timestamps, unpacked
from ringfence_custody.ledger.domain.purposes import MINIMUM, RulePack
from ringfence_custody.ledger.domain.result_codes import CLOSED, CLOSING_CREDIT, CLOSING_DEBIT, PENDING, POST, VOID
from ringfence_custody.ledger.domain.totals import Totals

CLOSING = CLOSING_DEBIT | CLOSING_CREDIT

NEVER_PENDING, IS_PENDING, POSTED, VOIDED, EXPIRED = range(5)
"""Fate of a transfer, one byte per row."""


Deadline: TypeAlias = tuple[int, int, bytes]
"""When a pending transfer expires, when it was created, UTC nanoseconds, and its id."""


class Migration(NamedTuple):
    """A migration window that was opened: its id, and when it ends by itself, UTC nanoseconds."""

    window: bytes
    until_ns: int


class TransferBatches(Protocol):
    """Where committed batches are read again, to compare a resent id with what is stored."""

    def load(self, number: int) -> TransferBatch | None:
        """Returns the book's batch of that number, or None when it was never committed."""


class Book:
    """State of one book."""

    __slots__ = (
        "_totals",
        "accounts",
        "batches",
        "deadlines",
        "fates",
        "known",
        "last_timestamp",
        "migration",
        "migrations",
        "open",
        "pending",
        "rule_versions",
        "rules",
        "sealed",
        "standings",
    )

    def __init__(self, batches: TransferBatches) -> None:
        """Starts empty; committed batches will be read from `batches`."""
        self.accounts = Accounts()
        self.batches = batches
        self.standings: dict[bytes, Standing] = {}
        self.rules: RulePack = MINIMUM
        # SHA-256 of every pack that the book ever adopted: a version names one pack for ever.
        self.rule_versions: dict[str, bytes] = {}
        self.pending: dict[bytes, Transfer] = {}
        self.fates = bytearray()
        self.known = KnownIds()
        # Reserved ids take the long way like known ones, which refuses them.
        self.known.claim(ZERO_ID + MAX_ID, 1)
        self.open = TransferBatch(1, 0)
        self.sealed: dict[int, TransferBatch] = {}
        self.last_timestamp = 0
        self.migration: Migration | None = None
        self.migrations = 0  # how often a window was opened or closed
        self.deadlines: list[Deadline] = []
        self._totals: Totals | None = Totals()

    @property
    def totals(self) -> Totals:
        """Returns the totals, counted anew after events were taken in."""
        if self._totals is None:
            self._totals = Totals()
            self._totals.recount(self.accounts)
        return self._totals

    def count_anew(self) -> None:
        """Has the totals counted from the balances when next asked for."""
        self._totals = None

    def has_events(self) -> bool:
        """Tells whether anything was ever recorded; a book that was only asked for has no history."""
        return (
            self.open.number > 1
            or len(self.accounts) > 1
            or bool(self.standings or self.rule_versions or self.migrations)
        )

    def find(self, identifier: bytes) -> Transfer | None:
        """Returns a transfer that is decided already, or None."""
        for batch in self._batches_with(identifier):
            row = batch.row_of(identifier)
            if row is not None:
                return batch.transfer(row)
        return None

    def is_burnt(self, identifier: bytes) -> bool:
        """Tells whether the id failed for a transient reason before."""
        return any(identifier in batch.burnt for batch in self._batches_with(identifier))

    def _batches_with(self, identifier: bytes) -> list[TransferBatch]:
        numbers = set(self.known.numbers(identifier))
        found = [self.open, *self.sealed.values()]
        taken = {batch.number for batch in found}
        loaded = (self.batches.load(number) for number in numbers - taken if number < self.open.number)
        return found + [batch for batch in loaded if batch is not None]

    def move(self, debit: int, credit: int, pending: int, posted: int) -> None:
        """Adds signed minor units to what is pending and posted on both sides, and to the totals where they are kept.

        After events were taken in they are not, until somebody asks for them: they are counted then from the balances.
        """
        accounts, totals = self.accounts, self._totals
        covered = [each for each in (debit, credit) if accounts.covered[each]] if totals else ()
        for account in covered:
            self.totals.cover(accounts, account, -1)
        accounts.debits_pending[debit] += pending
        accounts.credits_pending[credit] += pending
        if posted:
            accounts.debits_posted[debit] += posted
            accounts.credits_posted[credit] += posted
            if totals is not None:
                net = totals.net[accounts.ledger[debit]]
                net[accounts.account_class[debit]] -= posted
                net[accounts.account_class[credit]] += posted
        for account in covered:
            self.totals.cover(accounts, account, 1)

    def move_at_once(self, moved: Movements, sign: int) -> None:
        """Makes (1) or takes back (-1) movements between accounts that take no part in the cover of overdrafts.

        What is reserved is still to be held.
        """
        totals = self.totals  # before anything moves: counted after it, they would have it twice
        for amounts, how in ((moved.posted, "posted"), (moved.reserved, "pending")):
            np.add.at(self.accounts.view(f"debits_{how}"), amounts.debit, sign * amounts.amount)
            np.add.at(self.accounts.view(f"credits_{how}"), amounts.credit, sign * amounts.amount)
        for ledger, debit_class, credit_class, crossed in moved.crossed:
            net = totals.net[ledger]
            net[debit_class] -= sign * crossed
            net[credit_class] += sign * crossed

    def reserve(self, transfer: Transfer) -> None:
        """Makes a transfer pending; a closing one closes its accounts."""
        self.move(transfer.debit, transfer.credit, transfer.amount, 0)
        self.hold(transfer)
        if transfer.flags & CLOSING:
            self._set_closed(transfer, True)

    def hold(self, transfer: Transfer) -> None:
        """Takes note of a pending transfer and its deadline."""
        self.pending[transfer.id] = transfer
        self._await_deadline(transfer)

    def resolve(self, pending: Transfer, posted: int) -> None:
        """Ends a pending transfer: moves what is posted, releases the rest; an unposted closing one reopens."""
        self.move(pending.debit, pending.credit, -pending.amount, posted)
        del self.pending[pending.id]
        if pending.flags & CLOSING:
            self._set_closed(pending, False)

    def unresolve(self, pending: Transfer, posted: int) -> None:
        """Takes `resolve` back."""
        self.move(pending.debit, pending.credit, pending.amount, -posted)
        self.pending[pending.id] = pending
        if pending.flags & CLOSING:
            self._set_closed(pending, True)

    def reverse(self, transfer: Transfer, pending: Transfer | None) -> None:
        """Takes back what a transfer did when it was decided; `pending` is what it posted or voided."""
        if pending is not None:
            self.unresolve(pending, transfer.amount if transfer.flags & POST else 0)
        elif transfer.flags & PENDING:
            self.resolve(transfer, 0)
        else:
            self.move(transfer.debit, transfer.credit, 0, -transfer.amount)

    def undo(self, rows: int, burnt: int, last_timestamp: int) -> None:
        """Takes the open batch back to a number of rows and burnt ids, newest first."""
        batch = self.open
        for row in range(len(batch) - 1, rows - 1, -1):
            transfer = batch.transfer(row)
            pending = batch.resolved.pop(transfer.pending_id, None)
            if pending is not None:
                self.fates[pending.row] = IS_PENDING
                # An expiry decided in between has passed over it.
                self._await_deadline(pending)
            self.reverse(transfer, pending)
        batch.cut(rows)
        del self.fates[batch.first_row + rows :]
        batch.burnt = dict.fromkeys(list(batch.burnt)[:burnt])
        self.last_timestamp = last_timestamp

    def seal(self) -> TransfersCreated | None:
        """Closes the open batch and returns it packed, or None when nothing was decided; checks the invariants."""
        batch = self.open
        if not batch and not batch.burnt:
            return None
        self.totals.check()
        self.sealed[batch.number] = batch
        self.open = TransferBatch(batch.number + 1, batch.first_row + len(batch))
        return batch.event()

    def unseal(self) -> None:
        """Takes the last `seal` back."""
        self.open = self.sealed.pop(self.open.number - 1)

    def forget_sealed(self, number: int) -> None:
        """Lets go of a batch that is committed: it can be loaded from now on."""
        self.sealed.pop(number, None)

    def decide_expiry(self, now_ns: int, limit: int) -> TransfersExpired | None:
        """Returns the event for the pending transfers whose time is over, in order of expiry then creation, or None."""
        found: dict[bytes, None] = {}
        while self.deadlines and self.deadlines[0][0] <= now_ns and len(found) < limit:
            _, timestamp, identifier = heappop(self.deadlines)
            transfer = self.pending.get(identifier)
            if transfer is not None and transfer.timestamp == timestamp:
                found[identifier] = None
        return TransfersExpired(max(now_ns, self.last_timestamp + 1), b"".join(found)) if found else None

    def expire(self, transfers: list[Transfer]) -> None:
        """Releases what the transfers reserved."""
        for transfer in transfers:
            self.resolve(transfer, 0)
            self.fates[transfer.row] = EXPIRED

    def unexpire(self, transfers: list[Transfer]) -> None:
        """Takes `expire` back."""
        for transfer in transfers:
            self.unresolve(transfer, 0)
            self.fates[transfer.row] = IS_PENDING
            self._await_deadline(transfer)

    def _await_deadline(self, transfer: Transfer) -> None:
        """Has a pending transfer released when its time is over, if it has a timeout; twice does no harm."""
        if transfer.timeout:
            deadline = transfer.timestamp + transfer.timeout * NANOSECONDS
            heappush(self.deadlines, (deadline, transfer.timestamp, transfer.id))

    def _set_closed(self, transfer: Transfer, closed: bool) -> None:
        """Sets or clears the closed flag on the accounts that a closing transfer names."""
        for bit, account in ((CLOSING_DEBIT, transfer.debit), (CLOSING_CREDIT, transfer.credit)):
            if transfer.flags & bit:
                flags = self.accounts.flags[account]
                self.accounts.flags[account] = flags | CLOSED if closed else flags & ~CLOSED
                self.accounts.set_keys(account)

    def apply_transfers(self, event: TransfersCreated) -> None:
        """Takes in a committed batch; totals are counted anew when next asked for."""
        count = len(event.id) // ID_BYTES
        self.count_anew()
        if event.flags:
            self._apply_rows(unpacked(event))
        else:
            self.fates += bytes(count)
            amount = as_array("Q", event.amount_minor, count).astype(np.int64)
            for side, column in (("debits_posted", event.debit_account), ("credits_posted", event.credit_account)):
                np.add.at(self.accounts.view(side), as_array("I", column, count), amount)
        self.known.add(event.id, event.number)
        self.known.note(split_ids(event.burnt), event.number)
        if count:
            self.last_timestamp = max(self.last_timestamp, timestamps(event)[-1])
        self.open = TransferBatch(event.number + 1, event.first_row + count)

    def _apply_rows(self, batch: TransferBatch) -> None:
        """Takes in a batch row by row."""
        fates = self.fates
        for row, flags in enumerate(batch.flags):
            if flags & PENDING:
                fates.append(IS_PENDING)
                self.reserve(batch.transfer(row))
                continue
            fates.append(NEVER_PENDING)
            if flags & (POST | VOID):
                pending = self.pending[batch.pending_id[row]]
                fates[pending.row] = POSTED if flags & POST else VOIDED
                self.resolve(pending, batch.amount[row] if flags & POST else 0)
            else:
                self.move(batch.debit[row], batch.credit[row], 0, batch.amount[row])
