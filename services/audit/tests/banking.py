"""What custody and payment-instruction publish when a bank's file is booked, and what somebody may invent."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any

from ringfence_audit.evidence.domain.bookings import reserving_transfer, shortfall_account

from .feeds import BOOK, START_NS, SourceFeed, identifier

OTHER_BOOK = b"book-of-a-second"
FILE, OTHER_FILE = b"f" * 32, b"o" * 32
FEED = identifier("feed")
EUR, USD = 978, 840
DEPOSIT, WITHDRAWAL, ALLOCATION, RETURN = 1, 2, 9, 10
REVERSAL, RETRACTION, CHARGE, BANK_ALLOCATION = 19, 20, 21, 18
PLAIN, PENDING, POST, VOID, BALANCING = 0, 2, 4, 8, 16
SETTLE, FAIL = 7, 8
TO_CLIENT, TO_SUSPENSE, CONFIRM, ALLOCATED, REVERSED, RETRACTED, CHARGED, RESTORED = 1, 2, 3, 4, 5, 6, 7, 8
REPAID = 9
MIRROR, SUSPENSE, CLIENT, SECOND_CLIENT, OWED = 1, 2, 3, 4, 5
"""Accounts of each book by index; ids are `mirror.…` and so on, with the book's first letter."""
OF_CLIENTS = (TO_CLIENT, ALLOCATED, REVERSED)
"""What an entry is good for that names a client."""
ACCOUNTS = ("mirror", "suspense", "client", "second")


def account(name: str, book: bytes = BOOK) -> bytes:
    """Gives an account's id: books have accounts of their own."""
    return identifier(name) if book == BOOK else identifier(f"other-{name}")


@dataclass
class Bank:
    """Two services that publish what becomes of a bank's files."""

    custody: SourceFeed = field(default_factory=lambda: SourceFeed("custody"))
    payments: SourceFeed = field(default_factory=lambda: SourceFeed("payment-instruction"))

    def open(self, book: bytes = BOOK) -> None:
        """Opens the accounts of a book: mirror, suspense, two clients, and what the platform owes."""
        count = len(ACCOUNTS) + 1
        event = {
            "first_index": 1,
            "id": b"".join([*(account(name, book) for name in ACCOUNTS), shortfall_account(EUR)]),
            "owner_id": b"",
            "account_class": b"\x03\x04\x01\x01\x07",
            "ledger": struct.pack("<I", EUR),
            "code": struct.pack("<H", 1),
            "flags": b"",
            "status": b"\x02",
            "holds": b"",
            "user_data_128": b"",
            "user_data_64": b"",
            "timestamp_ns": struct.pack(f"<{count}Q", *range(START_NS, START_NS + count)),
        }
        self.custody.add("AccountsCreated.v1", event, book)

    def tell(
        self,
        entry: str,
        amount_minor: int = 100,
        *,
        file: bytes = FILE,
        purpose: int = TO_CLIENT,
        client: bool | None = None,
        ledger: int = EUR,
        source: bytes = FEED,
        book: bytes = BOOK,
    ) -> None:
        """A file with one entry is taken in."""
        event = {
            "tenant": book,
            "evidence_id": identifier(f"file {entry}"),
            "digest": file,
            "message_id": "M",
            "source": source,
            "authorisation": "",
            "authorisation_expires_ns": 0,
            "entry_ids": identifier(entry),
            "entry_digests": bytes(32),
            "references": [entry],
            "purposes": bytes([purpose]),
            "mirror_accounts": account("mirror", book),
            "client_accounts": account("client", book) if client or purpose in OF_CLIENTS else bytes(16),
            "owners": book,
            "instruction_ids": bytes(16),
            "amounts_minor": struct.pack(">Q", amount_minor),
            "ledgers": struct.pack(">H", ledger),
            "value_days": struct.pack(">i", 19_000),
            "reasons": [""],
            "sealed": [b"sealed"],
        }
        self.payments.add("EvidenceReceived.v1", event, identifier(f"file {entry}"))

    def order(
        self,
        payment: str,
        amount_minor: int = 100,
        *,
        ledger: int = EUR,
        debtor: str = "client",
        creditor: str = "",
        purpose: int = 0,
        mandate: str = "",
        book: bytes = BOOK,
    ) -> None:
        """A payment is taken in: to somebody outside, or to an account of the book."""
        event: dict[str, Any] = {
            "tenant": book,
            "submission_id": identifier("batch"),
            "first_index": 0,
            "instruction_ids": identifier(payment),
            "end_to_end_ids": ["E"],
            "debtor_accounts": account(debtor, book),
            "debtor_owners": book,
            "creditor_accounts": account(creditor, book) if creditor else bytes(16),
            "creditor_owners": bytes(16),
            "creditor_indexes": b"i" * 16,
            "amounts_minor": struct.pack(">Q", amount_minor),
            "ledgers": struct.pack(">H", ledger),
            "execution_days": struct.pack(">i", 0),
            "debtor_sealed": [b"d"],
            "creditor_sealed": [b"c"],
        }
        if purpose:
            event |= {"purposes": struct.pack(">H", purpose), "mandates": identifier(mandate)}
        self.payments.add("InstructionsReceived.v1", event, identifier("batch"))

    def allocate(self, name: str, entry: str, amount_minor: int = 100, *, credit: int = CLIENT, **order: Any) -> None:
        """An operator has an entry allocated to a client; `order` is what was ordered, else what is booked."""
        ordered = {"debtor": "suspense", "creditor": "client", "purpose": ALLOCATION, "mandate": entry}
        self.order(name, amount_minor, **(ordered | order))
        self.allot(name, entry, amount_minor, credit=credit)

    def allot(self, name: str, entry: str, amount_minor: int = 100, *, credit: int = CLIENT) -> None:
        """custody books an allocation under the id of the order, be there one or not."""
        transfer = reserving_transfer(BOOK, identifier(name))
        self.book(transfer, amount_minor, debit=SUSPENSE, credit=credit, code=ALLOCATION, mandate=identifier(entry))

    def step(self, payment: str, status: int) -> None:
        """A payment comes to another state."""
        event = {
            "tenant": BOOK,
            "submission_id": identifier("batch"),
            "cause": "test",
            "instruction_ids": identifier(payment),
            "indexes": bytes(4),
            "statuses": bytes([status]),
            "reasons": [""],
            "reason_rows": bytes(1),
            "details": {},
            "actor": b"",
            "evidence": b"",
            "reference": "",
        }
        self.payments.add("InstructionsAdvanced.v1", event, identifier("batch"))

    def answer(
        self, payment: str, directive: int = SETTLE, *, file: bytes = FILE, actor: bytes = b"", book: bytes = BOOK
    ) -> None:
        """The bank's answer to a payment is taken in."""
        event = {
            "tenant": book,
            "submission_id": identifier("batch"),
            "directive": directive,
            "instruction_ids": identifier(payment),
            "indexes": bytes(4),
            "reason": "",
            "details": {},
            "actor": actor,
            "evidence": file,
            "reference": "M",
            "note": "",
        }
        self.payments.add("InstructionsDirected.v1", event, identifier("batch"))

    def book(
        self,
        transfer: str | bytes,
        amount_minor: int = 100,
        *,
        debit: int = MIRROR,
        credit: int = CLIENT,
        code: int = DEPOSIT,
        flags: int = PLAIN,
        pending: bytes = bytes(16),
        mandate: bytes = b"m" * 16,
        late_ns: int = 0,
        book: bytes = BOOK,
    ) -> None:
        """custody creates a transfer."""
        event: dict[str, Any] = {
            "number": 1,
            "first_row": 0,
            "timestamp_ns": START_NS + len(self.custody.events) * 1_000_000_000 + late_ns,
            "id": identifier(transfer) if isinstance(transfer, str) else transfer,
            "debit_account": struct.pack("<I", debit),
            "credit_account": struct.pack("<I", credit),
            "amount_minor": struct.pack("<Q", amount_minor),
            "delay_ns": b"",
            "pending_id": pending,
            "user_data_128": mandate,
            "user_data_64": b"",
            "timeout_seconds": b"",
            "code": struct.pack("<H", code),
            "flags": struct.pack("<H", flags),
            "value_date_days": struct.pack("<i", 19_000),
            "burnt": b"",
        }
        self.custody.add("TransfersCreated.v1", event, book)

    def rest(
        self, transfer: str, entry: bytes, *, file: bytes = FILE, feed: bytes = bytes(16), book: bytes = BOOK
    ) -> None:
        """custody publishes what a transfer rests on."""
        event = {
            "timestamp_ns": START_NS,
            "id": identifier(transfer),
            "evidence_sha256": file,
            "entry_id": entry,
            "feed_id": feed,
        }
        self.custody.add("TransfersEvidenced.v1", event, book)

    def deposit(self, transfer: str, entry: str, amount_minor: int = 100, **changes: Any) -> None:
        """custody books an entry; `changes` go to the transfer or to what it rests on."""
        book = changes.pop("book", BOOK)
        rests = {name: changes.pop(name) for name in ("file", "feed") if name in changes}
        self.book(transfer, amount_minor, book=book, **changes)
        self.rest(transfer, identifier(entry), book=book, **{"feed": FEED, **rests})

    def take(self, name: str, entry: str, amount_minor: int = 100, **changes: Any) -> None:
        """custody books what the bank has taken: by the mirror."""
        changes = {"debit": OWED, "credit": MIRROR, "code": REVERSAL} | changes
        self.deposit(name, entry, amount_minor, **changes)

    def give(self, name: str, entry: str, amount_minor: int = 100, **changes: Any) -> None:
        """custody books what is given for it."""
        changes = {"debit": CLIENT, "credit": OWED, "code": REVERSAL, "flags": BALANCING} | changes
        self.deposit(name, entry, amount_minor, **changes)

    def reserve(self, payment: str, amount_minor: int = 100, *, book: bytes = BOOK) -> bytes:
        """custody reserves a payment's money; returns the transfer."""
        reserved = reserving_transfer(book, identifier(payment))
        self.book(f"r-{payment}", amount_minor, debit=CLIENT, credit=MIRROR, code=WITHDRAWAL, flags=PENDING, book=book)
        return reserved

    def end(
        self,
        payment: str,
        amount_minor: int = 100,
        *,
        flags: int = POST,
        rests: bool = True,
        names: str | None = None,
        book: bytes = BOOK,
        **evidence: bytes,
    ) -> None:
        """custody posts or voids what was reserved for a payment; it rests on the answer to it, or to another one."""
        pending = reserving_transfer(book, identifier(payment))
        ids = {"debit": CLIENT, "credit": MIRROR, "code": WITHDRAWAL, "flags": flags, "pending": pending}
        self.book(f"e-{payment}", amount_minor, book=book, **ids)  # type: ignore[arg-type]
        if rests:
            self.rest(f"e-{payment}", reserving_transfer(book, identifier(names or payment)), book=book, **evidence)

    def window(self, *, seconds: int = 3_600, book: bytes = BOOK) -> None:
        """Two people open a migration window."""
        now = START_NS + len(self.custody.events) * 1_000_000_000
        event = {
            "timestamp_ns": now,
            "window": identifier("window"),
            "until_ns": now + seconds * 1_000_000_000,
            "reason": "moving",
            "opened_by": identifier("operator"),
        }
        self.custody.add("MigrationOpened.v1", event, book)

    def close(self, book: bytes = BOOK) -> None:
        """The window is closed."""
        event = {
            "timestamp_ns": START_NS,
            "window": identifier("window"),
            "reason": "done",
            "closed_by": identifier("operator"),
        }
        self.custody.add("MigrationClosed.v1", event, book)
