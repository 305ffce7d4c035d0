"""Events about limits: frozen, packed, published by the feed; columns as those of submissions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class LimitsSet:
    """A platform's limits replaced those of the version before."""

    TOPIC: ClassVar[str] = "LimitsSet.v1"
    tenant: bytes
    version: int
    ledgers: bytes  # 2 bytes per row: ISO 4217 numeric code
    payments_minor: bytes  # 8 bytes per row
    debtor_days_minor: bytes  # 8 bytes per row
    days_minor: bytes  # 8 bytes per row
    approvers_minor: bytes  # 8 bytes per row
    approver_ids: bytes  # 16 bytes per approver's row
    approver_ledgers: bytes  # 2 bytes per approver's row
    approver_maxima_minor: bytes  # 8 bytes per approver's row
    set_by: bytes
    time_zone: str = ""  # IANA; empty: where the currency settles


EVENTS: tuple[type, ...] = (LimitsSet,)
