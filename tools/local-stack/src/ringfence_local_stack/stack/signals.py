"""Signals while a stack is up: SIGTERM and SIGHUP end it like Ctrl-C, and nothing interrupts the stopping."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_ENDING = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def ending_on_signals() -> Iterator[None]:
    """Within it SIGTERM and SIGHUP raise SystemExit(128 + number) in the main thread, so that `finally` runs."""
    with _handled(_ENDING, _raise_exit):
        yield


@contextmanager
def undisturbed() -> Iterator[None]:
    """Within it Ctrl-C, SIGTERM and SIGHUP are put off for ever: what runs here is already the clean-up."""
    with _handled((signal.SIGINT, *_ENDING), lambda number, frame: None):
        yield


@contextmanager
def _handled(numbers: tuple[signal.Signals, ...], handler: "signal._HANDLER") -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        # Only the main thread may set handlers, and only it is interrupted by them.
        yield
        return
    # What is ignored stays ignored: `nohup` asks for it.
    heeded = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handler) for number in heeded}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


def _raise_exit(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
