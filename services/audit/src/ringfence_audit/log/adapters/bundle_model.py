"""Entry bundles of the log's leaves, which follow its events on their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ringfence_kernel.values.recorded import Recorded

from ringfence_audit.log.domain.bundles import (
    BUNDLE_LEAVES,
    BundleMalformed,
    bundled,
    bundled_apart,
    heads_of,
    unbundled,
)
from ringfence_audit.log.domain.errors import LogDamaged
from ringfence_audit.log.domain.events import Growth, leaves_of

NEWEST = "SELECT index, leaves FROM bundles ORDER BY index DESC LIMIT 1"
SAVE = (
    "INSERT INTO bundles VALUES (%s, %s, %s, %s) ON CONFLICT (index) DO UPDATE"
    " SET leaves = excluded.leaves, starts = excluded.starts, heads = excluded.heads"
)
DIFFERENT = (
    "SELECT ours.leaves AS ours, theirs.leaves AS theirs, theirs.heads IS NOT NULL AND (theirs.heads <> ours.heads"
    " OR ours.leaves = theirs.leaves AND ours.starts IS DISTINCT FROM theirs.starts) AS is_wrong"
    " FROM pg_temp.bundles ours FULL JOIN public.bundles theirs USING (index)"
    " WHERE (ours.leaves, ours.starts, ours.heads) IS DISTINCT FROM (theirs.leaves, theirs.starts, theirs.heads)"
)
"""Rows of an earlier release have no starts and heads."""
ROWS_AT_ONCE = 64


class BundleModel:
    """All leaves in bundles of 256, aligned, the last one as far as it goes: where one leaf is read from.

    What a row inflates to depends on the events alone; what it is deflated to depends on the library as well.
    """

    name = "bundles"
    tables: Sequence[str] = ("bundles",)

    def project(self, connection: Any, recorded: Sequence[Recorded]) -> None:
        """Goes on from the newest bundle; raises LogDamaged where that is not one that these events go on from."""
        growths = [each.event for each in recorded if isinstance(each.event, Growth)]
        if not growths:
            return
        index, leaves = _newest(connection)
        if growths[0].first_leaf != index * BUNDLE_LEAVES + len(leaves):
            raise LogDamaged("the newest entry bundle has other leaves than it should", bundle=str(index))
        with connection.cursor() as cursor:
            for event in growths:
                leaves += leaves_of(event)
                full = len(leaves) // BUNDLE_LEAVES
                cursor.executemany(SAVE, _rows(index, leaves[: full * BUNDLE_LEAVES]))
                index, leaves = index + full, leaves[full * BUNDLE_LEAVES :]
            cursor.executemany(SAVE, _rows(index, leaves))

    def differences(self, connection: Any) -> dict[str, int]:
        """Counts the bundles that hold other leaves than those rebuilt beside them, in temporary tables, do."""
        count = 0
        with connection.cursor(name="different_bundles") as cursor:
            cursor.itersize = ROWS_AT_ONCE
            cursor.execute(DIFFERENT)
            count = sum(row["is_wrong"] or not _are_same(row["ours"], row["theirs"]) for row in cursor)
        return {"bundles": count}


def _rows(index: int, leaves: Sequence[bytes]) -> list[tuple[int, bytes, list[int] | None, bytes | None]]:
    """Returns the bundles of leaves, from this one on."""
    parts = [leaves[at : at + BUNDLE_LEAVES] for at in range(0, len(leaves), BUNDLE_LEAVES)]
    return [(at, *_kept(part)) for at, part in enumerate(parts, index)]


def _kept(leaves: Sequence[bytes]) -> tuple[bytes, list[int] | None, bytes | None]:
    """Returns a bundle deflated; of a full one where its groups begin, and the heads within."""
    if len(leaves) < BUNDLE_LEAVES:
        return bundled(leaves), None, None
    return *bundled_apart(leaves), heads_of(leaves)


def _newest(connection: Any) -> tuple[int, list[bytes]]:
    """Returns the bundle to go on with, and its leaves so far."""
    row = connection.execute(NEWEST).fetchone()
    if row is None:
        return 0, []
    try:
        leaves = unbundled(bytes(row["leaves"]))
    except BundleMalformed as error:
        raise LogDamaged("the newest entry bundle cannot be read", bundle=str(row["index"])) from error
    return (row["index"] + 1, []) if len(leaves) == BUNDLE_LEAVES else (row["index"], leaves)


def _are_same(ours: bytes | None, theirs: bytes | None) -> bool:
    """Tells whether two rows that differ hold the same leaves all the same, deflated by another library."""
    try:
        return None not in (ours, theirs) and unbundled(bytes(ours or b"")) == unbundled(bytes(theirs or b""))
    except BundleMalformed:
        return False
