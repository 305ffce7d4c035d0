"""An event with its place in the feed: what a state applies and a read model is filled from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event as it was committed.

    `position` counts from 1 in the feed, `version` from 1 in the stream, whose id is 16 bytes; `recorded_at_ns` is UTC;
    `traceparent` is the W3C trace context of the command, or as many random bytes that no reader takes for one.
    """

    position: int
    stream: bytes
    version: int
    event: Any
    recorded_at_ns: int
    traceparent: str
