"""Safeguarding: what clients are owed and what is there for it, every business day; kept by custody."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import IntEnum
from uuid import UUID

import grpc
from ringfence_protos.custody.v1 import safeguarding_pb2 as pb
from ringfence_protos.custody.v1 import safeguarding_pb2_grpc

from ringfence.money import currency_of, ledger_of
from ringfence.transport import Connection

POOLS = ("payment-services", "e-money")
"""Pools of client money; the first is meant where none is named."""
_EPOCH = date(1970, 1, 1)


class DayStatus(IntEnum):
    """How far a version of a day is."""

    CUT = 1
    COMPUTED = 2
    PREPARED = 3
    REVIEWED = 4
    SIGNED = 5


class Component(IntEnum):
    """A component of the resource that is registered."""

    ASSETS = 1
    INSURANCE = 2


@dataclass(frozen=True)
class DayKey:
    """A business day of a platform, in a currency (ISO 4217) and a pool of client money."""

    tenant_id: UUID
    currency: str
    day: date
    pool: str = POOLS[0]


@dataclass(frozen=True)
class ComparedMirror:
    """A bank's comparison, minor units; `difference_minor` is what the bank holds beyond our books."""

    mirror_id: UUID
    telling_id: UUID
    mirror_minor: int
    bank_minor: int
    later_minor: int
    unbooked_minor: int
    difference_minor: int


@dataclass(frozen=True)
class SafeguardingDay:
    """A day in its newest version, minor units.

    Before it is COMPUTED only the requirement is known. `internal_minor` is the excess by our books, below zero a
    shortfall; `overdue_minor` was received and not placed in time; `external_minor` adds up the banks' differences.
    The resource is funds in accounts, what is told of and not placed, assets, and insurance, each with a field.
    `document` is the canonical text of the figures; `open` says what keeps the day from being signed.
    """

    key: DayKey
    status: DayStatus
    version: int
    requirement_minor: int
    resource_minor: int
    internal_minor: int
    overdue_minor: int
    external_minor: int
    mirrors: list[ComparedMirror]
    document: str
    is_missed: bool
    is_notified: bool
    open: list[str]
    funds_minor: int = 0
    unplaced_minor: int = 0
    assets_minor: int = 0
    insurance_minor: int = 0


class Safeguarding:
    """Safeguarding days: a platform reads its own, operators work them."""

    def __init__(self, channel: grpc.Channel, connection: Connection) -> None:
        self._connection = connection
        self._stub = safeguarding_pb2_grpc.SafeguardingServiceStub(channel)

    def days(self, tenant_id: UUID | None = None) -> list[SafeguardingDay]:
        """The days of a platform, by default the caller's own: those that are open and the newest that are not."""
        request = pb.ListSafeguardingDaysRequest(tenant_id=tenant_id.bytes if tenant_id else b"")
        return [_day(each) for each in self._connection.call(self._stub.ListSafeguardingDays, request).days]

    def prepare(self, key: DayKey, note: str = "") -> SafeguardingDay:
        """Says that the caller has prepared a day; it must be COMPUTED."""
        request = pb.PrepareSafeguardingDayRequest(key=_key(key), note=note)
        return _day(self._connection.call(self._stub.PrepareSafeguardingDay, request).day)

    def review(self, key: DayKey, note: str = "") -> SafeguardingDay:
        """Says that the caller, another person, has reviewed it."""
        request = pb.ReviewSafeguardingDayRequest(key=_key(key), note=note)
        return _day(self._connection.call(self._stub.ReviewSafeguardingDay, request).day)

    def sign(self, key: DayKey) -> SafeguardingDay:
        """Closes a day; refused with SAFEGUARDING_DAY_OPEN, whose metadata says what is open."""
        request = pb.SignSafeguardingDayRequest(key=_key(key))
        return _day(self._connection.call(self._stub.SignSafeguardingDay, request).day)

    def notify(self, key: DayKey, document_sha256: bytes, reference: str) -> SafeguardingDay:
        """Says that the regulator was told of a day, by a document of that SHA-256."""
        request = pb.NotifySafeguardingDayRequest(key=_key(key), document_sha256=document_sha256, reference=reference)
        return _day(self._connection.call(self._stub.NotifySafeguardingDay, request).day)

    def reopen(self, key: DayKey, reason: str) -> SafeguardingDay:
        """Begins another version of a day; the one before stays as it is."""
        request = pb.ReopenSafeguardingDayRequest(key=_key(key), reason=reason)
        return _day(self._connection.call(self._stub.ReopenSafeguardingDay, request).day)

    def register_resource(
        self,
        key: DayKey,
        component: Component,
        amount_minor: int,
        until: date,
        document_sha256: bytes,
    ) -> UUID:
        """Proposes a component of the resource that counts from the key's day to `until`; another operator confirms."""
        request = pb.RegisterResourceRequest(
            tenant_id=key.tenant_id.bytes,
            pool=key.pool,
            ledger=ledger_of(key.currency),
            component=pb.ResourceComponent.ValueType(component),
            amount_minor=amount_minor,
            from_day=_number(key.day),
            until_day=_number(until),
            document_sha256=document_sha256,
        )
        return UUID(bytes=self._connection.call(self._stub.RegisterResource, request).proposal_id)

    def assign_pool(self, tenant_id: UUID, account_code: int, pool: str) -> UUID:
        """Proposes which pool accounts of a code belong to; another operator confirms."""
        request = pb.AssignPoolRequest(tenant_id=tenant_id.bytes, account_code=account_code, pool=pool)
        return UUID(bytes=self._connection.call(self._stub.AssignPool, request).proposal_id)


def _key(key: DayKey) -> pb.SafeguardingDayKey:
    return pb.SafeguardingDayKey(
        tenant_id=key.tenant_id.bytes, ledger=ledger_of(key.currency), pool=key.pool, day=_number(key.day)
    )


def _number(day: date) -> int:
    return (day - _EPOCH).days


def _day(read: pb.SafeguardingDay) -> SafeguardingDay:
    key = read.key
    return SafeguardingDay(
        DayKey(UUID(bytes=key.tenant_id), currency_of(key.ledger), _EPOCH + timedelta(key.day), key.pool),
        DayStatus(read.status),
        read.version,
        read.requirement_minor,
        read.resource_minor,
        read.internal_minor,
        read.overdue_minor,
        read.external_minor,
        [
            ComparedMirror(
                UUID(bytes=each.mirror_id),
                UUID(bytes=each.telling_id),
                each.mirror_minor,
                each.bank_minor,
                each.later_minor,
                each.unbooked_minor,
                each.difference_minor,
            )
            for each in read.mirrors
        ],
        read.document,
        read.is_missed,
        read.is_notified,
        list(read.open),
        read.funds_minor,
        read.unplaced_minor,
        read.assets_minor,
        read.insurance_minor,
    )
