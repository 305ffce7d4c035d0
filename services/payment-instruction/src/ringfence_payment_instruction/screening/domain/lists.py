"""Sanctions lists as sets of fingerprints, and whether they are fresh enough to rely on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple, Protocol

from ringfence_kernel.values.columns import split_ids
from ringfence_kernel.writing import plain

from ringfence_payment_instruction.screening.domain.entries import NameQuality
from ringfence_payment_instruction.screening.domain.events import Edition
from ringfence_payment_instruction.screening.domain.fields import may_hold_several, names_in
from ringfence_payment_instruction.screening.domain.listed import DIGEST_BYTES, UNKNOWN, ListedEntry
from ringfence_payment_instruction.screening.domain.names import FIRST_FORM, FORM, fingerprint


class Mark(NamedTuple):
    """The fingerprint of what somebody is called; `whole` unless it is one of several names in a field."""

    fingerprint: bytes
    whole: bool


class Loss(NamedTuple):
    """What an edition has taken off: when (UTC nanoseconds), entries that are gone or have no name left, and names."""

    at_ns: int
    entries: int
    names: int


@dataclass(frozen=True, slots=True)
class SanctionsList:
    """An edition of a list.

    `references` tells the entries of a fingerprint: several may bear one name. One in `lone` hits only the whole of a
    name: it is weak, or one word. `entries` has SHA-256 of each entry by reference. `form` is how names are normalised.
    Age counts from `current_ns`. `lost` is what editions have taken off lately by the word of one person each.
    """

    digest: bytes
    published_ns: int
    references: Mapping[bytes, tuple[str, ...]]
    lone: frozenset[bytes] = frozenset()
    entries: Mapping[str, bytes] = field(default_factory=dict)
    form: int = FORM
    confirmed_ns: int = 0
    lost: tuple[Loss, ...] = ()

    @classmethod
    def of(cls, event: Edition) -> SanctionsList:
        """Returns the list of an import."""
        made = _AHEAD.get(id(event.fingerprints))
        index = made.searched_by if made is not None and made.fingerprints is event.fingerprints else index_of(event)
        return cls(event.digest, event.published_ns, *index, event.form or FIRST_FORM)

    @property
    def current_ns(self) -> int:
        """When this was last known to be what the publisher says, UTC nanoseconds."""
        return max(self.published_ns, self.confirmed_ns)

    @property
    def entry_references(self) -> frozenset[str]:
        """The references of all entries."""
        return frozenset(self.entries or chain.from_iterable(self.references.values()))

    def entry(self, list_name: str, reference: str) -> ListedEntry:
        """Returns an entry as it stands on the list."""
        return ListedEntry(f"{list_name}/{reference}", self.entries.get(reference, UNKNOWN))

    def references_of(self, marks: Iterable[Mark]) -> Iterator[str]:
        """Yields the entries that these are names of, some of them more than once."""
        for mark, whole in marks:
            if whole or mark not in self.lone:
                yield from self.references.get(mark, ())


class Rows(Protocol):
    """The columns of an edition that names and entries are found by: of its event, or of what was read."""

    @property
    def fingerprints(self) -> bytes: ...
    @property
    def references(self) -> tuple[str, ...]: ...
    @property
    def qualities(self) -> bytes: ...
    @property
    def word_counts(self) -> bytes: ...
    @property
    def entry_references(self) -> tuple[str, ...]: ...
    @property
    def entry_digests(self) -> bytes: ...


class Index(NamedTuple):
    """What a list is searched by, as in `SanctionsList`."""

    references: Mapping[bytes, tuple[str, ...]]
    lone: frozenset[bytes]
    entries: Mapping[str, bytes]


class Packed(NamedTuple):
    """The same as msgpack, in order: parts of a snapshot."""

    references: bytes
    lone: bytes
    entries: bytes


class _Ahead(NamedTuple):
    fingerprints: bytes
    searched_by: Index
    packed: Packed


_AHEAD: dict[int, _Ahead] = {}
"""By the identity of the fingerprints, which whoever puts them here holds."""


@contextmanager
def made_ahead(rows: Rows, index: Index, packed: Packed) -> Iterator[None]:
    """While this lasts, an event with these rows is not gone through once more: a large list would hold others up."""
    key = id(rows.fingerprints)
    _AHEAD[key] = _Ahead(rows.fingerprints, index, packed)
    try:
        yield
    finally:
        _AHEAD.pop(key, None)


def packed_ahead(known: SanctionsList) -> Packed | None:
    """Returns a list packed, if that was made ahead with what it is searched by."""
    return next((each.packed for each in _AHEAD.values() if each.searched_by.references is known.references), None)


def packed(known: SanctionsList | Index) -> Packed:
    """Returns what a list is searched by, packed; some milliseconds for a thousand names."""
    references = plain.encode(sorted(known.references.items()))
    return Packed(references, plain.encode(sorted(known.lone)), plain.encode(sorted(known.entries.items())))


def index_of(rows: Rows) -> Index:
    """Returns what an edition is searched by; some milliseconds for ten thousand names."""
    found = dict[bytes, dict[str, None]]()
    strong = set[bytes]()
    marks = split_ids(rows.fingerprints)
    for at, (mark, reference) in enumerate(zip(marks, rows.references, strict=True)):
        found.setdefault(mark, {})[reference] = None
        if not rows.qualities or (rows.qualities[at] != NameQuality.WEAK and rows.word_counts[at] > 1):
            strong.add(mark)
    digests = rows.entry_digests
    entries = {
        reference: digests[at * DIGEST_BYTES : (at + 1) * DIGEST_BYTES]
        for at, reference in enumerate(rows.entry_references)
    }
    references = {mark: tuple(each) for mark, each in found.items()}
    return Index(references, frozenset(references.keys() - strong), entries)


@dataclass(frozen=True, slots=True)
class Screening:
    """The lists in force at one moment, and the editions that wait for a second person, whose names hit as well."""

    lists: Mapping[str, SanctionsList]
    maximum_age_ns: int
    waiting: Mapping[str, SanctionsList] = field(default_factory=dict)

    def is_stale(self, now_ns: int) -> bool:
        """Tells whether there is no list at all, or one that is older than the bound: nothing may pass then."""
        if not self.lists:
            return True
        return any(now_ns - each.current_ns > self.maximum_age_ns for each in self.lists.values())

    def evidence(self) -> bytes:
        """Returns the SHA-256 over the lists in force and those that wait: name, form and digest of each."""
        content = hashlib.sha256()
        for lists in (self.lists, self.waiting):
            for name in sorted(lists):
                each = lists[name]
                content.update(
                    len(name.encode()).to_bytes(2, "big") + name.encode() + bytes((each.form,)) + each.digest
                )
        return content.digest()

    def editions(self) -> list[tuple[str, SanctionsList]]:
        """Returns the lists in force and those that wait, each with its name."""
        return [*self.lists.items(), *self.waiting.items()]

    def hit(self, names: Iterable[str]) -> str:
        """Returns "list/reference" of the first name that is on a list, empty when none is."""
        return next((str(entry) for name in names for entry in self.entries(name)), "")

    def entries(self, name: str) -> tuple[ListedEntry, ...]:
        """Returns the entries that name somebody so."""
        editions = self.editions()
        marks = {form: marks_of(name, form) for form in {each.form for _, each in editions}}
        found = (
            each.entry(list_name, reference)
            for list_name, each in editions
            for reference in each.references_of(marks[each.form])
        )
        return tuple(dict.fromkeys(found))


def marks_of(name: str, form: int = FORM) -> list[Mark]:
    """Returns the fingerprints of a name as it was said, and of each name in it where it holds several."""
    marks = [Mark(fingerprint(name, form), True)]
    if form != FIRST_FORM and may_hold_several(name):
        marks += [Mark(fingerprint(part.text, form), False) for part in names_in(name)]
    return [mark for mark in marks if mark.fingerprint]
