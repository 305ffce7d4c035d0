"""What screening keeps in memory: the sanctions lists in force, and the editions that wait for a second person."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from itertools import chain
from typing import Any, ClassVar, NamedTuple

from ringfence_kernel.proposals.domain.events import ProposalMade, ProposalVoided
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.values.sections import Sections
from ringfence_kernel.writing import plain
from ringfence_kernel.writing.journal import Journal

from ringfence_payment_instruction.screening.domain import acts
from ringfence_payment_instruction.screening.domain.events import (
    EVENTS,
    SanctionsEditionAdopted,
    SanctionsEditionHeld,
    SanctionsListConfirmed,
    SanctionsListImported,
)
from ringfence_payment_instruction.screening.domain.lists import Loss, SanctionsList

SECTION = "screening, format 2"
LOSSES_LAST_NS = 7 * 86_400 * 1_000_000_000


class _SavedList(NamedTuple):
    name: str
    digest: bytes
    published_ns: int
    confirmed_ns: int
    form: int
    references: list[tuple[bytes, tuple[str, ...]]]
    lone: list[bytes]
    entries: list[tuple[str, bytes]]
    lost: list[Loss]


class _Saved(NamedTuple):
    lists: list[_SavedList]
    waiting: list[_SavedList]
    proposals: list[tuple[str, bytes]]
    changed: list[tuple[str, int]]


class State:
    """Lists by name. Every change goes through the journal; nothing here decides.

    `waiting` has editions that wait and `proposals` what confirms them. `changed` is the position of the last event
    about a list.
    """

    EVENTS: ClassVar[tuple[type, ...]] = (*EVENTS, ProposalMade, ProposalVoided)

    def __init__(self) -> None:
        """Starts without any list."""
        self.lists: dict[str, SanctionsList] = {}
        self.waiting: dict[str, SanctionsList] = {}
        self.proposals: dict[str, bytes] = {}
        self.changed: dict[str, int] = {}
        self._encoded: dict[tuple[str, bool], tuple[SanctionsList, bytes]] = {}  # a list never changes: encoded once

    def apply(self, recorded: Recorded, journal: Journal) -> None:
        """Takes in one event."""
        event = recorded.event
        if isinstance(event, ProposalMade):
            if event.effect == acts.ADOPT:
                journal.put(self.proposals, acts.Adoption.of(event.payload).list_name, event.proposal)
            return
        if isinstance(event, ProposalVoided):
            for name in [name for name, proposal in self.proposals.items() if proposal == event.proposal]:
                self._wait_no_more(name, journal)
            return
        journal.put(self.changed, event.list_name, recorded.position)
        self._change(event, recorded.recorded_at_ns, journal)

    def lost_lately(self, list_name: str, now_ns: int) -> Loss:
        """Returns what editions have taken off a list in the last 7 days by the word of one person each, together."""
        known = self.lists.get(list_name)
        recent = _recent(known, now_ns) if known else ()
        return Loss(now_ns, sum(each.entries for each in recent), sum(each.names for each in recent))

    def digest(self) -> bytes:
        """Returns a hash of it all."""
        return hashlib.sha256(self._content()).digest()

    def save(self) -> Sections:
        """Returns all lists in force and all that wait."""
        return [(SECTION, self._content())]

    def restore(self, sections: Mapping[str, memoryview]) -> None:
        """Takes up what `save` returned; raises ValueError or LookupError for another format."""
        saved = plain.decode(sections[SECTION], _Saved)
        self.lists, self.waiting = dict(map(_taken_up, saved.lists)), dict(map(_taken_up, saved.waiting))
        self.proposals, self.changed = dict(saved.proposals), dict(saved.changed)

    def _change(self, event: Any, now_ns: int, journal: Journal) -> None:
        name, current = event.list_name, self.lists.get(event.list_name)
        if isinstance(event, SanctionsEditionHeld):
            self._wait_no_more(name, journal)
            journal.put(self.waiting, name, SanctionsList.of(event))
            return
        if isinstance(event, SanctionsListConfirmed):
            journal.put(self.lists, name, replace(self.lists[name], confirmed_ns=event.checked_ns))
            return
        if isinstance(event, SanctionsListImported):
            imported = SanctionsList.of(event)
            journal.put(self.lists, name, replace(imported, lost=_losses(current, imported, now_ns)))
        elif isinstance(event, SanctionsEditionAdopted):
            journal.put(self.lists, name, self.waiting[name])
        else:
            journal.remove(self.lists, name)
        self._wait_no_more(name, journal)

    def _wait_no_more(self, name: str, journal: Journal) -> None:
        for held in (self.waiting, self.proposals):
            if name in held:
                journal.remove(held, name)

    def _content(self) -> bytes:
        self._encoded = {
            (name, waits): self._once(name, waits, each)
            for waits, held in ((False, self.lists), (True, self.waiting))
            for name, each in sorted(held.items())
        }
        lists, waiting = (
            [plain.encoded(content) for (_, waits), (_, content) in self._encoded.items() if waits == which]
            for which in (False, True)
        )
        return plain.encode(_Saved(lists, waiting, sorted(self.proposals.items()), sorted(self.changed.items())))

    def _once(self, name: str, waits: bool, each: SanctionsList) -> tuple[SanctionsList, bytes]:
        known = self._encoded.get((name, waits))
        return known if known is not None and known[0] is each else (each, plain.encode(_saved(name, each)))


def _losses(before: SanctionsList | None, after: SanctionsList, now_ns: int) -> tuple[Loss, ...]:
    if before is None:
        return ()
    recent = _recent(before, now_ns)
    names = before.references.keys() - after.references.keys()
    if before.form != after.form:
        # Fingerprints of two forms do not compare: only entries do.
        names = set()
    left = chain.from_iterable(each for mark, each in before.references.items() if mark not in names)
    named = frozenset(chain.from_iterable(before.references.values()))
    entries = (before.entry_references - after.entry_references) | (named - frozenset(left))
    return (*recent, Loss(now_ns, len(entries), len(names))) if entries or names else recent


def _recent(known: SanctionsList, now_ns: int) -> tuple[Loss, ...]:
    return tuple(loss for loss in known.lost if now_ns - loss.at_ns < LOSSES_LAST_NS)


def _saved(name: str, each: SanctionsList) -> _SavedList:
    return _SavedList(
        name=name,
        digest=each.digest,
        published_ns=each.published_ns,
        confirmed_ns=each.confirmed_ns,
        form=each.form,
        references=sorted(each.references.items()),
        lone=sorted(each.lone),
        entries=sorted(each.entries.items()),
        lost=list(each.lost),
    )


def _taken_up(saved: _SavedList) -> tuple[str, SanctionsList]:
    return saved.name, SanctionsList(
        digest=saved.digest,
        published_ns=saved.published_ns,
        references=dict(saved.references),
        lone=frozenset(saved.lone),
        entries=dict(saved.entries),
        form=saved.form,
        confirmed_ns=saved.confirmed_ns,
        lost=tuple(saved.lost),
    )
