"""What the caller of the running call is shown: set by who lets it in, asked by whoever answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from ringfence_audit.log.domain.leaf import Value
from ringfence_audit.log.domain.sight import Sight

_SIGHT: ContextVar[Sight] = ContextVar("ringfence_sight")


def current_sight() -> Sight:
    """Gives what is shown; raises LookupError where nobody has said: then nothing is."""
    return _SIGHT.get()


def recorded_sight() -> Mapping[str, Value | None]:
    """Gives what the leaf of a read says of it, nothing where the log reads itself."""
    sight = _SIGHT.get(None)
    return sight.recorded() if sight else {}


@contextmanager
def seeing(sight: Sight) -> Iterator[None]:
    """Has this shown inside the block."""
    token = _SIGHT.set(sight)
    try:
        yield
    finally:
        _SIGHT.reset(token)
