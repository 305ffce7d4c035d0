"""A book for tests: named accounts and transfers, events kept in memory, commits that succeed, fail or are replayed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ringfence_custody.ledger.domain.apply import apply
from ringfence_custody.ledger.domain.authority import Authority, Reach
from ringfence_custody.ledger.domain.book import Book
from ringfence_custody.ledger.domain.change_accounts import (
    decide_freeze,
    decide_release,
    decide_standing,
    decide_statuses,
)
from ringfence_custody.ledger.domain.columns import AccountColumns, TransferColumns
from ringfence_custody.ledger.domain.create_accounts import decide_accounts
from ringfence_custody.ledger.domain.create_transfers import decide_transfers
from ringfence_custody.ledger.domain.incoming import Outcome
from ringfence_custody.ledger.domain.lifecycle import AccountStatus, Standing
from ringfence_custody.ledger.domain.mirrors import decide_letter, mirror_of
from ringfence_custody.ledger.domain.packed import TransferBatch, unpacked
from ringfence_custody.ledger.domain.purposes import AccountClass
from ringfence_custody.ledger.domain.result_codes import CreateAccountStatus, CreateTransferStatus
from ringfence_custody.ledger.domain.rule_packs import PurposeRule, decide_rules
from ringfence_custody.ledger.domain.standings import CURRENT
from ringfence_kernel.writing.journal import Journal

EUR, CZK = 978, 203
PAYMENT, DEPOSIT, WITHDRAWAL, FEE, GRANT, FUNDING, CALL, GUARANTEE_RELEASE, CLOSURE = 3, 1, 2, 4, 8, 11, 12, 13, 16
COLLECTION, SHORTFALL_FUNDING, ALLOCATION, REVERSAL, RETRACTION, CHARGE, RESTORATION = 6, 17, 18, 19, 20, 21, 22
START_NS = 1_700_000_000_000_000_000
OWNER = b"owner of accounts"[:16]
MANDATE = b"instruction.0001"
SECOND = 1_000_000_000
IMPORTER = Authority(b"importer number1", Reach.MIGRATION, MANDATE)
"""Whoever posts where a test says nothing else: in a window whose id every row names."""


def id_of(name: str | bytes) -> bytes:
    """Returns the id that a name stands for; 16 bytes stand for themselves, an empty name for zero."""
    if isinstance(name, bytes):
        return name
    return hashlib.sha256(name.encode()).digest()[:16] if name else bytes(16)


@dataclass(frozen=True)
class Row:
    """A transfer by names."""

    id: str | bytes
    debit: str | bytes = ""
    credit: str | bytes = ""
    amount: int = 0
    flags: int = 0
    pending_id: str | bytes = ""
    code: int = PAYMENT
    ledger: int = EUR
    timeout: int = 0
    user_data_128: bytes = MANDATE
    user_data_64: int = 0
    user_data_32: int = 0
    value_date: int | None = None


def columns_of(rows: Sequence[Row]) -> TransferColumns:
    """Returns rows as columns."""
    dates = [row.value_date for row in rows if row.value_date is not None]
    return TransferColumns(
        id=b"".join(id_of(row.id) for row in rows),
        debit_account_id=b"".join(id_of(row.debit) for row in rows),
        credit_account_id=b"".join(id_of(row.credit) for row in rows),
        amount_minor=[row.amount for row in rows],
        pending_id=b"".join(id_of(row.pending_id) for row in rows),
        user_data_128=b"".join(row.user_data_128 for row in rows),
        user_data_64=[row.user_data_64 for row in rows],
        user_data_32=[row.user_data_32 for row in rows],
        timeout_seconds=[row.timeout for row in rows],
        ledger=[row.ledger for row in rows],
        code=[row.code for row in rows],
        flags=[row.flags for row in rows],
        value_date_days=dates,
    )


class Ledger:
    """One book, its committed events, and a clock."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.committed: dict[int, TransferBatch] = {}
        self.now_ns = START_NS
        self.authority = IMPORTER
        self.standings = CURRENT
        self.journal = Journal()
        self.book = Book(self)
        self.record(decide_standing(self.book, OWNER, Standing.ADMITTED, self.now_ns))

    def load(self, number: int) -> TransferBatch | None:
        """Returns a committed batch."""
        return self.committed.get(number)

    def record(self, event: Any) -> None:
        """Commits an event and applies it."""
        if event is not None:
            self.commit()
            self.events.append(event)
            apply(self.book, event, self.journal)
            self.journal.clear()

    def account(
        self,
        name: str,
        account_class: AccountClass = AccountClass.CLIENT,
        *,
        flags: int = 0,
        ledger: int = EUR,
        owner: bytes | None = None,
        code: int = 1,
    ) -> str:
        """Opens an account; returns the result code's name."""
        if owner is None:
            owner = OWNER if account_class is AccountClass.CLIENT else bytes(16)
        columns = AccountColumns(id_of(name), owner, [account_class], [ledger], [code], [flags])
        result = self.accounts(columns, own=account_class is AccountClass.SHORTFALL)[0]
        if result == "created" and account_class is AccountClass.BANK_MIRROR:
            self.letter(name)
        return result

    def letter(self, name: str, *, stands: bool = True) -> None:
        """Takes in that a mirror's letter is countersigned, or has ended."""
        mirror = mirror_of(self.book, id_of(name))
        event = decide_letter(
            self.book, mirror, stands=stands, decided_by=MANDATE, reason="letter 1", now_ns=self.now_ns
        )
        self.record(event)

    def accounts(self, columns: AccountColumns, *, own: bool = False) -> list[str]:
        """Opens accounts by columns, or has custody open its own; returns the names of the result codes."""
        columns.check()
        event, status, _ = decide_accounts(self.book, columns, self.now_ns, own=own)
        self.record(event)
        return [CreateAccountStatus(code).name.lower() for code in status]

    def decide(self, *rows: Row, with_balances: bool = False) -> Outcome:
        """Decides a batch without committing it."""
        columns = columns_of(rows)
        columns.check()
        return decide_transfers(
            self.book,
            columns,
            self.now_ns,
            authority=self.authority,
            with_balances=with_balances,
            rules=self.book.rules,
            standings=self.standings,
        )

    def send(self, *rows: Row) -> list[str]:
        """Decides and commits a batch; returns the names of the result codes."""
        names = [CreateTransferStatus(code).name.lower() for code in self.decide(*rows).status]
        self.commit()
        return names

    def commit(self) -> None:
        """Commits what was decided."""
        event = self.book.seal()
        if event is not None:
            self.events.append(event)
            self.committed[event.number] = unpacked(event)
            self.book.forget_sealed(event.number)

    def fund(self, name: str, amount: int, ledger: int = EUR) -> None:
        """Deposits money from the bank, opening its mirror on the way."""
        bank = f"bank {ledger}"
        self.account(bank, AccountClass.BANK_MIRROR, ledger=ledger)
        account_class = self.book.accounts.account_class[self.index(name)]
        code = FUNDING if account_class == AccountClass.GUARANTEE else DEPOSIT
        row = Row(f"funding {name} {len(self.events)}", bank, name, amount, code=code, ledger=ledger)
        assert self.send(row) == ["created"]

    def index(self, name: str | bytes) -> int:
        """Returns the dense index of an account."""
        return self.book.accounts.index[id_of(name)]

    def balances(self, name: str) -> tuple[int, int, int, int]:
        """Returns debits pending and posted, credits pending and posted."""
        return self.book.accounts.balances(self.index(name))

    def advance(self, seconds: float) -> None:
        """Lets time pass."""
        self.now_ns += int(seconds * SECOND)

    def expire(self) -> None:
        """Commits the expiry of what is due."""
        self.commit()
        self.record(self.book.decide_expiry(self.now_ns, 1_000))

    def freeze(self, name: str, order: str = "order 1") -> None:
        """Freezes an account."""
        self.record(decide_freeze(self.book, [self.index(name)], order, MANDATE, self.now_ns))

    def release(self, name: str, order: str = "order 1") -> None:
        """Releases an account from an order."""
        self.record(decide_release(self.book, [self.index(name)], order, MANDATE, self.now_ns))

    def standing(self, standing: Standing, owner: bytes = OWNER) -> None:
        """Takes in what identity says of an owner."""
        self.record(decide_standing(self.book, owner, standing, self.now_ns))

    def set_status(self, status: AccountStatus, *names: str, reason: str = "decision 1") -> None:
        """Moves accounts along their life cycle by an operator's decision."""
        accounts = [self.index(name) for name in names]
        for event in decide_statuses(self.book, accounts, status, MANDATE, reason, self.now_ns):
            self.record(event)

    def adopt(self, version: str, *rules: PurposeRule) -> None:
        """Puts rules in force."""
        self.record(decide_rules(self.book, version, rules, MANDATE, self.now_ns))

    def shown(self, name: str) -> AccountStatus:
        """Returns the status of an account as seen from outside."""
        return self.book.accounts.shown_status(self.index(name))

    def replayed(self) -> Book:
        """Returns a book built from the committed events alone."""
        book, journal = Book(self), Journal()
        for event in self.events:
            apply(book, event, journal)
        return book
