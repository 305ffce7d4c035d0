"""Processor time alone: what another's calls would lose to a flood that never came near the service they go to."""

from __future__ import annotations

import math
import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench.load import Seen

PERIOD_SECONDS = 0.1


def cores_of(seen: Seen) -> float:
    """Returns how many cores were busy, whoever it was, as far as it is known."""
    watched = seen.cpu.watched_seconds
    known = sum(seconds for part, seconds in seen.cpu.seconds.items() if part not in seen.cpu.unknown)
    return known / watched if watched else 0.0


@contextmanager
def burning(cores: float) -> Iterator[None]:
    """Keeps so many cores busy while the block lasts, by processes that do nothing else."""
    spawn = multiprocessing.get_context("spawn")
    count = math.ceil(cores)
    children = [spawn.Process(target=burn, args=(cores / count,), daemon=True) for _ in range(count)]
    for child in children:
        child.start()
    try:
        yield
    finally:
        for child in children:
            child.terminate()
            child.join()


def burn(share: float) -> None:
    """Is busy for a share of the time until it is ended."""
    while True:
        began, spent = time.monotonic(), time.thread_time()
        while time.thread_time() - spent < share * PERIOD_SECONDS:
            pass
        time.sleep(max(0.0, PERIOD_SECONDS - (time.monotonic() - began)))
