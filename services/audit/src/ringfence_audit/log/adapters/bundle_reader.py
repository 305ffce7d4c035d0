"""Reads entry bundles; every call blocks."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby, islice
from typing import Any

from ringfence_kernel.sealing.bounded_cache import BoundedCache
from ringfence_kernel.store import EventStore

from ringfence_audit.log.domain.bundles import (
    BUNDLE_LEAVES,
    GROUP_LEAVES,
    BundleMalformed,
    groups_in,
    packed_apart,
    picked,
    unbundled,
)
from ringfence_audit.log.domain.errors import LogDamaged
from ringfence_audit.log.domain.merkle import HASH_BYTES, HEAD_LEAVES

CACHED_BYTES = 16 << 20
"""Of groups as they are packed: some 1,300 with usual leaves, and a few with the largest."""
READ_BYTES = 4 << 20
"""Of deflated leaves in one answer of the database, beside the first."""
READ_TOGETHER = 256
READ = (
    b"SELECT index, is_whole, substring(leaves FROM begins + 1 FOR size) AS leaves FROM ("
    b"SELECT index, is_whole, leaves, begins, ends - begins AS size, sum(ends - begins) OVER (ORDER BY index)"
    b" - (ends - begins) AS before FROM ("
    b"SELECT index, is_whole, leaves, begins, greatest(least(ends, octet_length(leaves)), begins) AS ends"
    b" FROM (SELECT index, leaves, starts IS NULL AS is_whole, starts[until_group + 1] AS ends,"
    b" greatest(least(coalesce(starts[first_group + 1], 0), octet_length(leaves)), 0) AS begins"
    b" FROM unnest(%s::bigint[], %s::integer[], %s::integer[]) AS wanted (index, first_group, until_group)"
    b" JOIN bundles USING (index)) AS found) AS sized) AS asked WHERE before < %s ORDER BY index"
)
"""Groups of each, all of a row that has none, and nothing beyond it, wherever it is said to begin."""
WITHIN = (
    b"SELECT bundles.index, heads, substring(hashes FROM first * %s + 1 FOR heads_wanted * %s) AS hashes"
    b" FROM unnest(%s::bigint[], %s::integer[], %s::integer[]) AS wanted (index, first, heads_wanted)"
    b" JOIN bundles USING (index) JOIN tiles ON level = 0 AND tiles.index = bundles.index"
    b" WHERE octet_length(heads) = %s"
)
"""The heads within bundles, and of each bundle's tile the hashes under some of these."""
HEADS_BYTES, UNDER_BYTES = BUNDLE_LEAVES // HEAD_LEAVES * HASH_BYTES, HEAD_LEAVES * HASH_BYTES

_Groups = Mapping[int, bytes]
"""Packed leaves of groups, by their numbers in a bundle."""


class BundleReader:
    """The table of bundles in PostgreSQL; what was read of full ones is cached, because they never change.

    Of a full bundle, groups of 64 leaves are read and inflated, from the first to the last that is wanted.
    """

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._groups: BoundedCache[tuple[int, int], bytes] = BoundedCache(CACHED_BYTES, len)

    def leaves(self, wanted: Mapping[int, Sequence[int]]) -> Iterator[tuple[int, Mapping[int, bytes]]]:
        """Yields leaves by their offsets in bundles, whose indexes ascend as the offsets in each do.

        Those that are not there are left out; what is read of one bundle is held at a time, beside what is cached.
        Raises LogDamaged for a bundle that cannot be read.
        """
        spans = {index: range(some[0] // GROUP_LEAVES, some[-1] // GROUP_LEAVES + 1) for index, some in wanted.items()}
        cached = {index: self._cached(index, span) for index, span in spans.items()}
        read = self._read({index: span for index, span in spans.items() if len(cached[index]) < len(span)})
        coming = next(read, None)
        for index, some in wanted.items():
            groups = cached[index]
            if coming is not None and coming[0] == index:
                groups, coming = coming[1], next(read, None)
            yield index, self._picked(index, groups, some)

    def within(self, wanted: Mapping[int, Collection[int]]) -> Mapping[int, tuple[bytes, Mapping[int, bytes]]]:
        """Gives the heads within bundles, those that have them, and by number the hashes of 32 leaves under some."""
        spans = {index: range(min(some, default=0), max(some, default=-1) + 1) for index, some in wanted.items()}
        columns = list(spans), [each.start for each in spans.values()], [len(each) for each in spans.values()]
        with self._store.connection() as connection:
            sizes = UNDER_BYTES, UNDER_BYTES, *columns, HEADS_BYTES
            rows = connection.execute(WITHIN, sizes, binary=True).fetchall()
        found = dict[int, tuple[bytes, Mapping[int, bytes]]]()
        for row in rows:
            span, hashes = spans[row["index"]], row["hashes"]
            if len(hashes) == len(span) * UNDER_BYTES:
                parts = (hashes[at : at + UNDER_BYTES] for at in range(0, len(hashes), UNDER_BYTES))
                found[row["index"]] = row["heads"], dict(zip(span, parts, strict=True))
        return found

    def _cached(self, index: int, span: range) -> _Groups:
        return {group: packed for group in span if (packed := self._groups.get((index, group))) is not None}

    def _read(self, spans: Mapping[int, range]) -> Iterator[tuple[int, _Groups]]:
        left = dict(spans)
        while left:
            some = dict(islice(left.items(), READ_TOGETHER))
            columns = list(some), [each.start for each in some.values()], [each.stop for each in some.values()]
            with self._store.connection() as connection:
                rows = connection.execute(READ, (*columns, READ_BYTES), binary=True).fetchall()
            for row in rows:
                yield row["index"], self._groups_of(row, some[row["index"]])
            end = rows[-1]["index"] if rows else max(some)
            left = {index: span for index, span in left.items() if index > end}

    def _groups_of(self, row: Any, span: range) -> _Groups:
        index, deflated = row["index"], row["leaves"]
        try:
            if row["is_whole"]:
                leaves = unbundled(deflated)
                found, is_full = dict(enumerate(packed_apart(leaves))), len(leaves) == BUNDLE_LEAVES
            else:
                found, is_full = dict(zip(span, groups_in(deflated, span.start, len(span)), strict=True)), True
        except BundleMalformed as error:
            raise _unreadable(index) from error
        if is_full:
            for group, packed in found.items():
                self._groups.put((index, group), packed)
        return found

    def _picked(self, index: int, groups: _Groups, offsets: Sequence[int]) -> Mapping[int, bytes]:
        found = dict[int, bytes]()
        try:
            for group, some in groupby(offsets, lambda at: at // GROUP_LEAVES):
                first = group * GROUP_LEAVES
                within = picked(groups.get(group, b""), [at - first for at in some])
                found |= {first + at: leaf for at, leaf in within.items()}
        except BundleMalformed as error:
            raise _unreadable(index) from error
        return found


def _unreadable(index: int) -> LogDamaged:
    return LogDamaged("an entry bundle cannot be read", bundle=str(index))
