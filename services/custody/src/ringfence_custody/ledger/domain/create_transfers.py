"""The decision of a batch of transfers, from top to bottom.

`_decide` is the definition: each check in the order of precedence that docs/ledger.md gives. Rows about which nothing
is unusual, nearly all of them, do not come here: one look at the whole batch finds that they pass (outright.py).
"""

from __future__ import annotations

from collections.abc import Sequence

from ringfence_kernel.values.clock import NANOSECONDS
from ringfence_kernel.values.ids import MAX_ID, ZERO_ID
from ringfence_kernel.values.money import MAX_AMOUNT_MINOR as MAX

from ringfence_custody.ledger.domain.authority import Authority, Reach
from ringfence_custody.ledger.domain.book import CLOSING, EXPIRED, IS_PENDING, POSTED, VOIDED, Book
from ringfence_custody.ledger.domain.columns import TransferColumns
from ringfence_custody.ledger.domain.incoming import NO_BALANCES, IncomingBatch, Outcome
from ringfence_custody.ledger.domain.packed import Transfer
from ringfence_custody.ledger.domain.passage import refused_as_closed, refused_by_state
from ringfence_custody.ledger.domain.purposes import MINIMUM, OWN_WAYS_OUT, TAKEN_BACK, AccountClass, RulePack
from ringfence_custody.ledger.domain.result_codes import (
    AMOUNT_MAX,
    BALANCING_CREDIT,
    BALANCING_DEBIT,
    CREDITS_LIMITED,
    DEBITS_LIMITED,
    PENDING,
    POST,
    TRANSFER_FLAGS,
    TRANSIENT,
    VOID,
)
from ringfence_custody.ledger.domain.result_codes import CreateTransferStatus as Status
from ringfence_custody.ledger.domain.standings import CURRENT, Standings

NOT_WITH_POST_OR_VOID = PENDING | BALANCING_DEBIT | BALANCING_CREDIT | CLOSING
FATE_STATUS = {
    POSTED: Status.PENDING_TRANSFER_ALREADY_POSTED,
    VOIDED: Status.PENDING_TRANSFER_ALREADY_VOIDED,
    EXPIRED: Status.PENDING_TRANSFER_EXPIRED,
}


def decide_transfers(
    book: Book,
    columns: TransferColumns,
    now_ns: int,
    *,
    authority: Authority,
    with_balances: bool = False,
    rules: RulePack = MINIMUM,
    standings: Standings = CURRENT,
) -> Outcome:
    """Decides one batch; see `decide_batches`."""
    (outcome,) = decide_batches(
        book,
        [columns],
        now_ns,
        authority=authority,
        with_balances=with_balances,
        rules=rules,
        standings=standings,
    )
    return outcome


def decide_batches(
    book: Book,
    batches: Sequence[TransferColumns],
    now_ns: int,
    *,
    authority: Authority,
    with_balances: bool = False,
    rules: RulePack = MINIMUM,
    standings: Standings = CURRENT,
) -> list[Outcome]:
    """Decides batches in order, as if each came alone, and leaves what is created in the book's open batch.

    Row k of all has the time max(now_ns, last + 1) + k. The columns must have passed their `check`; either all or none
    name value dates. Raises what reading a committed batch raises, and StandingsUnasked; the book is then as it was.
    """
    batch = _Decision(book, batches, now_ns, with_balances, rules, authority, standings)
    left = batch.pass_outright()
    for position, row in enumerate(left):
        try:
            batch.decide(row)
        except BaseException:
            batch.abandon(left[:position])
            raise
    return batch.finish()


class _Decision(IncomingBatch):
    """A batch under decision: every check, in order of precedence."""

    def __init__(
        self,
        book: Book,
        batches: Sequence[TransferColumns],
        now_ns: int,
        with_balances: bool,
        rules: RulePack,
        authority: Authority,
        standings: Standings,
    ) -> None:
        """Takes one batch, or several, and what a refusal for a standing would rest on."""
        super().__init__(book, batches, now_ns, with_balances, rules, authority)
        self.standings = standings

    def decide(self, row: int) -> None:
        """Decides one row by every check, and follows its chain."""
        flags = self.flags[row]
        status = self.chain.enter(row, flags) or self._decide(row)
        self.status[row] = status
        if status in TRANSIENT:
            self.burnt[self.id[row]] = None
        if status:
            self.refused += 1
        else:
            self.note_balances(row)
        for taken_back in reversed(self.chain.leave(row, flags, status)):
            self.refused += 1
            self.take_back(taken_back)
            self.status[taken_back] = Status.LINKED_EVENT_FAILED
            if self.balances is not None:
                self.balances[taken_back] = NO_BALANCES

    def _decide(self, row: int) -> int:
        """Decides one row outside of its chain; creates the transfer when the status is 0."""
        identifier, flags = self.id[row], self.flags[row]
        if flags & ~TRANSFER_FLAGS:
            return Status.RESERVED_FLAG
        if identifier == ZERO_ID:
            return Status.ID_MUST_NOT_BE_ZERO
        if identifier == MAX_ID:
            return Status.ID_MUST_NOT_BE_INT_MAX
        if row in self.suspects:
            if existing := self.find(identifier, row):
                return self._compare(row, existing)
            if identifier in self.burnt or self.book.is_burnt(identifier):
                return Status.ID_ALREADY_FAILED
        if flags & (POST | VOID):
            return self._post_or_void(row)
        return self._check_fields(row) or self._check_accounts(row) or self._create(row)

    def _check_fields(self, row: int) -> int:
        """Checks what can be seen in the row alone."""
        flags, debit_id, credit_id = self.flags[row], self.debit_id[row], self.credit_id[row]
        if debit_id == ZERO_ID:
            return Status.DEBIT_ACCOUNT_ID_MUST_NOT_BE_ZERO
        if debit_id == MAX_ID:
            return Status.DEBIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX
        if credit_id == ZERO_ID:
            return Status.CREDIT_ACCOUNT_ID_MUST_NOT_BE_ZERO
        if credit_id == MAX_ID:
            return Status.CREDIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX
        if debit_id == credit_id:
            return Status.ACCOUNTS_MUST_BE_DIFFERENT
        if self.pending_id[row] != ZERO_ID:
            return Status.PENDING_ID_MUST_BE_ZERO
        if not flags & PENDING:
            if self.timeout[row]:
                return Status.TIMEOUT_RESERVED_FOR_PENDING_TRANSFER
            if flags & CLOSING:
                return Status.CLOSING_TRANSFER_MUST_BE_PENDING
        if not self.ledger[row]:
            return Status.LEDGER_MUST_NOT_BE_ZERO
        if not self.code[row]:
            return Status.CODE_MUST_NOT_BE_ZERO
        return Status.CREATED

    def _check_accounts(self, row: int) -> int:
        """Checks that the accounts are there, and that money may pass between them for this purpose."""
        accounts, debit, credit, code = self.accounts, self.debit[row], self.credit[row], self.code[row]
        if not debit:
            return Status.DEBIT_ACCOUNT_NOT_FOUND
        if not credit:
            return Status.CREDIT_ACCOUNT_NOT_FOUND
        if accounts.ledger[debit] != accounts.ledger[credit]:
            return Status.ACCOUNTS_MUST_HAVE_THE_SAME_LEDGER
        if self.ledger[row] != accounts.ledger[debit]:
            return Status.TRANSFER_MUST_HAVE_THE_SAME_LEDGER_AS_ACCOUNTS
        if code not in self.rules.purposes:
            return Status.PURPOSE_UNKNOWN
        classes = accounts.account_class[debit], accounts.account_class[credit]
        if not self.rules.permits(code, *classes, closing=bool(self.flags[row] & CLOSING)):
            return Status.ACCOUNT_CLASS_MISMATCH
        if self.user_data_128[row] == ZERO_ID and self.rules.needs_mandate(code):
            return Status.MANDATE_MISSING
        if not self.authority.covers(self.rules.purposes[code], classes[0], self.user_data_128[row]):
            return Status.MANDATE_UNKNOWN
        status = self._passage(debit, credit, is_fact=self._is_fact(row))
        if not status and code in OWN_WAYS_OUT and self.book.totals.owes():
            return Status.SHORTFALL_UNFUNDED
        return status

    def _passage(self, debit: int, credit: int, *, is_fact: bool) -> int:
        """Returns why money may not pass between accounts, 0 where it may."""
        accounts = self.accounts
        refused = 0 if is_fact else refused_by_state(accounts, self.standings, self.authority, debit, credit)
        return refused or refused_as_closed(accounts, debit, credit)

    def _is_fact(self, row: int) -> bool:
        """Tells whether a bank has taken the money already: the book follows, whatever state accounts are in."""
        return self.code[row] in TAKEN_BACK and self.authority.reach is Reach.EVIDENCE

    def _create(self, row: int) -> int:
        """Checks the amount against both accounts, and moves or reserves it."""
        accounts, debit, credit, flags = self.accounts, self.debit[row], self.credit[row], self.flags[row]
        debits_pending, debits_posted = accounts.debits_pending[debit], accounts.debits_posted[debit]
        credits_pending, credits_posted = accounts.credits_pending[credit], accounts.credits_posted[credit]
        amount = self.amount[row]
        if flags & BALANCING_DEBIT:
            amount = min(amount, max(0, accounts.credits_posted[debit] - debits_posted - debits_pending))
        if flags & BALANCING_CREDIT:
            amount = min(amount, max(0, accounts.debits_posted[credit] - credits_posted - credits_pending))
        if amount > self.rules.maximum_minor(self.code[row]):
            return Status.EXCEEDS_PURPOSE_MAXIMUM
        if flags & PENDING:
            if debits_pending + amount > MAX:
                return Status.OVERFLOWS_DEBITS_PENDING
            if credits_pending + amount > MAX:
                return Status.OVERFLOWS_CREDITS_PENDING
        if debits_posted + amount > MAX:
            return Status.OVERFLOWS_DEBITS_POSTED
        if credits_posted + amount > MAX:
            return Status.OVERFLOWS_CREDITS_POSTED
        if debits_pending + debits_posted + amount > MAX:
            return Status.OVERFLOWS_DEBITS
        if credits_pending + credits_posted + amount > MAX:
            return Status.OVERFLOWS_CREDITS
        if self.timestamp[row] + self.timeout[row] * NANOSECONDS > MAX:
            return Status.OVERFLOWS_TIMEOUT
        limited = accounts.flags[debit] & DEBITS_LIMITED
        if limited and debits_pending + debits_posted + amount > accounts.credits_posted[debit]:
            return Status.EXCEEDS_CREDITS
        is_taken = accounts.account_class[credit] == AccountClass.BANK_MIRROR and self._is_fact(row)
        limited = accounts.flags[credit] & CREDITS_LIMITED and not is_taken
        if limited and credits_pending + credits_posted + amount > accounts.debits_posted[credit]:
            return Status.EXCEEDS_DEBITS
        self.amount[row] = amount
        return self._move(row)

    def _move(self, row: int) -> int:
        """Moves or reserves the amount, and takes it back when it leaves overdrafts beyond what is guaranteed."""
        book, debit, credit, ledger = self.book, self.debit[row], self.credit[row], self.ledger[row]
        if self.flags[row] & PENDING:
            book.reserve(self.transfer(row, row - self.refused))
        else:
            book.move(debit, credit, 0, self.amount[row])
        if not self.accounts.covered[debit] or book.totals.overdrawn[ledger] <= book.totals.guaranteed[ledger]:
            return Status.CREATED
        book.reverse(self.transfer(row, 0), None)
        if self.accounts.account_class[debit] == AccountClass.GUARANTEE:
            return Status.GUARANTEE_BELOW_OVERDRAFTS
        return Status.OVERDRAFT_NOT_COVERED

    def _post_or_void(self, row: int) -> int:
        """Posts all or part of a pending transfer, or voids it."""
        flags, pending_id = self.flags[row], self.pending_id[row]
        if flags & NOT_WITH_POST_OR_VOID or (flags & POST and flags & VOID):
            return Status.FLAGS_ARE_MUTUALLY_EXCLUSIVE
        if pending_id == ZERO_ID:
            return Status.PENDING_ID_MUST_NOT_BE_ZERO
        if pending_id == MAX_ID:
            return Status.PENDING_ID_MUST_NOT_BE_INT_MAX
        if pending_id == self.id[row]:
            return Status.PENDING_ID_MUST_BE_DIFFERENT
        if self.timeout[row]:
            return Status.TIMEOUT_RESERVED_FOR_PENDING_TRANSFER
        pending = self.book.pending.get(pending_id) or self.find(pending_id, row)
        if pending is None:
            return Status.PENDING_TRANSFER_NOT_FOUND
        if not pending.flags & PENDING:
            return Status.PENDING_TRANSFER_NOT_PENDING
        if not self.authority.owns(pending.owner):
            return Status.PENDING_TRANSFER_HAS_DIFFERENT_OWNER
        status = self._check_against_pending(row, pending)
        if not status:
            self.resolved[pending_id] = pending, POSTED if flags & POST else VOIDED
            self.book.resolve(pending, self.amount[row] if flags & POST else 0)
        return status

    def _check_against_pending(self, row: int, pending: Transfer) -> int:
        """Compares a post or void with what it refers to, and fills in what it left out."""
        accounts, flags = self.accounts, self.flags[row]
        if self.debit_id[row] not in (ZERO_ID, accounts.id[pending.debit]):
            return Status.PENDING_TRANSFER_HAS_DIFFERENT_DEBIT_ACCOUNT_ID
        if self.credit_id[row] not in (ZERO_ID, accounts.id[pending.credit]):
            return Status.PENDING_TRANSFER_HAS_DIFFERENT_CREDIT_ACCOUNT_ID
        if self.ledger[row] not in (0, accounts.ledger[pending.debit]):
            return Status.PENDING_TRANSFER_HAS_DIFFERENT_LEDGER
        if self.code[row] not in (0, pending.code):
            return Status.PENDING_TRANSFER_HAS_DIFFERENT_CODE
        amount = _amount_resolved(self.amount[row], flags, pending)
        if amount > pending.amount:
            return Status.EXCEEDS_PENDING_TRANSFER_AMOUNT
        if flags & VOID and amount < pending.amount:
            return Status.PENDING_TRANSFER_HAS_DIFFERENT_AMOUNT
        if resolved := FATE_STATUS.get(self._fate(pending)):
            return resolved
        if pending.timeout and pending.timestamp + pending.timeout * NANOSECONDS <= self.timestamp[row]:
            return Status.PENDING_TRANSFER_EXPIRED
        if flags & POST:
            to_bank = accounts.account_class[pending.credit] == AccountClass.BANK_MIRROR
            # What was reserved for a bank has left by that bank: the book follows, whatever has happened since.
            status = self._passage(pending.debit, pending.credit, is_fact=to_bank)
            if status:
                return status
        self.debit[row], self.credit[row], self.code[row] = pending.debit, pending.credit, pending.code
        self.amount[row] = amount
        if self.user_data_128[row] == ZERO_ID:
            self.user_data_128[row] = pending.user_data_128
        self.user_data_64[row] = self.user_data_64[row] or pending.user_data_64
        self.user_data_32[row] = self.user_data_32[row] or pending.user_data_32
        return Status.CREATED

    def _fate(self, pending: Transfer) -> int:
        """Returns what has become of a pending transfer."""
        if pending.id in self.resolved:
            return self.resolved[pending.id][1]
        return IS_PENDING if pending.id in self.book.pending else self.book.fates[pending.row]

    def _compare(self, row: int, existing: Transfer) -> int:
        """Compares a resent row with the transfer that has its id."""
        accounts, flags = self.accounts, self.flags[row]
        if flags != existing.flags:
            return Status.EXISTS_WITH_DIFFERENT_FLAGS
        if self.pending_id[row] != existing.pending_id:
            return Status.EXISTS_WITH_DIFFERENT_PENDING_ID
        if self.timeout[row] != existing.timeout:
            return Status.EXISTS_WITH_DIFFERENT_TIMEOUT
        # A post or void may leave out what its pending transfer says.
        pending = self.find(existing.pending_id, row) if flags & (POST | VOID) else None
        default = (ZERO_ID, 0) if pending else ()
        debit_id, credit_id = accounts.id[existing.debit], accounts.id[existing.credit]
        if self.debit_id[row] != debit_id and self.debit_id[row] not in default:
            return Status.EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT_ID
        if self.credit_id[row] != credit_id and self.credit_id[row] not in default:
            return Status.EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT_ID
        amount, user_data_128 = self.amount[row], self.user_data_128[row]
        user_data_64, user_data_32 = self.user_data_64[row], self.user_data_32[row]
        if pending:
            # Whoever posted everything may have asked for more than there was, with the maximum or any such amount.
            amount = min(amount, pending.amount) if flags & POST else amount or pending.amount
            user_data_128 = pending.user_data_128 if user_data_128 == ZERO_ID else user_data_128
            user_data_64 = user_data_64 or pending.user_data_64
            user_data_32 = user_data_32 or pending.user_data_32
        elif flags & (BALANCING_DEBIT | BALANCING_CREDIT):
            amount = min(amount, existing.amount)
        if amount != existing.amount:
            return Status.EXISTS_WITH_DIFFERENT_AMOUNT
        if user_data_128 != existing.user_data_128:
            return Status.EXISTS_WITH_DIFFERENT_USER_DATA_128
        if user_data_64 != existing.user_data_64:
            return Status.EXISTS_WITH_DIFFERENT_USER_DATA_64
        if user_data_32 != existing.user_data_32:
            return Status.EXISTS_WITH_DIFFERENT_USER_DATA_32
        if self.ledger[row] != accounts.ledger[existing.debit] and self.ledger[row] not in default:
            return Status.EXISTS_WITH_DIFFERENT_LEDGER
        if self.code[row] != existing.code and self.code[row] not in default:
            return Status.EXISTS_WITH_DIFFERENT_CODE
        if self.columns.value_date_days and self.value_date[row] != existing.value_date:
            return Status.EXISTS_WITH_DIFFERENT_VALUE_DATE
        self.timestamp[row], self.amount[row] = existing.timestamp, existing.amount
        return Status.EXISTS


def _amount_resolved(amount: int, flags: int, pending: Transfer) -> int:
    """Returns the amount that a post or void asks for: the maximum means all to a post, 0 all to a void."""
    everything = amount == AMOUNT_MAX if flags & POST else not amount
    return pending.amount if everything else amount
