"""The event of closed books: frozen, published by the feed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class BooksClosed:
    """What the accounts of a platform and currency add up to in memory, for whoever computes it from the log."""

    TOPIC: ClassVar[str] = "BooksClosed.v1"
    tenant: bytes
    ledger: int  # ISO 4217 numeric
    day: int  # the business day that opened, days since 1970-01-01; 0 on demand
    demand: bytes  # whose demand it was; empty at the end of a day
    closed_ns: int  # UTC
    as_of_position: int  # of custody's feed before this event
    accounts: int
    balances_root: bytes
    class_client: bytes  # 64 bytes, as all that follow; empty where there is no account of the class
    class_platform: bytes
    class_bank_mirror: bytes
    class_suspense: bytes
    class_fee: bytes
    class_guarantee: bytes
    class_shortfall: bytes


EVENTS: tuple[type, ...] = (BooksClosed,)
