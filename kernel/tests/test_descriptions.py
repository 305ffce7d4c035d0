"""Descriptions of events: what is not in them is not read, and not passed over."""

from __future__ import annotations

from typing import Any

import pytest
from ringfence_kernel.feed.halts import EventUnknown
from ringfence_kernel.feed.published import code_names, described, require_known
from ringfence_protos.custody.v1 import custody_pb2
from ringfence_protos.custody.v1 import events_pb2 as custody
from ringfence_protos.identity.v1 import events_pb2 as identity
from ringfence_protos.payment_instruction.v1 import events_pb2 as payment_instruction

CHANGED = {
    "timestamp_ns": 1, "owner_id": bytes(16), "standing": 4, "account": bytes(8), "status": b"\x02", "holds": b"",
}  # fmt: skip
KYC = {"tenant": b"", "party": b"", "before": "CHECKING", "after": "VERIFIED", "note": "", "decision": b"", "by": b""}


@pytest.mark.parametrize(
    ("file", "topic", "fields", "change", "named"),
    [
        (custody, "OwnerStandingChanged.v1", CHANGED, {"until_ns": 7}, "the field until_ns"),
        (custody, "OwnerStandingChanged.v1", CHANGED, {"standing": 9}, "the code 9 in standing"),
        (custody, "OwnerStandingChanged.v1", CHANGED, {"status": b"\x02\x63"}, "the code 99 in status"),
        (identity, "KycChanged.v1", KYC, {"after": "ENCHANTED"}, "the code ENCHANTED in after"),
    ],
    ids=["field", "number", "column", "name"],
)
def test_what_is_not_described_is_named(file: Any, topic: str, fields: Any, change: Any, named: str) -> None:
    """A field or a code beyond the description raises with its name; without it the event is known."""
    description = described(file.DESCRIPTOR)[topic]
    require_known(description, fields)
    with pytest.raises(EventUnknown, match=named):
        require_known(description, fields | change)


def test_a_shortened_column_stands_for_every_row() -> None:
    """An empty column is zeros, one element is the same in all rows, and the counting column is never shortened."""
    description = described(custody.DESCRIPTOR)["OwnerStandingChanged.v1"]
    assert description.count(CHANGED) == 2
    assert list(description.fields["status"].elements(b"\x02", 2)) == [2, 2]
    assert list(description.fields["holds"].elements(b"", 2)) == [0, 0]
    assert list(description.fields["holds"].elements(b"", 1)) == [0]
    for name, column in (("status", b"\x02" * 3), ("account", bytes(4))):
        with pytest.raises(ValueError, match=name):
            description.fields[name].elements(column, 2)


def test_what_does_not_fit_is_listed() -> None:
    """Missing fields, other kinds and columns of other lengths are found; what younger fields lack is no fault."""
    description = described(custody.DESCRIPTOR)["AccountStatusChanged.v1"]
    fields = {"timestamp_ns": 1, "account": 1, "status": 2, "decided_by": bytes(16)}
    assert list(description.misfits(fields)) == []
    assert list(description.misfits(fields | {"status": "2", "reason": b""})) == [
        "AccountStatusChanged.v1: status is no int",
        "AccountStatusChanged.v1: reason is no str",
    ]
    del fields["account"]
    assert list(description.misfits(fields)) == ["AccountStatusChanged.v1: account is missing"]


def test_names_of_codes_stand_without_their_prefix() -> None:
    """The proto's prefix is taken off, and the order of declaration kept."""
    names = code_names(custody_pb2.CreateTransferStatus.DESCRIPTOR)
    assert list(names)[:4] == [0, 1, 2, 4]
    assert names[46] == "EXISTS"


def test_a_list_of_every_row_may_be_left_out_where_that_is_described() -> None:
    """One entry per row or none at all; anything between does not fit."""
    description = described(payment_instruction.DESCRIPTOR)["InstructionsReceived.v1"]
    fields = {"instruction_ids": bytes(32)}

    def found(**more: list[str]) -> list[str]:
        return [each for each in description.misfits(fields | more) if next(iter(more)) in each]

    assert [found(instruction_identifications=["x"] * rows) == [] for rows in (0, 1, 2, 3)] == [
        True,
        False,
        True,
        False,
    ]
    assert found(end_to_end_ids=[])
