"""What this service took over from identity's feed: frozen, published by its own feed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class StandingNoted:
    """From here on it is known how a principal or a party stands."""

    TOPIC: ClassVar[str] = "StandingNoted.v1"
    subject: bytes  # 16 bytes
    tenant: bytes  # platform of a party; empty for a principal
    standing: int  # Standing


EVENTS: tuple[type, ...] = (StandingNoted,)
