"""How long a kill may be felt: by whoever leads next, and by everybody while PostgreSQL recovers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .findings import Finding, Kind
from .killer import POSTGRES, VICTIMS, Strike

ENOUGH = 50
"""Of fewer kills nothing is said."""
P50_SECONDS, WORST_SECONDS = 1.0, 2.0
BEYOND_POSTGRES_SECONDS = 4.0
"""How much longer than PostgreSQL's own recovery a kill of it may be felt."""


def felt_too_long(strikes: Sequence[Strike]) -> Iterator[Finding]:
    """Yields which kills of leaders, and of PostgreSQL, were felt longer than they may be, of each service.

    Each service has two processes at least: where one is all there is, its own start counts, and nothing is promised.
    """
    for parts in dict.fromkeys(VICTIMS):
        of_parts = [each for each in strikes if tuple(each.parts) == parts]
        for service in sorted({name for each in of_parts for name in each.recovery_seconds}):
            felt = [each for each in of_parts if service in each.recovery_seconds]
            if len(felt) >= ENOUGH:
                name = f"{service} after {' and '.join(parts)} was killed {len(felt)} times"
                yield from (
                    _beyond_postgres(name, service, felt)
                    if POSTGRES in parts
                    else _of_leader(name, sorted(each.recovery_seconds[service] for each in felt))
                )


def middle(seconds: Sequence[float]) -> float:
    """Returns the median of sorted figures, of two in the middle the greater."""
    return seconds[len(seconds) // 2]


def _of_leader(name: str, seconds: Sequence[float]) -> Iterator[Finding]:
    if middle(seconds) > P50_SECONDS:
        yield Finding(Kind.SLOW, f"{name}: p50 {middle(seconds):.2f} s, not {P50_SECONDS} s")
    if seconds[-1] > WORST_SECONDS:
        yield Finding(Kind.SLOW, f"{name}: at worst {seconds[-1]:.2f} s, not {WORST_SECONDS} s")


def _beyond_postgres(name: str, service: str, felt: Sequence[Strike]) -> Iterator[Finding]:
    worst = max(felt, key=lambda each: each.recovery_seconds[service] - each.postgres_seconds)
    took, own = worst.recovery_seconds[service], worst.postgres_seconds
    if took > own + BEYOND_POSTGRES_SECONDS:
        text = f"{took:.2f} s, of which PostgreSQL took {own:.2f} s itself, not {BEYOND_POSTGRES_SECONDS} s more"
        yield Finding(Kind.SLOW, f"{name}: at worst {text}")
