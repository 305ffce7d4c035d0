"""What services refuse and what does not hold, as pages know it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ringfence_console.ports import Forked, NotProven, NotThere, Refused, Unavailable
from ringfence_verifier import VerificationError

from ringfence.errors import RingfenceError
from ringfence.remembered import LogForked


@contextmanager
def told_to_pages() -> Iterator[None]:
    """Turns errors of SDK and verifier into those of pages: NotThere, Unavailable, Refused, NotProven, Forked."""
    try:
        yield
    except LogForked as error:
        raise Forked(str(error), *error.notes) from error
    except VerificationError as error:
        raise NotProven(str(error)) from error
    except RingfenceError as error:
        if error.is_transient:
            raise Unavailable(error.reason or error.code) from error
        if error.code == "NOT_FOUND":
            raise NotThere(error.reason or error.code) from error
        raise Refused(error.reason or error.code, error.message) from error


_LEAVES_OPEN = frozenset({"UNKNOWN", "INTERNAL", "CANCELLED", "DATA_LOSS"})
"""Whoever is told one of these does not know whether anything was done."""


@contextmanager
def told_of_acts() -> Iterator[None]:
    """Does the same for an act that is sent: Unavailable unless it is known that it was not done, else Refused."""
    try:
        yield
    except RingfenceError as error:
        reason = error.reason or error.code
        if error.is_transient or error.code in _LEAVES_OPEN:
            raise Unavailable(reason) from None
        raise Refused(reason, error.message) from None
