"""What stands against the erasure of a party."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import ClassVar

from ringfence_kernel.values.clock import DAY_NS, NANOSECONDS
from ringfence_kernel.values.errors import DomainError


class Cause(StrEnum):
    """Why a party may not be erased; where several stand, all are named."""

    BALANCE = "BALANCE"
    RESERVATION = "RESERVATION"
    ACCOUNT_HELD = "ACCOUNT_HELD"
    OPEN_PAYMENT = "OPEN_PAYMENT"
    RETENTION = "RETENTION"
    LEGAL_HOLD = "LEGAL_HOLD"
    UNKNOWN = "UNKNOWN"


class RetentionClass(StrEnum):
    """What a relationship came to; decides how long it is kept."""

    MOVED = "moved"
    OPENED = "opened"
    APPLIED = "applied"


class ErasureRefused(DomainError):
    """Something stands against the erasure: the metadata has `causes`, and `retained_until` (a day) for RETENTION."""

    reason: ClassVar[str] = "ERASURE_REFUSED"


@dataclass(frozen=True, slots=True)
class Looked:
    """What a client has in other services, as of `at_ns`; times in UTC nanoseconds, 0 for never."""

    at_ns: int
    accounts: int = 0
    with_balance: int = 0
    with_pending: int = 0
    held: int = 0
    open_payments: int = 0
    last_movement_ns: int = 0
    last_event_ns: int = 0
    """Of what identity itself has recorded of the client."""

    @property
    def retention_class(self) -> RetentionClass:
        """The class whose period holds."""
        if self.last_movement_ns:
            return RetentionClass.MOVED
        return RetentionClass.OPENED if self.accounts else RetentionClass.APPLIED


@dataclass(frozen=True, slots=True)
class Retention:
    """How many days a relationship is kept after its last event, by class."""

    days: Mapping[RetentionClass, int]

    def ends_ns(self, looked: Looked) -> int:
        """Returns when the period is over."""
        last = max(looked.last_movement_ns, looked.last_event_ns)
        return last + self.days[looked.retention_class] * DAY_NS


LOOK_LASTS_NS = 30 * NANOSECONDS
"""A look at other services is good for a decision so soon after it, and no longer."""


def require_erasable(looked: Looked | None, retention: Retention, held_by_order: bool, now_ns: int) -> None:
    """Raises ErasureRefused with everything that stands against it; UNKNOWN where nobody has looked just now."""
    if looked is None or now_ns - looked.at_ns > LOOK_LASTS_NS:
        raise ErasureRefused(causes=Cause.UNKNOWN)
    ends_ns = retention.ends_ns(looked)
    found = {
        Cause.BALANCE: looked.with_balance,
        Cause.RESERVATION: looked.with_pending,
        Cause.ACCOUNT_HELD: looked.held,
        Cause.OPEN_PAYMENT: looked.open_payments,
        Cause.RETENTION: now_ns < ends_ns,
        Cause.LEGAL_HOLD: held_by_order,
    }
    causes = [cause for cause, stands in found.items() if stands]
    if not causes:
        return
    told = {"causes": ",".join(causes)}
    if Cause.RETENTION in causes:
        told["retained_until"] = datetime.fromtimestamp(-(-ends_ns // NANOSECONDS), UTC).date().isoformat()
    raise ErasureRefused(**told)
