"""The register of reads, the newest first: for who is shown some platforms, what was read of these. All calls block.

A page looks through a fixed number of leaves, whatever they are, and looks up a fixed number of what was asked for in
them: where it ends tells nothing of whose that is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from ringfence_audit.index.application.about import leaves_about
from ringfence_audit.index.application.limited import LimitedQueries
from ringfence_audit.index.application.ports import Keys
from ringfence_audit.log.application.queries import Queries
from ringfence_audit.log.application.texts import Texts
from ringfence_audit.log.domain.leaf import prefix
from ringfence_audit.log.domain.reads import READ_KIND
from ringfence_audit.log.domain.sight import Sight
from ringfence_audit.reads.domain.read import Read, read_of

WINDOW_LEAVES = 16_384
WINDOWS = 8
MOST_LOOKED_UP = 64
"""Ids, and places in the log, that are looked up for one page."""
FIRST_FACTS = 16
"""About a grant, among which the one is by which it was given."""
GRANTED, CASE, REASON = prefix("identity.access_granted.v1"), "case_reference", "query_reason"
READ = prefix(READ_KIND)
_WhatT = TypeVar("_WhatT", bytes, int)


@dataclass(frozen=True, slots=True)
class Asked:
    """Reads before a leaf, of a platform and by a reader (16 bytes, None for any), by a caller who is shown `sight`."""

    caller: bytes
    sight: Sight
    tenant: bytes | None
    reader: bytes | None
    before: int
    page_size: int


@dataclass(frozen=True, slots=True)
class Shown:
    """A read with the case that it was for and the reason given, as far as the caller may know."""

    read: Read
    case_reference: str
    reason: str


@dataclass(frozen=True, slots=True)
class Page:
    """Reads, the newest first; the next page has those before `next_before`, 0 where there is none."""

    reads: list[Shown]
    next_before: int


@dataclass(frozen=True, slots=True)
class Register:
    """Finds reads by who may have read: `readers` gives their ids, `jurisdiction_of` a platform's country."""

    keys: Keys
    log: Queries
    texts: Texts
    readers: Callable[[], Iterable[bytes]]
    jurisdiction_of: Callable[[bytes], str]
    window_leaves: int = WINDOW_LEAVES
    most_looked_up: int = MOST_LOOKED_UP

    def page(self, asked: Asked) -> Page:
        """Gives a page; the index has to have come to its end. Raises LogDamaged, IndexDamaged, IndexMoved."""
        looking = _Looking(self, asked)
        found, before = list[Read](), asked.before
        for _ in range(WINDOWS):
            first = max(before - self.window_leaves, 0)
            for read in reversed(list(self._between(first, before, asked))):
                try:
                    if not looking.is_shown(read):
                        continue
                except _LookedUpEnough:
                    return Page(looking.with_cases(found), read.index + 1)
                if len(found) == asked.page_size:
                    return Page(looking.with_cases(found), found[-1].index)
                found.append(read)
            if not (before := first):
                break
        return Page(looking.with_cases(found), before)

    def _between(self, first: int, end: int, asked: Asked) -> Iterator[Read]:
        keys = sorted({asked.reader} if asked.reader else {*self.readers(), asked.caller})
        for index, leaf in leaves_about(self.keys, self.log, keys, range(first, end)):
            if leaf.startswith(READ):
                yield read_of(index, leaf)

    def has_fact(self, subject: bytes, platforms: frozenset[bytes], end: int) -> bool:
        """Tells whether some platforms have a fact about an id."""
        return LimitedQueries(self.keys, self.log).has_fact(subject, platforms, end)

    def is_of(self, index: int, platforms: frozenset[bytes], end: int) -> bool:
        """Tells whether a leaf is of some platforms alone."""
        sight = Sight(platforms)
        return index < end and any(sight.shows(leaf) for _, leaf in self.log.leaves_at([index]))

    def case_of(self, grant: bytes, end: int) -> str:
        """Gives the case that a grant is for, empty where it is not kept."""
        located = self.keys.find([grant], 0, end, FIRST_FACTS)
        for index, leaf in self.log.leaves_at(located.indexes):
            if leaf.startswith(GRANTED):
                return self.texts_of([index], CASE).get(index, "")
        return ""

    def texts_of(self, leaves: Sequence[int], name: str) -> dict[int, str]:
        """Gives what a field commits to, by leaf, as far as it is kept."""
        return {
            index: each.content.decode()
            for index, openings in self.texts.of_leaves(leaves).items()
            for each in openings
            if each.field == name and each.salt
        }


class _LookedUpEnough(Exception):
    """One page looks up no more."""


@dataclass(slots=True)
class _Looking:
    """Looks at reads for one page; what it has found out once it knows."""

    register: Register
    asked: Asked
    _found: dict[tuple[bytes | int, frozenset[bytes]], bool] = field(default_factory=dict)
    _cases: dict[bytes, str] = field(default_factory=dict)

    def is_shown(self, read: Read) -> bool:
        """Tells whether the caller is shown a read: its own, and what was read of the platforms asked for.

        Raises _LookedUpEnough where the next page has to say it.
        """
        asked = self.asked
        if asked.reader is not None and read.reader != asked.reader:
            return False
        if asked.tenant is not None:
            return asked.sight.covers(asked.tenant) and self._is_about(read, frozenset({asked.tenant}))
        if asked.sight.platforms is None or read.reader == asked.caller:
            return True
        return self._is_about(read, asked.sight.platforms)

    def with_cases(self, reads: list[Read]) -> list[Shown]:
        """Gives reads with what the caller may know of their cases and reasons."""
        told = [read for read in reads if self.asked.sight.is_whole or read.reader == self.asked.caller]
        reasons = self.register.texts_of([read.index for read in told], REASON)
        cases = {read.index: self._case(read.grant) for read in told if read.grant}
        return [Shown(read, cases.get(read.index, ""), reasons.get(read.index, "")) for read in reads]

    def _is_about(self, read: Read, platforms: frozenset[bytes]) -> bool:
        jurisdiction_of = self.register.jurisdiction_of
        may = frozenset(each for each in platforms if read.may_show(each, jurisdiction_of(each)))
        return bool(may) and read.asks_of(may, self._has_fact, self._is_of)

    def _has_fact(self, subject: bytes, platforms: frozenset[bytes]) -> bool:
        return self._looked_up(subject, platforms, self.register.has_fact)

    def _is_of(self, index: int, platforms: frozenset[bytes]) -> bool:
        return self._looked_up(index, platforms, self.register.is_of)

    def _looked_up(
        self, what: _WhatT, platforms: frozenset[bytes], look: Callable[[_WhatT, frozenset[bytes], int], bool]
    ) -> bool:
        known = self._found.get((what, platforms))
        if known is None:
            if len(self._found) == self.register.most_looked_up:
                raise _LookedUpEnough
            known = self._found[what, platforms] = look(what, platforms, self.asked.before)
        return known

    def _case(self, grant: bytes) -> str:
        if grant not in self._cases:
            self._cases[grant] = self.register.case_of(grant, self.asked.before)
        return self._cases[grant]
