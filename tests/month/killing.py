"""Kills custody, payment-instruction and PostgreSQL at random, and starts them again, while a block lasts."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random

from ringfence_local_stack.stack.local_stack import LocalStack

VICTIMS = ("custody", "payment-instruction", "postgres")
LEAST_PEACE_SECONDS, MOST_PEACE_SECONDS = 1.0, 8.0


@dataclass
class Kills:
    """How often who was killed."""

    count: int = 0


@contextmanager
def killed(stack: LocalStack, random: Random) -> Iterator[Kills]:
    """Kills with signal 9, again and again; everything runs again when the block is left."""
    kills, over = Kills(), threading.Event()
    failed: list[BaseException] = []

    def work() -> None:
        try:
            while not over.wait(random.uniform(LEAST_PEACE_SECONDS, MOST_PEACE_SECONDS)):
                part = stack.parts[random.choice(VICTIMS)]
                part.kill()
                part.start()
                kills.count += 1
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=work, name="killer")
    thread.start()
    try:
        yield kills
    finally:
        over.set()
        thread.join()
    if failed:
        raise failed[0]
