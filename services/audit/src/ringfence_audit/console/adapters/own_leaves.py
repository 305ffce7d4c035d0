"""What a reader of some platforms is shown about ids, looked through once for all ids of a page. All calls block.

The index is not asked for an id: how often others use it would show. What this costs, and where it is refused, hangs on
how many bundles hold a leaf of the reader's own platforms alone.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
from ringfence_console import ports

from ringfence_audit.index.application.limited import LimitedQueries
from ringfence_audit.index.domain.keys import leaf_ids, value_keys
from ringfence_audit.index.domain.ranges import BUNDLE_LEAVES
from ringfence_audit.log.application.queries import Queries
from ringfence_audit.log.domain.leaf import STATE_KIND, Value, decode
from ringfence_audit.log.domain.sight import platforms_of

MOST_NOTED = 1_024
"""Bundles that are read once, and where each id stands in them noted: 262,144 leaves, some 40 MB."""
MOST_LOOKED_THROUGH = 16_384
"""Bundles that are looked through for one page, each id anew, where they are more than are noted."""
TOGETHER = 64
FEWEST_LEAVES = TOGETHER * BUNDLE_LEAVES
"""Of a part of the log that is looked at for the newest: it has no more bundles than are read together."""


@dataclass(slots=True)
class OwnLeaves:
    """For one page of a reader who is shown `platforms`, as of a size of the log."""

    limited: LimitedQueries
    log: Queries
    platforms: frozenset[bytes]
    until_leaf: int
    _bundles: list[int] | None = None
    _is_noted: bool = False
    _looked_through: int = 0
    _ids: array[int] = field(default_factory=lambda: array("q"))
    _indexes: array[int] = field(default_factory=lambda: array("q"))
    """Hashes of the ids that leaves name, and the leaves: ids of one hash are told apart when they are read."""

    def about(self, subject: bytes) -> Iterator[tuple[int, bytes]]:
        """Yields the leaves about an id, in order; raises Refused where there is too much to look through."""
        bundles = self._own_bundles()
        if len(bundles) <= MOST_NOTED:
            if not self._is_noted:
                self._note(bundles)
            return self._noted(subject)
        return (each for each in self._through(bundles) if subject in each[1] and subject in self._shown(each[1]))

    def with_value(self, key: bytes) -> Iterator[tuple[int, bytes]]:
        """Yields the leaves with a value that the index has under a key, an amount or a file; raises as `about`."""
        return (each for each in self._through(self._own_bundles()) if key in self._values(each[1]))

    def newest(self, most: int) -> list[tuple[int, bytes]]:
        """Gives the newest leaves that are shown, in order, as many as that at most."""
        found = list[tuple[int, bytes]]()
        for first in islice(self._newest_bundles(), TOGETHER):
            of_bundle = [each for each in self._leaves([first]) if self._is_shown(*decode(each[1]))]
            found = of_bundle + found
            if len(found) >= most:
                break
        return found[-most:]

    def _newest_bundles(self) -> Iterator[int]:
        """Yields the bundles from the end backwards, by parts of the log so large that each has few of them."""
        end, leaves = -(-self.until_leaf // BUNDLE_LEAVES) * BUNDLE_LEAVES, FEWEST_LEAVES
        while end:
            first = max(end - leaves, 0)
            within = self.limited.bundles(self.platforms, range(first, min(end, self.until_leaf)))
            found = list(islice(within, TOGETHER + 1))
            if len(found) > TOGETHER:
                leaves //= 2
                continue
            yield from reversed(found)
            end, leaves = first, leaves * 2

    def _own_bundles(self) -> list[int]:
        if self._bundles is None:
            found = self.limited.bundles(self.platforms, range(self.until_leaf))
            self._bundles = list(islice(found, MOST_LOOKED_THROUGH + 1))
        return self._bundles

    def _through(self, bundles: Sequence[int]) -> Iterator[tuple[int, bytes]]:
        self._looked_through += len(bundles)
        if self._looked_through > MOST_LOOKED_THROUGH:
            raise ports.Refused("TOO_MUCH_TO_LOOK_THROUGH", "there is too much to look through for one page")
        return self._leaves(bundles)

    def _note(self, bundles: Sequence[int]) -> None:
        self._is_noted = True
        for index, leaf in self._leaves(bundles):
            for each in self._shown(leaf):
                self._ids.append(hash(each))
                self._indexes.append(index)

    def _noted(self, subject: bytes) -> Iterator[tuple[int, bytes]]:
        ids, indexes = (np.frombuffer(each, np.int64) for each in (self._ids, self._indexes))
        found = indexes[ids == hash(subject)].tolist()
        return (each for each in self.log.leaves_at(sorted(set(found))) if subject in leaf_ids(decode(each[1])[1]))

    def _leaves(self, bundles: Sequence[int]) -> Iterator[tuple[int, bytes]]:
        """Yields leaves that name one of the platforms."""
        for at in range(0, len(bundles), TOGETHER):
            some = [
                index
                for first in bundles[at : at + TOGETHER]
                for index in range(first, min(first + BUNDLE_LEAVES, self.until_leaf))
            ]
            for index, leaf in self.log.leaves_at(some):
                if any(platform in leaf for platform in self.platforms):
                    yield index, leaf

    def _shown(self, leaf: bytes) -> set[bytes]:
        """Gives the ids that a leaf names, none where it is not shown."""
        kind, fields = decode(leaf)
        return leaf_ids(fields) if self._is_shown(kind, fields) else set()

    def _values(self, leaf: bytes) -> set[bytes]:
        """Gives the keys of a leaf's amount and files, none where it is not shown."""
        kind, fields = decode(leaf)
        return value_keys(fields) if self._is_shown(kind, fields) else set()

    def _is_shown(self, kind: str, fields: dict[str, Value]) -> bool:
        whose = platforms_of(kind, fields)
        is_dated = isinstance(fields.get("time_ns"), int)
        return kind != STATE_KIND and is_dated and bool(whose) and whose <= self.platforms
