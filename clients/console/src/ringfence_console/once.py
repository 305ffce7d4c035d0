"""A view that is recorded anew each time is had once, however often its address comes again.

Forms that only read are sent by GET: a double click, a reload and the links that choose a language or a theme ask for
the same address. So whatever such a form has got is kept for some minutes and shown from there, a refusal too; who asks
anew draws the form anew.
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from threading import Lock
from typing import Generic, TypeVar

from ringfence_console.ports import NotGiven, NotProven, NotThere, Refused

MOST_KEPT = 16
KEPT_SECONDS = 5 * 60.0
"""After that, what was got is forgotten with the next view: it may be personal data."""
_FORM_BYTES = 16
ResultT = TypeVar("ResultT")
_ENDINGS = (NotThere, Refused, NotProven, NotGiven)


def form_id() -> str:
    """Makes the id of a form that is being drawn: however often it comes, it is one."""
    return secrets.token_urlsafe(_FORM_BYTES)


@dataclass
class _Kept(Generic[ResultT]):
    """What a form has got, or how it was refused; `done_at` is None until then."""

    lock: Lock = field(default_factory=Lock)
    done_at: float | None = None
    got: ResultT | None = None
    ending: NotThere | Refused | NotProven | NotGiven | None = None


@dataclass
class Once(Generic[ResultT]):
    """What one reader's forms have got, the newest. Thread-safe; `clock` gives seconds that never go back."""

    clock: Callable[[], float] = time.monotonic
    _kept: OrderedDict[str, _Kept[ResultT]] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def done(self, form: str, asked: str, get: Callable[[], ResultT]) -> str:
        """Gets what a form asks for, unless it was got; gives the key of it, which tells nothing of what was asked.

        The same form with something else in it is another. Without an id it is one of its own. Raises Unavailable,
        after which the same form gets it.
        """
        key = sha256(f"{form or form_id()} {asked}".encode()).hexdigest()
        with self._lock:
            self._forget()
            kept = self._kept.setdefault(key, _Kept())
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        with kept.lock:
            if kept.done_at is None:
                try:
                    kept.got = get()
                except _ENDINGS as ending:
                    kept.ending = ending
                kept.done_at = self.clock()
        return key

    def outcome(self, key: str) -> ResultT:
        """Gives what was got by a form, or raises what that was refused with; NotThere where it is not kept."""
        with self._lock:
            self._forget()
            kept = self._kept.get(key)
        if kept is None or (kept.got is None and kept.ending is None):
            raise NotThere("it was not asked for here, or too long ago: ask for it anew")
        if kept.got is None:
            assert kept.ending is not None
            raise kept.ending.with_traceback(None)
        return kept.got

    def _forget(self) -> None:
        now = self.clock()
        for key, kept in list(self._kept.items()):
            if kept.done_at is not None and now - kept.done_at > KEPT_SECONDS:
                del self._kept[key]
