"""A call that is made until it is answered."""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random
from typing import TypeVar

from ringfence.errors import RingfenceError

from .journal import Pulse

Reply = TypeVar("Reply")

UNANSWERED_SECONDS = 120.0
# Pauses are no part of what a seed repeats.
_PAUSES = Random()


def insist(call: Callable[[], Reply], pulse: Pulse | None = None) -> tuple[Reply, int]:
    """Makes a call until it is answered; returns the reply and how many attempts that took. A write beats `pulse`.

    Raises RingfenceError for a refusal that stays, or after two minutes.
    """
    attempts, end = 0, time.monotonic() + UNANSWERED_SECONDS
    while True:
        attempts, started = attempts + 1, time.monotonic()
        try:
            reply = call()
        except RingfenceError as error:
            if not error.is_transient or time.monotonic() > end:
                raise
            time.sleep(_PAUSES.uniform(0.02, 0.2))
        else:
            if pulse is not None:
                pulse.beat(started)
            return reply, attempts
