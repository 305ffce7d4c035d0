"""Waiting for what becomes true by itself, and words that were never used before."""

import secrets
import time
from collections.abc import Callable

LOOK_SECONDS = 0.05


class StillWaiting(AssertionError):
    """What was waited for did not come in time; the text says what was seen instead."""


def eventually(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Whether a condition becomes true within so many seconds; looks again and again."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(LOOK_SECONDS)
    return True


def fresh(prefix: str = "") -> str:
    """A word that was not used before: the prefix and ten lower-case letters, which names and references may hold."""
    return prefix + "".join(secrets.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(10))
