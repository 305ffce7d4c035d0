"""Events of safeguarding days: frozen, published by the feed.

A day's stream is that of a platform, a pool, a currency and a business day. Amounts are minor units; those that may be
below zero say so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class SafeguardingCut:
    """The books at the end of a day: figures stand for the position of custody's feed before this event."""

    TOPIC: ClassVar[str] = "SafeguardingCut.v1"
    day_id: bytes  # the stream
    tenant: bytes
    pool: str
    ledger: int  # ISO 4217 numeric
    day: int  # days since 1970-01-01
    cut_ns: int  # UTC
    as_of_position: int
    clients_minor: int
    suspense_minor: int
    own_minor: int  # may be below zero
    owed_minor: int
    held_minor: int
    mirrors: int  # so many MirrorCut follow
    is_late: bool  # the books had gone on when it was cut: figures are of then


@dataclass(frozen=True, slots=True)
class MirrorCut:
    """What has moved on a bank mirror from its opening to the end of a day."""

    TOPIC: ClassVar[str] = "MirrorCut.v1"
    day_id: bytes  # the stream
    tenant: bytes
    pool: str
    ledger: int
    day: int
    mirror: bytes
    number: int  # 1, 2, 3, … as the mirrors were opened
    debits_minor: int  # money that came in
    credits_minor: int  # money that went out


@dataclass(frozen=True, slots=True)
class MirrorCompared:
    """What a bank holds at the end of a day by its statement, and what lies between that and the mirror."""

    TOPIC: ClassVar[str] = "MirrorCompared.v1"
    day_id: bytes  # the stream
    tenant: bytes
    pool: str
    ledger: int
    day: int
    version: int
    mirror: bytes
    number: int
    telling: bytes  # the statement
    mirror_minor: int  # the mirror's balance when the statement was there; may be below zero, as all that follow
    bank_minor: int
    later_minor: int  # of the mirror, what the bank books on later days
    unbooked_minor: int  # payments that the bank has not booked by then
    unplaced_minor: int  # in the books at the end of the day, and booked by no bank up to it
    overdue_minor: int  # of these, older than a business day
    difference_minor: int


@dataclass(frozen=True, slots=True)
class SafeguardingComputed:
    """The banks' word for the day is there: requirement, resource and the three comparisons, in a version."""

    TOPIC: ClassVar[str] = "SafeguardingComputed.v1"
    day_id: bytes  # the stream
    tenant: bytes
    pool: str
    ledger: int
    day: int
    version: int  # 1, then one more for each reopening
    computed_ns: int
    as_of_position: int  # of custody's feed before this event: all figures are of it, what banks have told among them
    requirement_minor: int
    resource_minor: int  # may be below zero
    funds_minor: int  # may be below zero
    unplaced_minor: int  # may be below zero
    assets_minor: int
    insurance_minor: int
    internal_minor: int  # may be below zero
    overdue_minor: int
    external_minor: int
    breaks: int  # open when it was computed
    document: str  # canonical text, see `document`
    document_sha256: bytes


@dataclass(frozen=True, slots=True)
class SafeguardingPrepared:
    """A person has prepared the day's reconciliation."""

    TOPIC: ClassVar[str] = "SafeguardingPrepared.v1"
    day_id: bytes  # the stream
    tenant: bytes
    version: int
    prepared_ns: int
    principal: bytes
    person: bytes
    key_sha256: bytes
    certificate_sha256: bytes
    note: str


@dataclass(frozen=True, slots=True)
class SafeguardingReviewed:
    """Another person has reviewed it."""

    TOPIC: ClassVar[str] = "SafeguardingReviewed.v1"
    day_id: bytes  # the stream
    tenant: bytes
    version: int
    reviewed_ns: int
    principal: bytes
    person: bytes
    note: str


@dataclass(frozen=True, slots=True)
class SafeguardingSigned:
    """The day is closed: nothing of it is open, or it is notified."""

    TOPIC: ClassVar[str] = "SafeguardingSigned.v1"
    day_id: bytes  # the stream
    tenant: bytes
    version: int
    signed_ns: int
    principal: bytes
    document_sha256: bytes


@dataclass(frozen=True, slots=True)
class SafeguardingMissed:
    """The day was not signed in time; it can still be, and the regulator is to hear of it (CASS 15.8.60R)."""

    TOPIC: ClassVar[str] = "SafeguardingMissed.v1"
    day_id: bytes  # the stream
    tenant: bytes
    pool: str
    ledger: int
    day: int
    missed_ns: int
    status: int  # how far it was
    draft: str  # of the notification


@dataclass(frozen=True, slots=True)
class SafeguardingReopened:
    """What the day rests on has changed: another version begins, and the one before stays as it is."""

    TOPIC: ClassVar[str] = "SafeguardingReopened.v1"
    day_id: bytes  # the stream
    tenant: bytes
    version: int  # the one that begins
    reopened_ns: int
    reason: str
    principal: bytes  # zero where the evidence itself changed


@dataclass(frozen=True, slots=True)
class SafeguardingNotified:
    """The regulator was told of a day that does not come out; the document is what was sent."""

    TOPIC: ClassVar[str] = "SafeguardingNotified.v1"
    day_id: bytes  # the stream
    tenant: bytes
    version: int
    notified_ns: int
    principal: bytes
    document_sha256: bytes
    reference: str


@dataclass(frozen=True, slots=True)
class ResourceRegistered:
    """Two people have registered a component of the resource that no ledger knows."""

    TOPIC: ClassVar[str] = "ResourceRegistered.v1"
    tenant: bytes
    pool: str
    ledger: int
    component: int  # Component
    amount_minor: int
    from_day: int
    until_day: int  # the last day it counts
    document_sha256: bytes
    proposer: bytes
    confirmer: bytes


@dataclass(frozen=True, slots=True)
class PoolAssigned:
    """Two people have said which pool accounts of a code belong to."""

    TOPIC: ClassVar[str] = "PoolAssigned.v1"
    tenant: bytes
    account_code: int
    pool: str
    proposer: bytes
    confirmer: bytes


EVENTS: tuple[type, ...] = (
    SafeguardingCut,
    MirrorCut,
    MirrorCompared,
    SafeguardingComputed,
    SafeguardingPrepared,
    SafeguardingReviewed,
    SafeguardingSigned,
    SafeguardingMissed,
    SafeguardingReopened,
    SafeguardingNotified,
    ResourceRegistered,
    PoolAssigned,
)
