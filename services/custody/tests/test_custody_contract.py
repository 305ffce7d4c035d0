"""What custody writes is what protos/ringfence/custody/v1/events.proto says of it, byte for byte."""

from __future__ import annotations

from typing import Any

import msgspec
from ringfence_custody.calendars.domain.events import EVENTS as OF_CALENDARS
from ringfence_custody.calendars.domain.events import BusinessDayOpened, CalendarYear
from ringfence_custody.closings.domain.events import BooksClosed
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
from ringfence_custody.reconciliation.domain.events import EVENTS as OF_RECONCILIATION
from ringfence_custody.registers.domain import events as e
from ringfence_custody.registers.domain.records import AppointmentKind
from ringfence_custody.safeguarding.domain import events as s
from ringfence_custody.safeguarding.domain.days import Status
from ringfence_custody.safeguarding.domain.state import Component
from ringfence_kernel.feed.published import described, require_known
from ringfence_kernel.store.codec import EventCodec, open_envelope
from ringfence_kernel.values.columns import pack
from ringfence_protos.custody.v1 import events_pb2

from .ledger import DEPOSIT, EUR, MANDATE, OWNER, WITHDRAWAL, Ledger, PurposeRule, Row, id_of

DESCRIPTIONS = described(events_pb2.DESCRIPTOR)
CLIENT = AccountClass.CLIENT
DOCUMENT = b"d" * 32


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


STEP = 1, DOCUMENT, 2, MANDATE, OWNER
OF_REGISTERS = (
    e.BankRegistered(MANDATE, "COBADEFFXXX", "Commerzbank AG", "DE", 1, 2, 10_000, DOCUMENT, MANDATE, OWNER),
    e.BankReviewFellDue(MANDATE, 2),
    e.LetterSent(MANDATE, OWNER, OWNER, MANDATE, "v1", DOCUMENT, 1, MANDATE, OWNER),
    e.LetterCountersigned(MANDATE, OWNER, *STEP),
    e.LetterReviewed(MANDATE, OWNER, *STEP),
    e.MirrorExempted(MANDATE, OWNER, OWNER, MANDATE, "central bank", *STEP),
    e.LetterReviewFellDue(MANDATE, OWNER, 2),
    e.LetterEnded(MANDATE, OWNER, 2, "account moved", MANDATE, OWNER),
    e.AppointmentMade(MANDATE, AppointmentKind.AGENT, b"", OWNER, "AGENT", DOCUMENT, 1, 0, MANDATE, OWNER),
    e.AppointmentEnded(MANDATE, b"", 2, "left", MANDATE, OWNER),
)
DAY, POOL = (id_of("day"), MANDATE, "payment-services", EUR, 20_783), "payment-services"
VERSION = id_of("day"), MANDATE, 1, 2
OF_SAFEGUARDING = (
    s.SafeguardingCut(*DAY, 1, 2, 1_000, 20, -30, 40, 50, 1, True),
    s.MirrorCut(*DAY, OWNER, 1, 1_050, 50),
    s.MirrorCompared(*DAY, 1, OWNER, 1, DOCUMENT[:16], -1, -2, -3, -4, -5, -6, -7),
    s.SafeguardingComputed(*DAY, 1, 2, 3, 1_020, -1, -2, -3, 4, 5, -6, 7, 8, 9, "figures", DOCUMENT),
    s.SafeguardingPrepared(*VERSION, MANDATE, OWNER, DOCUMENT, DOCUMENT, "looked at"),
    s.SafeguardingReviewed(*VERSION, MANDATE, OWNER, "agreed"),
    s.SafeguardingSigned(*VERSION, MANDATE, DOCUMENT),
    s.SafeguardingMissed(*DAY, 1, Status.PREPARED, "draft"),
    s.SafeguardingReopened(*VERSION, "", bytes(16)),
    s.SafeguardingNotified(*VERSION, MANDATE, DOCUMENT, "reference"),
    s.ResourceRegistered(MANDATE, POOL, EUR, Component.INSURANCE, 1, 2, 3, DOCUMENT, MANDATE, OWNER),
    s.PoolAssigned(MANDATE, 7, POOL, MANDATE, OWNER),
)
OF_NO_TRANSFER = (
    TransfersEvidenced(1, id_of("a") + id_of("b"), b"e" * 64, b"n" * 32, bytes(16) + MANDATE),
    MigrationOpened(1, MANDATE, 2, "moving in", MANDATE),
    MigrationClosed(2, MANDATE, "moved in", MANDATE),
    CalendarYear("CN", 2027, pack("i", [20819]), pack("i", [20821]), b"d" * 32, MANDATE, MANDATE),
    BusinessDayOpened("CN", 20821, 20818, 1, False),
    BooksClosed(MANDATE, EUR, 0, OWNER, 1, 2, 3, DOCUMENT, b"c" * 64, b"p" * 64, b"m" * 64, *4 * (b"",)),
)
"""Events that a ledger of these tests does not write by itself."""


def stored(event: Any) -> tuple[str, dict[str, Any]]:
    """Returns an event as it is stored: topic and fields."""
    topic, state = EventCodec((*EVENTS, *e.EVENTS, *s.EVENTS, *OF_CALENDARS, BooksClosed)).encode(event, 1)
    return topic, msgspec.msgpack.decode(open_envelope(state).fields)


def test_every_stored_event_fits_its_description() -> None:
    """Events of every topic have the fields, kinds, codes and lengths of columns that the proto describes."""
    written = [stored(event) for event in book_of_every_event().events]
    written += [stored(event) for event in (*OF_NO_TRANSFER, *OF_REGISTERS, *OF_SAFEGUARDING)]
    # What reconciliation writes has a test of its own, in which all of it happens.
    assert {topic for topic, _ in written} == set(DESCRIPTIONS) - {each.TOPIC for each in OF_RECONCILIATION}
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
