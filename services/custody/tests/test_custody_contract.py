"""What custody writes is what protos/ringfence/custody/v1/events.proto says of it, byte for byte."""

from __future__ import annotations

from typing import Any

import msgspec
from ringfence_custody.ledger.domain.columns import AccountColumns
from ringfence_custody.ledger.domain.events import (
    EVENTS,
    MigrationClosed,
    MigrationOpened,
    TransfersEvidenced,
)
from ringfence_custody.ledger.domain.lifecycle import AccountStatus, Standing
from ringfence_custody.ledger.domain.purposes import AccountClass
from ringfence_custody.ledger.domain.result_codes import TransferFlag
from ringfence_kernel.feed.published import described, require_known
from ringfence_kernel.store.codec import EventCodec, open_envelope
from ringfence_protos.custody.v1 import events_pb2

from .ledger import DEPOSIT, EUR, MANDATE, OWNER, WITHDRAWAL, Ledger, PurposeRule, Row, id_of

DESCRIPTIONS = described(events_pb2.DESCRIPTOR)
CLIENT = AccountClass.CLIENT


def book_of_every_event() -> Ledger:
    """Returns a book in which everything has happened: columns of one value, of many, and empty ones."""
    ledger = Ledger()
    ledger.account("alice")
    ledger.accounts(AccountColumns(id_of("bob") + id_of("carol"), OWNER, [CLIENT], [EUR], [1, 2], [0]))
    ledger.fund("alice", 1_000)
    bank = f"bank {EUR}"
    ledger.send(
        Row("one", "alice", "bob", 10, user_data_64=7, user_data_32=1),
        Row("two", "alice", "carol", 20, value_date=19_000),
        Row("poor", "bob", "carol", 10**9),
        Row("gone", "alice", bank, 5, TransferFlag.PENDING, code=WITHDRAWAL, timeout=1),
    )
    ledger.send(Row("three", bank, "bob", 1, code=DEPOSIT))
    ledger.advance(5)
    ledger.expire()
    ledger.freeze("alice")
    ledger.release("alice")
    ledger.standing(Standing.BLOCKED)
    ledger.standing(Standing.ADMITTED, owner=b"has no accounts."[:16])
    ledger.standing(Standing.ADMITTED)
    ledger.set_status(AccountStatus.RESTRICTED, "carol")
    ledger.adopt("v1", PurposeRule(DEPOSIT, frozenset({(AccountClass.BANK_MIRROR, AccountClass.SUSPENSE)}), True))
    return ledger


OF_NO_TRANSFER = (
    TransfersEvidenced(1, id_of("a") + id_of("b"), b"e" * 64, b"n" * 32, bytes(16) + MANDATE),
    MigrationOpened(1, MANDATE, 2, "moving in", MANDATE),
    MigrationClosed(2, MANDATE, "moved in", MANDATE),
)
"""Events that a ledger of these tests does not write by itself."""


def stored(event: Any) -> tuple[str, dict[str, Any]]:
    """Returns an event as it is stored: topic and fields."""
    topic, state = EventCodec(EVENTS).encode(event, 1)
    return topic, msgspec.msgpack.decode(open_envelope(state).fields)


def test_every_stored_event_fits_its_description() -> None:
    """Events of every topic have the fields, kinds, codes and lengths of columns that the proto describes."""
    written = [stored(event) for event in book_of_every_event().events]
    written += [stored(event) for event in OF_NO_TRANSFER]
    assert {topic for topic, _ in written} == {kind.TOPIC for kind in EVENTS}
    for topic, fields in written:
        require_known(DESCRIPTIONS[topic], fields)
        assert list(DESCRIPTIONS[topic].misfits(fields)) == []


def test_rows_are_read_from_columns_as_they_were_written() -> None:
    """Elements taken from the stored columns by the description alone are the values of the transfers."""
    event = next(each for each in book_of_every_event().events if getattr(each, "burnt", b""))
    topic, fields = stored(event)
    transfers, rows = DESCRIPTIONS[topic], DESCRIPTIONS[topic].count(fields)
    read = {name: list(each.elements(fields[name], rows)) for name, each in transfers.fields.items()
            if each.packed and not each.own_rows}  # fmt: skip
    assert rows == 3
    assert read["id"] == [id_of("one"), id_of("two"), id_of("gone")]
    assert read["amount_minor"] == [10, 20, 5]
    assert read["user_data_64"] == [7, 0, 0]
    assert read["timeout_seconds"] == [0, 0, 1]
    assert read["flags"] == [0, 0, int(TransferFlag.PENDING)]
    assert read["pending_id"] == [bytes(16)] * 3
    assert list(transfers.fields["burnt"].elements(fields["burnt"], 1)) == [id_of("poor")]
