"""What limits keep in memory, built from events alone: each platform's own, as in force."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import ClassVar

from ringfence_kernel.values.columns import pack, split_ids, unpack
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.values.sections import Sections
from ringfence_kernel.writing import plain
from ringfence_kernel.writing.journal import Journal

from ringfence_payment_instruction.limits.domain.bounds import Bounds, PlatformLimits
from ringfence_payment_instruction.limits.domain.events import EVENTS, LimitsSet

SECTION = "limits, format 1"
NONE = PlatformLimits()
_Saved = list[LimitsSet]


class State:
    """Limits by tenant. Every change goes through the journal; nothing here decides."""

    EVENTS: ClassVar[tuple[type, ...]] = EVENTS

    def __init__(self) -> None:
        """Starts without any platform's own."""
        self._limits: dict[bytes, PlatformLimits] = {}
        self._events: dict[bytes, LimitsSet] = {}

    def of(self, tenant: bytes) -> PlatformLimits:
        """Returns a platform's own limits."""
        return self._limits.get(tenant, NONE)

    def zone_of(self, tenant: bytes) -> str:
        """Returns a platform's own time zone (IANA), empty where it has none."""
        return self.of(tenant).time_zone

    def apply(self, recorded: Recorded, journal: Journal) -> None:
        """Takes in one event."""
        journal.put(self._limits, recorded.event.tenant, limits_of(recorded.event))
        journal.put(self._events, recorded.event.tenant, recorded.event)

    def digest(self) -> bytes:
        """Returns a hash of it all."""
        return hashlib.sha256(self._content()).digest()

    def save(self) -> Sections:
        """Returns all limits in force."""
        return [(SECTION, self._content())]

    def restore(self, sections: Mapping[str, memoryview]) -> None:
        """Takes up what `save` returned; raises ValueError or LookupError for another format."""
        events = plain.decode(sections[SECTION], _Saved)
        self._events = {each.tenant: each for each in events}
        self._limits = {each.tenant: limits_of(each) for each in events}

    def _content(self) -> bytes:
        return plain.encode([event for _, event in sorted(self._events.items())])


def limits_of(event: LimitsSet) -> PlatformLimits:
    """Returns the limits that an event says."""
    columns = (event.payments_minor, event.debtor_days_minor, event.days_minor, event.approvers_minor)
    rows = zip(*(unpack("Q", column) for column in columns), strict=True)
    approvers = zip(split_ids(event.approver_ids), unpack("H", event.approver_ledgers), strict=True)
    return PlatformLimits(
        event.version,
        {ledger: Bounds(*row) for ledger, row in zip(unpack("H", event.ledgers), rows, strict=True)},
        dict(zip(approvers, unpack("Q", event.approver_maxima_minor), strict=True)),
        event.time_zone,
    )


def event_of(tenant: bytes, limits: PlatformLimits, set_by: bytes) -> LimitsSet:
    """Returns the event that says limits, its rows in order."""
    rows = sorted(limits.by_ledger.items())
    approvers = sorted(limits.by_approver.items())
    return LimitsSet(
        tenant=tenant,
        version=limits.version,
        ledgers=pack("H", [ledger for ledger, _ in rows]),
        payments_minor=pack("Q", [each.payment_minor for _, each in rows]),
        debtor_days_minor=pack("Q", [each.debtor_day_minor for _, each in rows]),
        days_minor=pack("Q", [each.day_minor for _, each in rows]),
        approvers_minor=pack("Q", [each.approver_minor for _, each in rows]),
        approver_ids=b"".join([approver for (approver, _), _ in approvers]),
        approver_ledgers=pack("H", [ledger for (_, ledger), _ in approvers]),
        approver_maxima_minor=pack("Q", [maximum for _, maximum in approvers]),
        set_by=set_by,
        time_zone=limits.time_zone,
    )
