"""The packed events of custody: one leaf per account opened, transfer, expiry and change of state.

The stream of an event is its book, whose id is the tenant's. Accounts are dense indexes, resolved here so that a leaf
stands by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ringfence_kernel.values.descriptions import EventDescription

from ringfence_audit.translation.domain.accounts import ACCOUNT_KIND, Account, Accounts
from ringfence_audit.translation.domain.rows import Cells, Columns, Table, free_texts

SIGNED = 1 << 63


class CustodyTables:
    """Splits custody's events; learns accounts as they are opened."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def accounts_created(self, description: EventDescription, book: bytes, event: Mapping[str, Any]) -> Iterator[Table]:
        """One fact per account, with the index by which later events name it."""
        cells = Columns.of(description, event)
        identifiers, ledgers = cells["id"], cells["ledger"]
        indexes = range(event["first_index"], event["first_index"] + cells.rows)
        for index, identifier, owner, ledger in zip(indexes, identifiers, cells["owner_id"], ledgers, strict=True):
            self._accounts.add(book, index, Account(identifier, owner if any(owner) else None, ledger))
        columns: dict[str, Cells] = {
            "index": indexes,
            "account_id": identifiers,
            "owner_id": cells.present("owner_id"),
            "account_class": cells.named("account_class"),
            "ledger": ledgers,
            "code": cells["code"],
            "flags": cells["flags"],
            "status": cells.named("status"),
            "holds": cells["holds"],
            **_user_data(cells),
            "time_ns": cells["timestamp_ns"],
        }
        yield Table(ACCOUNT_KIND, cells.rows, columns, {"tenant_id": book})

    def transfers_created(
        self, description: EventDescription, book: bytes, event: Mapping[str, Any]
    ) -> Iterator[Table]:
        """One fact per transfer, then one per id that was refused for good."""
        cells = Columns.of(description, event)
        accounts = self._accounts.of_book(book)
        debits = [accounts[index] for index in cells["debit_account"]]
        credits = [accounts[index] for index in cells["credit_account"]]
        first, delays = event["timestamp_ns"], cells["delay_ns"]
        columns: dict[str, Cells] = {
            "transfer_id": cells["id"],
            "debit_account_id": [account.id for account in debits],
            "debit_owner_id": [account.owner for account in debits],
            "credit_account_id": [account.id for account in credits],
            "credit_owner_id": [account.owner for account in credits],
            "ledger": [account.ledger for account in debits],
            "amount_minor": cells["amount_minor"],
            "pending_id": cells.present("pending_id"),
            **_user_data(cells),
            "timeout_seconds": cells.present("timeout_seconds"),
            "code": cells["code"],
            "flags": cells["flags"],
            "value_date_days": cells["value_date_days"],
            "time_ns": [first + row + delay for row, delay in enumerate(delays)],
        }
        yield Table("custody.transfer.v1", cells.rows, columns, {"tenant_id": book})
        refused = cells["burnt"]
        yield Table("custody.transfer_refused.v1", len(refused), {"transfer_id": refused}, {"tenant_id": book})

    def transfers_evidenced(
        self, description: EventDescription, book: bytes, event: Mapping[str, Any]
    ) -> Iterator[Table]:
        """One fact per transfer that was created on the bank's word alone."""
        cells = Columns.of(description, event)
        columns: dict[str, Cells] = {
            "transfer_id": cells["id"],
            "evidence": cells["evidence_sha256"],
            "entry_id": cells["entry_id"],
            "feed_id": cells.present("feed_id"),
        }
        shared = {"tenant_id": book, "time_ns": event["timestamp_ns"]}
        yield Table("custody.transfer_evidence.v1", cells.rows, columns, shared)

    def transfers_expired(
        self, description: EventDescription, book: bytes, event: Mapping[str, Any]
    ) -> Iterator[Table]:
        """One fact per pending transfer whose time was over."""
        identifiers = Columns.of(description, event)["id"]
        shared = {"tenant_id": book, "time_ns": event["timestamp_ns"]}
        yield Table("custody.transfer_expired.v1", len(identifiers), {"transfer_id": identifiers}, shared)

    def owner_standing_changed(
        self, description: EventDescription, book: bytes, event: Mapping[str, Any]
    ) -> Iterator[Table]:
        """One fact for the owner, then one per account that it changed."""
        shared = {"tenant_id": book, "owner_id": event["owner_id"], "time_ns": event["timestamp_ns"]}
        yield Table("custody.owner_standing.v1", 1, {"standing": [event["standing"]]}, shared)
        cells = Columns.of(description, event)
        columns: dict[str, Cells] = {
            "account_id": self._account_ids(book, cells),
            "status": cells.named("status"),
            "holds": cells["holds"],
        }
        yield Table("custody.account_status.v1", cells.rows, columns, shared)

    def accounts_frozen(self, description: EventDescription, book: bytes, event: Mapping[str, Any]) -> Iterator[Table]:
        """One fact per account frozen."""
        return self._ordered("custody.account_frozen.v1", Columns.of(description, event), book)

    def accounts_released(
        self, description: EventDescription, book: bytes, event: Mapping[str, Any]
    ) -> Iterator[Table]:
        """One fact per account released."""
        return self._ordered("custody.account_released.v1", Columns.of(description, event), book)

    def account_status_changed(
        self, description: EventDescription, book: bytes, event: Mapping[str, Any]
    ) -> Iterator[Table]:
        """One fact: an account's lifecycle state after a decision."""
        account = self._accounts.of_book(book)[event["account"]]
        shared = {"tenant_id": book, "decided_by_id": event["decided_by"], "time_ns": event["timestamp_ns"]}
        columns: dict[str, Cells] = {
            "account_id": [account.id],
            "status": [(description.fields["status"].names or {})[event["status"]]],
            "reason": [event.get("reason") or None],
        }
        free = free_texts(description, {"reason": "reason"})
        yield Table("custody.account_status.v1", 1, columns, shared, free, [account.owner])

    def rules_adopted(self, description: EventDescription, book: bytes, event: Mapping[str, Any]) -> Iterator[Table]:
        """One fact: the rules of a book from here on, whole."""
        columns: dict[str, Cells] = {
            "version": [event["version"]],
            "document": [event["document"]],
            "document_sha256": [event["sha256"]],
        }
        shared = {"tenant_id": book, "adopted_by_id": event["adopted_by"], "time_ns": event["timestamp_ns"]}
        yield Table("custody.rules_adopted.v1", 1, columns, shared)

    def _ordered(self, kind: str, cells: Columns, book: bytes) -> Iterator[Table]:
        shared = {
            "tenant_id": book,
            "order_reference": cells.event["order_reference"],
            "ordered_by_id": cells.event["ordered_by"],
            "time_ns": cells.event["timestamp_ns"],
        }
        free = free_texts(cells.description, {"order_reference": "order_reference"})
        owners = [self._accounts.of_book(book)[index].owner for index in cells["account"]]
        yield Table(kind, cells.rows, {"account_id": self._account_ids(book, cells)}, shared, free, owners)

    def _account_ids(self, book: bytes, cells: Columns) -> list[bytes]:
        accounts = self._accounts.of_book(book)
        return [accounts[index].id for index in cells["account"]]


def _user_data(cells: Columns) -> dict[str, Cells]:
    """Gives the platform's own references; opaque 64-bit values as signed ones, since leaves hold signed integers."""
    numbers = [value - 2 * SIGNED if value >= SIGNED else value or None for value in cells["user_data_64"]]
    return {
        "user_data_128": cells.present("user_data_128"),
        "user_data_64": numbers,
        "user_data_32": cells.present("user_data_32"),
    }
