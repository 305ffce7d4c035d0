"""Tellings that post nothing until two people have worked them off."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OpenException:
    """One that waits: `kind` is a FaultKind; days are since 1970, 0 where they are not known."""

    telling: bytes
    tenant: bytes
    mirror: bytes
    position: int
    recorded_ns: int
    digest: bytes
    kind: int
    text: str
    first_day: int
    last_day: int
