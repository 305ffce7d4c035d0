"""Keeps a stack up while a command uses it: a part that dies is started again."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ringfence_local_stack.stack.local_stack import LocalStack

_LOOK_SECONDS = 0.5


@contextmanager
def kept_up(stack: LocalStack, progress: Callable[[str], None]) -> Iterator[None]:
    """Watches the parts of a stack of this process while the block lasts."""
    done = threading.Event()
    watcher = threading.Thread(target=_watch, args=(stack, done, progress), name="supervisor", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _watch(stack: LocalStack, done: threading.Event, progress: Callable[[str], None]) -> None:
    """Starts each dead part in a thread of its own: a service may be waiting for a server that died after it."""
    starting: dict[str, threading.Thread] = {}
    while not done.wait(_LOOK_SECONDS):
        for name in [name for name, part in stack.parts.items() if part.pid is None]:
            if name not in starting or not starting[name].is_alive():
                starting[name] = threading.Thread(target=_restart, args=(stack, name, progress), daemon=True)
                starting[name].start()
    for thread in starting.values():
        thread.join()


def _restart(stack: LocalStack, name: str, progress: Callable[[str], None]) -> None:
    progress(f"{name} died and is started again")
    try:
        stack.restart(name)
    except Exception as error:  # whatever it was (another part may be down as well), the next look tries again
        progress(f"{name} does not start: {str(error).partition(chr(10))[0]}")
