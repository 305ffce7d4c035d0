"""The packed events of custody: one leaf per account opened, transfer, expiry and change of state.

The stream of an event is its book, whose id is the tenant's. Columns are little-endian; an empty one has 0 in every
row, one with a single value has it in every row. Accounts are dense indexes, resolved here so that a leaf stands by
itself.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ringfence_protos.custody.v1.custody_pb2 import AccountClass, AccountStatus

from ringfence_audit.translation.domain.accounts import ACCOUNT_KIND, Account, Accounts
from ringfence_audit.translation.domain.rows import Cells, Table, require

CLASS = {int(value): name.removeprefix("ACCOUNT_CLASS_") for name, value in AccountClass.items()}
STATUS = {int(value): name.removeprefix("ACCOUNT_STATUS_") for name, value in AccountStatus.items()}
ZERO = bytes(16)


class CustodyTables:
    """Splits custody's events; learns accounts as they are opened."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def accounts_created(self, book: bytes, event: Mapping[str, Any]) -> Iterator[Table]:
        """One fact per account, with the index by which later events name it."""
        identifiers = _ids(event["id"], rows := len(event["id"]) // 16)
        owners, ledgers = _ids(event["owner_id"], rows), _numbers("I", event["ledger"], rows)
        indexes = range(event["first_index"], event["first_index"] + rows)
        for index, identifier, owner, ledger in zip(indexes, identifiers, owners, ledgers, strict=True):
            self._accounts.add(book, index, Account(identifier, owner if owner != ZERO else None, ledger))
        columns: dict[str, Cells] = {
            "index": indexes,
            "account_id": identifiers,
            "owner_id": _present(owners),
            "account_class": _names(CLASS, event["account_class"], rows),
            "ledger": ledgers,
            "code": _numbers("H", event["code"], rows),
            "flags": _numbers("H", event["flags"], rows),
            "status": _names(STATUS, event["status"], rows),
            "holds": _numbers("B", event["holds"], rows),
            "user_data_128": _present(_ids(event["user_data_128"], rows)),
            "user_data_64": _present(_signed(event["user_data_64"], rows)),
            "user_data_32": _present(_numbers("I", event.get("user_data_32", b""), rows)),
            "time_ns": _numbers("Q", event["timestamp_ns"], rows),
        }
        yield Table(ACCOUNT_KIND, rows, columns, {"tenant_id": book})

    def transfers_created(self, book: bytes, event: Mapping[str, Any]) -> Iterator[Table]:
        """One fact per transfer, then one per id that was refused for good."""
        rows = len(event["id"]) // 16
        accounts = self._accounts.of_book(book)
        debits = [accounts[index] for index in _numbers("I", event["debit_account"], rows)]
        credits = [accounts[index] for index in _numbers("I", event["credit_account"], rows)]
        first, delays = event["timestamp_ns"], _numbers("Q", event["delay_ns"], rows)
        columns: dict[str, Cells] = {
            "transfer_id": _ids(event["id"], rows),
            "debit_account_id": [account.id for account in debits],
            "debit_owner_id": [account.owner for account in debits],
            "credit_account_id": [account.id for account in credits],
            "credit_owner_id": [account.owner for account in credits],
            "ledger": [account.ledger for account in debits],
            "amount_minor": _numbers("Q", event["amount_minor"], rows),
            "pending_id": _present(_ids(event["pending_id"], rows)),
            "user_data_128": _present(_ids(event["user_data_128"], rows)),
            "user_data_64": _present(_signed(event["user_data_64"], rows)),
            "user_data_32": _present(_numbers("I", event.get("user_data_32", b""), rows)),
            "timeout_seconds": _present(_numbers("I", event["timeout_seconds"], rows)),
            "code": _numbers("H", event["code"], rows),
            "flags": _numbers("H", event["flags"], rows),
            "value_date_days": _numbers("i", event["value_date_days"], rows),
            "time_ns": [first + row + delay for row, delay in enumerate(delays)],
        }
        yield Table("custody.transfer.v1", rows, columns, {"tenant_id": book})
        refused = _ids(event["burnt"], len(event["burnt"]) // 16)
        yield Table("custody.transfer_refused.v1", len(refused), {"transfer_id": refused}, {"tenant_id": book})

    def transfers_expired(self, book: bytes, event: Mapping[str, Any]) -> Iterator[Table]:
        """One fact per pending transfer whose time was over."""
        identifiers = _ids(event["id"], len(event["id"]) // 16)
        shared = {"tenant_id": book, "time_ns": event["timestamp_ns"]}
        yield Table("custody.transfer_expired.v1", len(identifiers), {"transfer_id": identifiers}, shared)

    def owner_standing_changed(self, book: bytes, event: Mapping[str, Any]) -> Iterator[Table]:
        """One fact for the owner, then one per account that it changed."""
        shared = {"tenant_id": book, "owner_id": event["owner_id"], "time_ns": event["timestamp_ns"]}
        yield Table("custody.owner_standing.v1", 1, {"standing": [event["standing"]]}, shared)
        accounts = self._named_accounts(book, event["account"])
        columns: dict[str, Cells] = {
            "account_id": accounts,
            "status": _names(STATUS, event["status"], len(accounts)),
            "holds": _numbers("B", event["holds"], len(accounts)),
        }
        yield Table("custody.account_status.v1", len(accounts), columns, shared)

    def accounts_frozen(self, book: bytes, event: Mapping[str, Any]) -> Iterator[Table]:
        """One fact per account frozen."""
        return self._ordered("custody.account_frozen.v1", book, event)

    def accounts_released(self, book: bytes, event: Mapping[str, Any]) -> Iterator[Table]:
        """One fact per account released."""
        return self._ordered("custody.account_released.v1", book, event)

    def account_status_changed(self, book: bytes, event: Mapping[str, Any]) -> Iterator[Table]:
        """One fact: an account's lifecycle state after a decision."""
        account = self._accounts.of_book(book)[event["account"]]
        shared = {"tenant_id": book, "decided_by_id": event["decided_by"], "time_ns": event["timestamp_ns"]}
        columns: dict[str, Cells] = {
            "account_id": [account.id],
            "status": [STATUS[event["status"]]],
            "reason": [event.get("reason") or None],
        }
        yield Table("custody.account_status.v1", 1, columns, shared)

    def rules_adopted(self, book: bytes, event: Mapping[str, Any]) -> Iterator[Table]:
        """One fact: the rules of a book from here on, whole."""
        columns: dict[str, Cells] = {
            "version": [event["version"]],
            "document": [event["document"]],
            "document_sha256": [event["sha256"]],
        }
        shared = {"tenant_id": book, "adopted_by_id": event["adopted_by"], "time_ns": event["timestamp_ns"]}
        yield Table("custody.rules_adopted.v1", 1, columns, shared)

    def _ordered(self, kind: str, book: bytes, event: Mapping[str, Any]) -> Iterator[Table]:
        accounts = self._named_accounts(book, event["account"])
        shared = {
            "tenant_id": book,
            "order_reference": event["order_reference"],
            "ordered_by_id": event["ordered_by"],
            "time_ns": event["timestamp_ns"],
        }
        yield Table(kind, len(accounts), {"account_id": accounts}, shared)

    def _named_accounts(self, book: bytes, indexes: bytes) -> list[bytes]:
        accounts = self._accounts.of_book(book)
        return [accounts[index].id for index in _numbers("I", indexes, len(indexes) // 4)]


def _ids(column: bytes, rows: int) -> Sequence[bytes]:
    if len(column) <= 16:
        return [column or ZERO] * rows
    require(len(column) == 16 * rows)
    return [column[at : at + 16] for at in range(0, len(column), 16)]


def _numbers(code: str, column: bytes, rows: int) -> Sequence[int]:
    width = struct.calcsize(f"<{code}")
    if len(column) <= width:
        column = (column or bytes(width)) * rows
    return struct.unpack(f"<{rows}{code}", column)


def _signed(column: bytes, rows: int) -> Sequence[int]:
    """Reads opaque 64-bit values as signed ones: leaves hold signed integers."""
    return _numbers("q", column, rows)


def _names(names: Mapping[int, str], column: bytes, rows: int) -> Cells:
    return [names.get(number, str(number)) for number in _numbers("B", column, rows)]


def _present(values: Iterable[bytes | int]) -> Cells:
    """Gives None for what is zero."""
    return [value if value not in (0, ZERO) else None for value in values]
