"""Which day it is for a payment: where its platform says that it is, else where its currency settles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ringfence_kernel.values.business_days import ZONES, calendar_of, local_day, start_of_day


def _no_zone(tenant: bytes) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class LocalDays:
    """Days count from 1970-01-01; `zone_of` tells a platform's own time zone (IANA), empty where it has none."""

    zone_of: Callable[[bytes], str] = _no_zone

    def today(self, tenant: bytes, ledger: int, now_ns: int) -> int:
        """Returns which day it is for a platform's payments in a currency."""
        return local_day(now_ns, self._zone(tenant, ledger))

    def start_ns(self, tenant: bytes, ledger: int, day: int) -> int:
        """Returns when a day begins for them, UTC nanoseconds."""
        return start_of_day(day, self._zone(tenant, ledger))

    def _zone(self, tenant: bytes, ledger: int) -> str:
        return self.zone_of(tenant) or ZONES[calendar_of(ledger)]
