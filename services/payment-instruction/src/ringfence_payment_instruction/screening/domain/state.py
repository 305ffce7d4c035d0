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
from ringfence_payment_instruction.screening.domain.lists import Loss, Packed, SanctionsList, packed, packed_ahead

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


class _Packed(NamedTuple):
    known: SanctionsList
    packed: Packed
    digest: bytes


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
        self._packed: dict[int, _Packed] = {}
        """By the identity of `references`: an edition never changes, and is packed once."""

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
        digests = [[each.digest for each in held] for held in self._pack_all()]
        return hashlib.sha256(plain.encode((*digests, *self._others()))).digest()

    def save(self) -> Sections:
        """Returns all lists in force and all that wait."""
        lists, waiting = (
            [_saved(name, each.known, each.packed) for name, each in zip(sorted(held), kept, strict=True)]
            for held, kept in zip((self.lists, self.waiting), self._pack_all(), strict=True)
        )
        return [(SECTION, plain.encode(_Saved(lists, waiting, *self._others())))]

    def restore(self, sections: Mapping[str, memoryview]) -> None:
        """Takes up what `save` returned; raises ValueError or LookupError for another format."""
        saved = plain.decode(sections[SECTION], _Saved)
        self.lists, self.waiting = dict(map(_taken_up, saved.lists)), dict(map(_taken_up, saved.waiting))
        self.proposals, self.changed = dict(saved.proposals), dict(saved.changed)

    def _change(self, event: Any, now_ns: int, journal: Journal) -> None:
        name, current = event.list_name, self.lists.get(event.list_name)
        if isinstance(event, SanctionsEditionHeld):
            self._wait_no_more(name, journal)
            held = SanctionsList.of(event)
            self._take_up(name, held)
            journal.put(self.waiting, name, held)
            return
        if isinstance(event, SanctionsListConfirmed):
            journal.put(self.lists, name, replace(self.lists[name], confirmed_ns=event.checked_ns))
            return
        if isinstance(event, SanctionsListImported):
            imported = SanctionsList.of(event)
            imported = replace(imported, lost=_losses(current, imported, now_ns))
            self._take_up(name, imported)
            journal.put(self.lists, name, imported)
        elif isinstance(event, SanctionsEditionAdopted):
            journal.put(self.lists, name, self.waiting[name])
        else:
            journal.remove(self.lists, name)
        self._wait_no_more(name, journal)

    def _wait_no_more(self, name: str, journal: Journal) -> None:
        for held in (self.waiting, self.proposals):
            if name in held:
                journal.remove(held, name)

    def _others(self) -> tuple[list[tuple[str, bytes]], list[tuple[str, int]]]:
        return sorted(self.proposals.items()), sorted(self.changed.items())

    def _take_up(self, name: str, known: SanctionsList) -> None:
        """Keeps what was packed ahead; of another list that is made when somebody asks for it."""
        if ahead := packed_ahead(known):
            self._packed[id(known.references)] = _Packed(known, ahead, _digest(name, known, ahead))

    def _pack_all(self) -> tuple[list[_Packed], list[_Packed]]:
        """Returns lists in force and those that wait, in order; lets go of all others."""
        lists, waiting = (
            [self._pack(name, each) for name, each in sorted(held.items())] for held in (self.lists, self.waiting)
        )
        self._packed = {id(each.known.references): each for each in (*lists, *waiting)}
        return lists, waiting

    def _pack(self, name: str, each: SanctionsList) -> _Packed:
        kept = self._packed.get(id(each.references))
        if kept is not None and kept.known is each:
            return kept
        content = kept.packed if kept is not None else packed(each)
        return _Packed(each, content, _digest(name, each, content))


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


def _saved(name: str, each: SanctionsList, content: Packed) -> _SavedList:
    return _SavedList(
        name=name,
        digest=each.digest,
        published_ns=each.published_ns,
        confirmed_ns=each.confirmed_ns,
        form=each.form,
        references=plain.encoded(content.references),
        lone=plain.encoded(content.lone),
        entries=plain.encoded(content.entries),
        lost=list(each.lost),
    )


def _digest(name: str, each: SanctionsList, content: Packed) -> bytes:
    return hashlib.sha256(plain.encode(_saved(name, each, content))).digest()


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
