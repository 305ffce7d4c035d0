"""Transfers that nothing the bank has said justifies, as the audit log finds them."""

from dataclasses import dataclass
from enum import IntEnum
from uuid import UUID

from ringfence_protos.audit.v1 import audit_pb2 as pb


class Flaw(IntEnum):
    """Why a transfer is not justified by what the bank has said (protos/ringfence/audit/v1/audit.proto)."""

    EVIDENCE_NOT_NAMED = 1
    FILE_UNKNOWN = 2
    ENTRY_UNKNOWN = 3
    OTHER_TENANT = 4
    OTHER_DIRECTION = 5
    OTHER_CURRENCY = 6
    OTHER_AMOUNT = 7
    OTHER_ACCOUNT = 8
    OTHER_FEED = 9
    BOOKED_BEFORE = 10
    ALLOCATED_BEYOND = 11
    PAYMENT_UNKNOWN = 12
    AGAINST_THE_ANSWER = 13


class MirrorMove(IntEnum):
    """What a transfer does to a bank mirror, or with money that has come in by it."""

    IN = 1
    OUT = 2
    POST = 3
    VOID = 4
    ELSEWHERE = 5
    ALLOCATION = 6
    GIVEN = 7
    ALLOTTED = 8


@dataclass(frozen=True)
class UnprovenTransfer:
    """A transfer that nothing the bank has said justifies; never taken back.

    `leaf_index` is the fact that states it; amount in minor units of `ledger` (ISO 4217 numeric), time in UTC
    nanoseconds. What it names as evidence is empty, or None, where it names none.
    """

    leaf_index: int
    flaw: Flaw
    move: MirrorMove
    tenant_id: UUID
    transfer_id: UUID
    amount_minor: int
    ledger: int
    time_ns: int
    evidence_sha256: bytes
    entry_id: UUID | None
    feed_id: UUID | None


@dataclass(frozen=True)
class Proof:
    """What was found, how many facts of the log are judged for good, and how many transfers are not judged yet."""

    unproven: list[UnprovenTransfer]
    judged_leaves: int
    open: int


def unproven_of(read: pb.UnprovenTransfer) -> UnprovenTransfer:
    """Maps one."""
    return UnprovenTransfer(
        read.leaf_index,
        Flaw(read.flaw),
        MirrorMove(read.move),
        UUID(bytes=read.tenant_id),
        UUID(bytes=read.transfer_id),
        read.amount_minor,
        read.ledger,
        read.time_ns,
        read.evidence_sha256,
        UUID(bytes=read.entry_id) if read.entry_id else None,
        UUID(bytes=read.feed_id) if read.feed_id else None,
    )
