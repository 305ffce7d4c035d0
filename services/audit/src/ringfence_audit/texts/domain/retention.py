"""How long the texts of facts are kept: a class for each kind of fact, and the years of each class."""

from __future__ import annotations

from enum import IntEnum
from functools import cache

DAY_NS = 86_400 * 10**9


class Retention(IntEnum):
    """Why a text is kept; the numbers stand in the table of texts."""

    VOUCHERS = 1
    """Payments, bookings, and what was decided about them: books and vouchers."""
    DUE_DILIGENCE = 2
    """Who a client is, and what was found about him."""
    AUTHORITY = 3
    """Who may act, and what people have proposed and confirmed."""


YEARS = {Retention.VOUCHERS: 10, Retention.DUE_DILIGENCE: 5, Retention.AUTHORITY: 10}
"""Years from the fact on. Identity keeps whole clients by classes of its own, from the end of their business on."""
DAYS_OF_A_YEAR = 366
"""Never a day too few."""

_OF_IDENTITY = (
    "identity.party_",
    "identity.kyc_",
    "identity.legal_hold_",
    "payment-instruction.client_",
    "payment-instruction.rescreening.",
    "payment-instruction.hit_release.",
    "payment-instruction.suspended_released.",
)


@cache
def retention(kind: str) -> Retention:
    """Gives the class of a kind of fact."""
    if kind.startswith(_OF_IDENTITY):
        return Retention.DUE_DILIGENCE
    if kind.startswith("identity.") or ".proposal_" in kind:
        return Retention.AUTHORITY
    return Retention.VOUCHERS


def last_days(today: int) -> dict[Retention, int]:
    """Gives, by class, the last day whose texts are kept no longer; days since 1970-01-01."""
    return {each: today - years * DAYS_OF_A_YEAR - 1 for each, years in YEARS.items()}


def day_of(time_ns: int) -> int:
    """Gives the day of a time, UTC; days since 1970-01-01."""
    return time_ns // DAY_NS
