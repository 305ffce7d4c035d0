"""Acts: reviewed as a canonical command, done once however often its form comes, refused where things have changed."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hmac import compare_digest
from threading import Lock
from uuid import UUID

from ringfence_console.ports import NotThere, Refused, Unavailable
from ringfence_console.work import Command, Done, Matter, Work

MOST_DRAWN = 256
FORM_SECONDS = 15 * 60.0


class FormUnknown(Exception):
    """No form of this id and command was drawn here, or too long ago: the act is reviewed anew."""


class Changed(Exception):
    """Since the form was drawn, what it depends on has changed: by name, what it was and is; `now` None for gone.

    `was_sent` says that it was sent before, and not answered.
    """

    def __init__(self, now: Matter | None, changes: Mapping[str, tuple[str, str]], *, was_sent: bool = False) -> None:
        super().__init__("what the form depends on has changed")
        self.now = now
        self.changes = changes
        self.was_sent = was_sent


class Unanswered(Unavailable):
    """The act was sent, and no answer says whether it was done: the same form may come again, and does it once."""


class Unsure(Exception):
    """A service has refused what may be done already: what the form depends on has changed, by this act or another."""

    def __init__(self, refusal: Refused) -> None:
        super().__init__(str(refusal))
        self.reason = refusal.reason


Ended = Done | Refused | Unsure


@dataclass
class Drawn:
    """A form that somebody has before him, and what became of it; `was_sent` says that a call of it has left."""

    matter: Matter
    command: Command
    act: str
    at: float
    lock: Lock = field(default_factory=Lock)
    was_sent: bool = False
    ended: Ended | None = None


@dataclass
class Acts:
    """The forms drawn by one host, for one person. Thread-safe; what is drawn is lost with the process, and drawn anew.

    `clock` gives seconds that never go back.
    """

    work: Work
    clock: Callable[[], float] = time.monotonic
    _drawn: OrderedDict[str, Drawn] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def draw(self, matter: Matter, command: Command, act: str) -> str:
        """Makes the id of a form that is being drawn for an act of a matter: whatever comes of it is one act."""
        id_ = str(UUID(bytes=secrets.token_bytes(16), version=4))
        with self._lock:
            self._drawn[id_] = Drawn(matter, command, act, self.clock())
            while len(self._drawn) > MOST_DRAWN:
                self._drawn.popitem(last=False)
        return id_

    def carry_out(self, id_: str, sha256: bytes) -> Done:
        """Does what a form says, once: who comes again, or meanwhile, gets the same answer.

        Raises FormUnknown, Changed, Refused and Unsure (again too), and Unavailable, after which the same form may come
        again: where it is Unanswered, whatever it was drawn for is not required to stand as it did, if this was done.
        """
        drawn = self._find(id_)
        if not compare_digest(drawn.command.sha256, sha256):
            raise FormUnknown
        with drawn.lock:
            if drawn.ended is None:
                if self.clock() - drawn.at > FORM_SECONDS and not drawn.was_sent:
                    raise FormUnknown
                self._require_unchanged(drawn)
                drawn.ended = self._sent(drawn)
        return _answer(drawn.ended)

    def outcome(self, id_: str) -> tuple[Drawn, Done]:
        """Gives a form that has come, and what became of it; raises FormUnknown, Refused and Unsure."""
        drawn = self._find(id_)
        if drawn.ended is None:
            raise FormUnknown
        return drawn, _answer(drawn.ended)

    def _find(self, id_: str) -> Drawn:
        with self._lock:
            found = self._drawn.get(id_)
        if found is None:
            raise FormUnknown
        return found

    def _sent(self, drawn: Drawn) -> Ended:
        was_sent, drawn.was_sent = drawn.was_sent, True
        try:
            return self.work.send(drawn.command)
        except Unavailable as silence:
            raise Unanswered(str(silence)) from None
        except Refused as refusal:
            # A call may have been made more than once on its way: the refusal may be of what the first has done.
            return refusal if self._is_as_drawn(drawn, was_sent=was_sent) else Unsure(refusal)

    def _is_as_drawn(self, drawn: Drawn, *, was_sent: bool) -> bool:
        """Tells whether nothing has changed; who may not look any more was refused for that, if never sent before."""
        try:
            return not _changes(drawn.matter, self._now(drawn))
        except (NotThere, Unavailable):
            return False
        except Refused:
            return not was_sent

    def _require_unchanged(self, drawn: Drawn) -> None:
        try:
            now = self._now(drawn)
        except NotThere:
            if drawn.was_sent:
                return
            raise Changed(None, {"state": ("WAITING", "GONE")}) from None
        except (Unavailable, Refused) as failure:
            if not drawn.was_sent:
                raise
            raise (Unsure(failure) if isinstance(failure, Refused) else Unanswered(str(failure))) from None
        changes = _changes(drawn.matter, now)
        # What was sent and cannot be done any more may be done: its service knows, and does it once.
        is_perhaps_done = drawn.was_sent and now.offer(drawn.act) is None
        if changes and not is_perhaps_done:
            raise Changed(now, changes, was_sent=drawn.was_sent)

    def _now(self, drawn: Drawn) -> Matter:
        return self.work.matter(drawn.matter.item.subject, drawn.matter.item.key)


def _changes(matter: Matter, now: Matter) -> Mapping[str, tuple[str, str]]:
    was, is_ = matter.standing, now.standing
    names = [*was, *(each for each in is_ if each not in was)]
    return {each: (was.get(each, ""), is_.get(each, "")) for each in names if was.get(each) != is_.get(each)}


def _answer(ended: Ended) -> Done:
    if isinstance(ended, Refused):
        raise Refused(ended.reason, str(ended))
    if isinstance(ended, Unsure):
        raise Unsure(Refused(ended.reason, str(ended)))
    return ended
