"""What an edition of a list changes, and when it waits for a second person."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from ringfence_payment_instruction.screening.domain.entries import Entry, EntryKind, NameQuality
from ringfence_payment_instruction.screening.domain.errors import (
    SanctionsListDamaged,
    SanctionsListOutdated,
    SanctionsListsExceeded,
)
from ringfence_payment_instruction.screening.domain.lists import Loss, SanctionsList
from ringfence_payment_instruction.screening.domain.names import FORM, fingerprint, normalise

# A list may be dated a little ahead of our clock.
CLOCK_TOLERANCE_NS = 86_400 * 1_000_000_000
MAX_NAMES = 100_000
MAX_WORDS = 255
# Losses of so much do not wait for a second person.
LOST_ENTRIES = 20
LOST_PARTS = 50
NOTHING_LOST = Loss(0, 0, 0)


class ChangeKind(IntEnum):
    """What became of an entry; numbers as in the proto."""

    REMOVED = 1
    CHANGED = 2
    ADDED = 3


class EntryChange(NamedTuple):
    """An entry that an edition changes. Names that were removed are known as fingerprints only, and counted."""

    what: ChangeKind
    reference: str
    kind: EntryKind
    names_added: tuple[str, ...]
    names_removed: int


@dataclass(frozen=True, slots=True)
class Difference:
    """What an edition changes against the one in force: removed entries come first, then changed, then added.

    `entries_lost` are those of which no name is left. The names and entries before are counted for proportion.
    """

    changes: tuple[EntryChange, ...]
    names_added: int
    names_removed: int
    entries_lost: int
    names_before: int
    entries_before: int

    def count(self, what: ChangeKind) -> int:
        """Returns how many entries it did this to."""
        return sum(each.what is what for each in self.changes)

    def needs_second_person(self, lost_before: Loss = NOTHING_LOST) -> bool:
        """Tells whether more is lost than one person may take off: 20 entries, 2 % of them, or 2 % of the names.

        `lost_before` is what one person's editions have taken off lately: it counts with whatever more is lost.
        """
        entries = self.entries_lost + lost_before.entries if self.entries_lost else 0
        names = self.names_removed + lost_before.names if self.names_removed else 0
        is_much = entries > LOST_ENTRIES or entries * LOST_PARTS > self.entries_before + lost_before.entries
        return is_much or names * LOST_PARTS > self.names_before + lost_before.names


@dataclass(frozen=True, slots=True)
class Columns:
    """The rows of an edition's event."""

    name_count: int
    fingerprints: bytes
    references: tuple[str, ...]
    qualities: bytes
    word_counts: bytes
    entry_references: tuple[str, ...]
    entry_digests: bytes
    entry_kinds: bytes
    form: int = FORM


def columns_of(entries: Sequence[Entry]) -> Columns:
    """Returns the rows of entries; raises SanctionsListDamaged for an entry without a name that can be compared."""
    rows = dict[tuple[bytes, str], tuple[NameQuality, int]]()
    name_count = 0
    for entry in entries:
        marks = {(name, fingerprint(name.text)) for name in entry.names}
        name_count += len(entry.names)
        if not any(mark for _, mark in marks):
            raise SanctionsListDamaged(f"entry {entry.reference} has no name", entry=entry.reference)
        for name, mark in sorted(marks, key=lambda each: each[0].quality):
            if mark:
                words = min(normalise(name.text).count(" ") + 1, MAX_WORDS)
                rows.setdefault((mark, entry.reference), (name.quality, words))
    if not rows or len(rows) > MAX_NAMES:
        raise SanctionsListDamaged(f"a list has 1 to {MAX_NAMES} names", names=str(len(rows)))
    return Columns(
        name_count=name_count,
        fingerprints=b"".join(mark for mark, _ in rows),
        references=tuple(reference for _, reference in rows),
        qualities=bytes(quality for quality, _ in rows.values()),
        word_counts=bytes(words for _, words in rows.values()),
        entry_references=tuple(entry.reference for entry in entries),
        entry_digests=b"".join(entry.digest() for entry in entries),
        entry_kinds=bytes(entry.kind for entry in entries),
    )


def difference(current: SanctionsList | None, entries: Iterable[Entry]) -> Difference:
    """Returns what entries change against the list in force, compared in the form of that list."""
    known = current or SanctionsList(b"", 0, {})
    before_all = known.entry_references  # made anew each time that it is asked for
    old_names = defaultdict[str, set[bytes]](set)
    for mark, references in known.references.items():
        for reference in references:
            old_names[reference].add(mark)
    new = {entry.reference: entry for entry in entries}
    marks = {reference: _marks(entry, known.form) for reference, entry in new.items()}
    every = frozenset[bytes]().union(*marks.values())
    gone = [
        EntryChange(ChangeKind.REMOVED, reference, EntryKind.UNSPECIFIED, (), len(old_names[reference] - every))
        for reference in sorted(before_all - new.keys())
    ]
    changed, added, nameless = [], [], 0
    for reference, entry in new.items():
        names_added = tuple(text for mark, text in marks[reference].items() if mark not in known.references)
        if reference not in before_all:
            added.append(EntryChange(ChangeKind.ADDED, reference, entry.kind, names_added, 0))
            continue
        before = old_names[reference]
        nameless += bool(before) and not before & every
        removed = len(before - every)
        if names_added or removed or known.entries.get(reference, entry.digest()) != entry.digest():
            changed.append(EntryChange(ChangeKind.CHANGED, reference, entry.kind, names_added, removed))
    return Difference(
        changes=(*gone, *changed, *added),
        names_added=len(every - known.references.keys()),
        names_removed=len(known.references.keys() - every),
        entries_lost=len(gone) + nameless,
        names_before=len(known.references),
        entries_before=len(before_all),
    )


def _marks(entry: Entry, form: int) -> dict[bytes, str]:
    marks = {fingerprint(name.text, form): name.text for name in entry.names}
    marks.pop(b"", None)
    return marks


@dataclass(frozen=True)
class ListBounds:
    """How many lists and names there may be in force and waiting, and editions by one operator in a day (0: any)."""

    lists: int = 1_000
    names: int = 1_000_000
    editions_per_day: int = 1_000

    def require_room(
        self, lists: Mapping[str, SanctionsList], waiting: Mapping[str, SanctionsList], name: str, names: int
    ) -> None:
        """Raises SanctionsListsExceeded for a new list too many, or for more names of a list than there is room for.

        An edition that has more names than the one before needs room beside it, as it may have to wait.
        """
        is_new = name not in lists and name not in waiting
        if is_new and len(lists.keys() | waiting.keys()) >= self.lists:
            raise SanctionsListsExceeded(f"there are {self.lists} lists", lists=str(self.lists))
        before = max((len(held[name].references) for held in (lists, waiting) if name in held), default=0)
        others = sum(len(each.references) for held in (lists, waiting) for known, each in held.items() if known != name)
        if names > before and others + before + names > self.names:
            raise SanctionsListsExceeded(f"all lists together have {self.names} names", names=str(self.names))


def require_newer(current: SanctionsList | None, published_ns: int, now_ns: int) -> None:
    """Raises SanctionsListOutdated for a list issued before the one in force, or dated ahead of time."""
    if published_ns > now_ns + CLOCK_TOLERANCE_NS:
        raise SanctionsListOutdated("the list is dated in the future")
    if current is not None and published_ns < current.published_ns:
        raise SanctionsListOutdated("a later edition of this list is in force")


def is_same(current: SanctionsList | None, digest: bytes) -> bool:
    """Tells whether an edition is the one in force, as this release reads it."""
    return current is not None and current.digest == digest and current.form == FORM
