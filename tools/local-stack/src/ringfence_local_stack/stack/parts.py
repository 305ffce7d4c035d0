"""The parts of a stack, and how several of them start or stop at once."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Protocol


class Part(Protocol):
    """A server or a service of the stack."""

    @property
    def pid(self) -> int | None:
        """Process id while it runs, else None."""

    def start(self) -> None:
        """Starts it and waits until it is ready; recovers what a crash left behind."""

    def stop(self) -> None:
        """Stops it gracefully."""

    def kill(self) -> None:
        """Kills it with signal 9."""


def side_by_side(jobs: Sequence[Callable[[], None]], closing: threading.Event) -> None:
    """Runs the jobs at once; the first failure or interruption sets `closing`, which ends the others, and is raised."""
    if not jobs:
        return
    with ThreadPoolExecutor(len(jobs)) as pool:
        try:
            for finished in as_completed([pool.submit(job) for job in jobs]):
                finished.result()
        except BaseException:
            closing.set()
            raise
