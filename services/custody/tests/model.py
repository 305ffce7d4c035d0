"""A small, slow, obviously right ledger: every transfer is an object, every check one line, every chain a copy."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ringfence_custody.ledger.domain.purposes import PURPOSES, AccountClass, Purpose
from ringfence_kernel.values.ids import MAX_ID

from .ledger import SECOND, Row, id_of

MAX, ALL = 2**63 - 1, 2**64 - 1
ZERO = bytes(16)
LINKED, PENDING, POST, VOID, BALANCING_DEBIT, BALANCING_CREDIT, CLOSING_DEBIT, CLOSING_CREDIT = (2**n for n in range(8))
PURPOSE = {purpose.code: purpose for purpose in PURPOSES}
BURNS = {
    "debit_account_not_found",
    "credit_account_not_found",
    "pending_transfer_not_found",
    "debit_account_already_closed",
    "credit_account_already_closed",
    "exceeds_credits",
    "exceeds_debits",
    "debit_account_frozen",
    "credit_account_frozen",
    "overdraft_not_covered",
    "guarantee_below_overdrafts",
    "purpose_unknown",
    "account_class_mismatch",
    "mandate_missing",
    "mandate_unknown",
    "debit_account_not_active",
    "exceeds_purpose_maximum",
    "shortfall_unfunded",
}
OWED = (AccountClass.BANK_MIRROR, AccountClass.SHORTFALL)


@dataclass
class ModelAccount:
    """An account."""

    account_class: AccountClass
    ledger: int
    covered: bool = False
    closed: bool = False
    frozen: bool = False
    restricted: bool = False
    debits_pending: int = 0
    debits_posted: int = 0
    credits_pending: int = 0
    credits_posted: int = 0

    @property
    def free(self) -> int:
        """What may still be debited."""
        return self.credits_posted - self.debits_posted - self.debits_pending

    @property
    def room(self) -> int:
        """What may still be credited to a bank mirror."""
        return self.debits_posted - self.credits_posted - self.credits_pending


@dataclass(frozen=True)
class Stored:
    """A transfer as stored, and what became of it."""

    row: Row
    timestamp: int
    fate: str = ""

    @property
    def deadline(self) -> int:
        """When it expires."""
        return self.timestamp + self.row.timeout * SECOND


@dataclass
class Model:
    """The book."""

    accounts: dict[str | bytes, ModelAccount] = field(default_factory=dict)
    transfers: dict[str | bytes, Stored] = field(default_factory=dict)
    burnt: set[str | bytes] = field(default_factory=set)
    purposes: dict[int, Purpose] = field(default_factory=lambda: dict(PURPOSE))

    def copy(self) -> Model:
        """Returns a model that goes its own way from here."""
        accounts = {name: replace(account) for name, account in self.accounts.items()}
        return Model(accounts, dict(self.transfers), set(self.burnt), self.purposes)

    def send(self, rows: list[Row], now: int) -> list[str]:
        """Decides a batch; returns the result names."""
        results: list[str] = []
        chain: list[int] = []
        before: Model | None = None
        broken = False
        for index, row in enumerate(rows):
            if row.flags & LINKED and before is None:
                before = self.copy()
            if before is not None:
                chain.append(index)
            if row.flags & LINKED and index == len(rows) - 1:
                result = "linked_event_chain_open"
            elif broken:
                result = "linked_event_failed"
            else:
                result = self.decide(row, now + index)
            if result in BURNS:
                self.burnt.add(row.id)
            results.append(result)
            if result != "created" and before is not None and not broken:
                broken = True
                self.accounts, self.transfers = before.accounts, before.transfers
                results[chain[0] : index] = ["linked_event_failed"] * (index - chain[0])
            if before is not None and (not row.flags & LINKED or index == len(rows) - 1):
                before, chain, broken = None, [], False
        return results

    def decide(self, row: Row, now: int) -> str:
        """Decides one transfer."""
        if row.flags >= 256:
            return "reserved_flag"
        if id_of(row.id) in (ZERO, MAX_ID):
            return "id_must_not_be_zero" if id_of(row.id) == ZERO else "id_must_not_be_int_max"
        if row.id in self.transfers:
            return self.compare(row, self.transfers[row.id].row)
        if row.id in self.burnt:
            return "id_already_failed"
        if row.flags & (POST | VOID):
            return self.resolve(row, now)
        return self.malformed(row) or self.forbidden(row) or self.move(row, now)

    def compare(self, row: Row, stored: Row) -> str:
        """Compares a resent row with what is stored."""
        if row.flags != stored.flags:
            return "exists_with_different_flags"
        if row.pending_id != stored.pending_id:
            return "exists_with_different_pending_id"
        if row.timeout != stored.timeout:
            return "exists_with_different_timeout"
        if row.flags & (POST | VOID):
            pending = self.transfers[stored.pending_id].row
            row = self.filled_in(row, pending)
            if row.flags & POST and row.amount > pending.amount:
                row = replace(row, amount=pending.amount)
        if row.flags & (BALANCING_DEBIT | BALANCING_CREDIT) and row.amount > stored.amount:
            row = replace(row, amount=stored.amount)
        for name, field_name in (
            ("debit_account_id", "debit"),
            ("credit_account_id", "credit"),
            ("amount", "amount"),
            ("user_data_128", "user_data_128"),
            ("user_data_64", "user_data_64"),
            ("user_data_32", "user_data_32"),
            ("ledger", "ledger"),
            ("code", "code"),
        ):
            if getattr(row, field_name) != getattr(stored, field_name):
                return f"exists_with_different_{name}"
        return "exists"

    def malformed(self, row: Row) -> str:
        """Checks a row by itself."""
        checks = [
            (id_of(row.debit) == ZERO, "debit_account_id_must_not_be_zero"),
            (id_of(row.credit) == ZERO, "credit_account_id_must_not_be_zero"),
            (row.debit == row.credit, "accounts_must_be_different"),
            (bool(row.pending_id), "pending_id_must_be_zero"),
            (bool(row.timeout and not row.flags & PENDING), "timeout_reserved_for_pending_transfer"),
            (
                bool(row.flags & (CLOSING_DEBIT | CLOSING_CREDIT) and not row.flags & PENDING),
                "closing_transfer_must_be_pending",
            ),
            (not row.ledger, "ledger_must_not_be_zero"),
            (not row.code, "code_must_not_be_zero"),
        ]
        return next((name for wrong, name in checks if wrong), "")

    def forbidden(self, row: Row) -> str:
        """Checks whether money may pass between the accounts."""
        if row.debit not in self.accounts:
            return "debit_account_not_found"
        if row.credit not in self.accounts:
            return "credit_account_not_found"
        debit, credit = self.accounts[row.debit], self.accounts[row.credit]
        purpose = self.purposes.get(row.code)
        closing = bool(row.flags & (CLOSING_DEBIT | CLOSING_CREDIT))
        checks = [
            (debit.ledger != credit.ledger, "accounts_must_have_the_same_ledger"),
            (row.ledger != debit.ledger, "transfer_must_have_the_same_ledger_as_accounts"),
            (purpose is None, "purpose_unknown"),
            (
                purpose is not None
                and (
                    (debit.account_class, credit.account_class) not in purpose.pairs
                    or (purpose.closing_only and not closing)
                ),
                "account_class_mismatch",
            ),
            (
                purpose is not None and purpose.mandate_required and row.user_data_128 == ZERO,
                "mandate_missing",
            ),
            (debit.frozen, "debit_account_frozen"),
            (debit.restricted, "debit_account_not_active"),
            (credit.frozen, "credit_account_frozen"),
            (debit.closed, "debit_account_already_closed"),
            (credit.closed, "credit_account_already_closed"),
            (row.code in (6, 7) and self.owes(), "shortfall_unfunded"),
        ]
        return next((name for wrong, name in checks if wrong), "")

    def move(self, row: Row, now: int) -> str:
        """Checks the amount and moves it."""
        debit, credit = self.accounts[row.debit], self.accounts[row.credit]
        if row.flags & BALANCING_DEBIT:
            row = replace(row, amount=min(row.amount, max(0, debit.free)))
        if row.flags & BALANCING_CREDIT:
            row = replace(row, amount=min(row.amount, max(0, credit.room)))
        amount, pending = row.amount, bool(row.flags & PENDING)
        checks = [
            (amount > self.purposes[row.code].maximum_minor, "exceeds_purpose_maximum"),
            (pending and debit.debits_pending + amount > MAX, "overflows_debits_pending"),
            (pending and credit.credits_pending + amount > MAX, "overflows_credits_pending"),
            (debit.debits_posted + amount > MAX, "overflows_debits_posted"),
            (credit.credits_posted + amount > MAX, "overflows_credits_posted"),
            (debit.debits_pending + debit.debits_posted + amount > MAX, "overflows_debits"),
            (credit.credits_pending + credit.credits_posted + amount > MAX, "overflows_credits"),
            (now + row.timeout * SECOND > MAX, "overflows_timeout"),
            (
                debit.account_class not in OWED and not debit.covered and debit.free < amount,
                "exceeds_credits",
            ),
            (credit.account_class in OWED and credit.room < amount, "exceeds_debits"),
        ]
        refusal = next((name for wrong, name in checks if wrong), "")
        if refusal:
            return refusal
        kept = self.copy().accounts
        if pending:
            debit.debits_pending += amount
            credit.credits_pending += amount
            debit.closed = debit.closed or bool(row.flags & CLOSING_DEBIT)
            credit.closed = credit.closed or bool(row.flags & CLOSING_CREDIT)
        else:
            debit.debits_posted += amount
            credit.credits_posted += amount
        if not self.is_covered():
            self.accounts = kept
            is_guarantee = debit.account_class == AccountClass.GUARANTEE
            return "guarantee_below_overdrafts" if is_guarantee else "overdraft_not_covered"
        self.transfers[row.id] = Stored(row, now, "pending" if pending else "")
        return "created"

    def owes(self) -> bool:
        """Tells whether the platform owes clients money."""
        owed = [account for account in self.accounts.values() if account.account_class == AccountClass.SHORTFALL]
        return any(account.credits_posted != account.debits_posted for account in owed)

    def is_covered(self) -> bool:
        """Tells whether overdrafts are within the guarantees, ledger by ledger."""
        for ledger in {account.ledger for account in self.accounts.values()}:
            own = [account for account in self.accounts.values() if account.ledger == ledger]
            overdrawn = sum(max(0, -account.free) for account in own if account.covered)
            if overdrawn > sum(account.free for account in own if account.account_class == AccountClass.GUARANTEE):
                return False
        return True

    def filled_in(self, row: Row, pending: Row) -> Row:
        """Returns a post or void with what it leaves out taken from the pending transfer."""
        everything = row.amount == ALL if row.flags & POST else row.amount == 0
        return replace(
            row,
            debit=row.debit or pending.debit,
            credit=row.credit or pending.credit,
            amount=pending.amount if everything else row.amount,
            user_data_128=pending.user_data_128 if row.user_data_128 == ZERO else row.user_data_128,
            user_data_64=row.user_data_64 or pending.user_data_64,
            user_data_32=row.user_data_32 or pending.user_data_32,
            ledger=row.ledger or pending.ledger,
            code=row.code or pending.code,
        )

    def resolve(self, row: Row, now: int) -> str:
        """Posts or voids."""
        if (row.flags & POST and row.flags & VOID) or row.flags & ~(LINKED | POST | VOID):
            return "flags_are_mutually_exclusive"
        if not row.pending_id:
            return "pending_id_must_not_be_zero"
        if row.pending_id == row.id:
            return "pending_id_must_be_different"
        if row.timeout:
            return "timeout_reserved_for_pending_transfer"
        stored = self.transfers.get(row.pending_id)
        if stored is None:
            return "pending_transfer_not_found"
        if not stored.row.flags & PENDING:
            return "pending_transfer_not_pending"
        pending, row = stored.row, self.filled_in(row, stored.row)
        debit, credit = self.accounts[pending.debit], self.accounts[pending.credit]
        post = bool(row.flags & POST)
        stops = post and credit.account_class != AccountClass.BANK_MIRROR
        checks = [
            (row.debit != pending.debit, "pending_transfer_has_different_debit_account_id"),
            (row.credit != pending.credit, "pending_transfer_has_different_credit_account_id"),
            (row.ledger != pending.ledger, "pending_transfer_has_different_ledger"),
            (row.code != pending.code, "pending_transfer_has_different_code"),
            (row.amount > pending.amount, "exceeds_pending_transfer_amount"),
            (not post and row.amount < pending.amount, "pending_transfer_has_different_amount"),
            (stored.fate == "posted", "pending_transfer_already_posted"),
            (stored.fate == "voided", "pending_transfer_already_voided"),
            (stored.fate == "expired" or bool(pending.timeout and stored.deadline <= now), "pending_transfer_expired"),
            (stops and debit.frozen, "debit_account_frozen"),
            (stops and debit.restricted, "debit_account_not_active"),
            (stops and credit.frozen, "credit_account_frozen"),
            (post and debit.closed, "debit_account_already_closed"),
            (post and credit.closed, "credit_account_already_closed"),
        ]
        refusal = next((name for wrong, name in checks if wrong), "")
        if refusal:
            return refusal
        self.finish(stored, "posted" if post else "voided", row.amount if post else 0)
        self.transfers[row.id] = Stored(row, now)
        return "created"

    def finish(self, stored: Stored, fate: str, posted: int) -> None:
        """Ends a pending transfer."""
        pending = stored.row
        debit, credit = self.accounts[pending.debit], self.accounts[pending.credit]
        debit.debits_pending -= pending.amount
        credit.credits_pending -= pending.amount
        debit.debits_posted += posted
        credit.credits_posted += posted
        debit.closed = debit.closed and not pending.flags & CLOSING_DEBIT
        credit.closed = credit.closed and not pending.flags & CLOSING_CREDIT
        self.transfers[pending.id] = replace(stored, fate=fate)

    def expire(self, now: int) -> None:
        """Releases what is due."""
        for stored in list(self.transfers.values()):
            if stored.fate == "pending" and stored.row.timeout and stored.deadline <= now:
                self.finish(stored, "expired", 0)
