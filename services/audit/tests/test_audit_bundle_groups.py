"""Groups and heads within entry bundles: what is read for a few leaves, and what is not believed of it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from ringfence_audit.log.adapters.bundle_model import BundleModel
from ringfence_audit.log.adapters.tile_reader import TileReader
from ringfence_audit.log.domain import combined
from ringfence_audit.log.domain.bundles import BUNDLE_LEAVES, GROUP_LEAVES, bundled_apart, heads_of, unbundled
from ringfence_audit.log.domain.combined import CombinedProofs
from ringfence_audit.log.domain.errors import LogDamaged
from ringfence_audit.log.domain.events import EVENTS
from ringfence_audit.log.domain.merkle import HASH_BYTES, TileTree
from ringfence_kernel.projecting.projector import rebuild_and_compare
from ringfence_kernel.store.codec import EventCodec
from ringfence_local_stack.servers.database import Database

from .conftest import Audit
from .feeds import SourceFeed
from .test_audit_bundles import SECOND, THIRD, long_log, queries_of, rows
from .test_audit_log import as_owner, stored_leaves


@pytest.mark.parametrize(
    "wanted", [[0], [63, 64], [64, 127], [5, 200], [191, 192, 255], [200, BUNDLE_LEAVES + 70, THIRD], range(600)]
)
async def test_groups_of_a_bundle_are_inflated_alone(audit: Audit, custody: SourceFeed, wanted: Sequence[int]) -> None:
    """Whichever leaves are wanted, also where rows of an earlier release, or of a part, know no groups."""
    await long_log(audit, custody)
    stored = stored_leaves(audit.store)
    expected = [(index, stored[index]) for index in wanted if index < len(stored)]
    wanted = [index for index, _ in expected]
    queries = queries_of(audit)
    assert list(queries.leaves_at(wanted)) == expected == list(queries.leaves_at(wanted))
    with audit.store.connection() as connection:
        connection.execute("UPDATE bundles SET starts = NULL, heads = NULL")
    assert list(queries_of(audit).leaves_at(wanted)) == expected
    assert rebuild_and_compare(audit.store, EventCodec(EVENTS), BundleModel()) == {"bundles": 0}


@pytest.mark.parametrize(
    "change",
    [
        "starts = ARRAY[starts[1], starts[3], starts[4], octet_length(leaves)]",
        "starts[2] = starts[2] + 7",
        "starts[2] = -1",
        "starts = '{}'",
        "starts[3] = 2147483647",
        "starts[2] = NULL",
    ],
)
async def test_where_groups_are_said_to_begin_is_not_believed(
    audit: Audit, custody: SourceFeed, audit_database: Database, change: str
) -> None:
    """Nothing wrong is shown: the bundle is named, and counted by a rebuild."""
    await long_log(audit, custody)
    as_owner(audit_database, f"UPDATE bundles SET {change} WHERE index = 1")
    stored = stored_leaves(audit.store)

    def shown(index: int) -> object:
        try:
            return list(queries_of(audit).leaves_at([index]))
        except LogDamaged as damaged:
            return damaged.metadata["bundle"]

    for index in range(BUNDLE_LEAVES, 2 * BUNDLE_LEAVES, GROUP_LEAVES):
        assert shown(index) in ("1", [(index, stored[index])])
    assert rebuild_and_compare(audit.store, EventCodec(EVENTS), BundleModel()) == {"bundles": 1}


async def test_heads_within_bundles_prove_as_tiles_do_and_are_named_where_they_were_changed(
    audit: Audit, custody: SourceFeed, audit_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A combined proof is the same hashes with them, and none is given that would not verify."""
    await long_log(audit, custody)
    monkeypatch.setattr(combined, "MANY_TILES", 1)
    stored, signed = stored_leaves(audit.store), audit.log.position().signed_head()
    for indexes in ([3], [0, 31, 32, 255, 300, 301], [SECOND, THIRD], range(0, 520, 37)):
        leaves = [(index, stored[index]) for index in indexes]
        tiles = CombinedProofs(TileTree(TileReader(audit.store).tiles))
        assert queries_of(audit).combined_proof(leaves, signed) == tiles.proof(list(indexes), signed.size)
    flip = "SET {0} = set_byte({0}, {1}, get_byte({0}, {1}) # 1) WHERE index = 1"
    beside = (SECOND - BUNDLE_LEAVES + 1) * HASH_BYTES
    tile, heads = (
        "UPDATE tiles " + flip.format("hashes", beside) + " AND level = 0",
        "UPDATE bundles " + flip.format("heads", 40),
    )
    for change, named in ((tile, {"tile": "0/1"}), (heads, {"bundle": "1"})):
        as_owner(audit_database, change)
        with pytest.raises(LogDamaged) as damaged:
            queries_of(audit).combined_proof([(SECOND, stored[SECOND])], signed)
        assert damaged.value.metadata == named
        as_owner(audit_database, change)
    as_owner(audit_database, heads)
    assert rebuild_and_compare(audit.store, EventCodec(EVENTS), BundleModel()) == {"bundles": 1}


async def test_what_is_to_be_proven_together_reads_no_tile_of_leaves_and_is_named_where_it_was_changed(
    audit: Audit, custody: SourceFeed, audit_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Leaves and heads of bundles lead to the signed root by themselves; else what was changed is told."""
    await long_log(audit, custody)
    monkeypatch.setattr(combined, "MANY_TILES", 1)
    stored, signed = stored_leaves(audit.store), audit.log.position().signed_head()
    wanted, queries = [3, 70, SECOND], queries_of(audit)
    leaves = list(queries.leaves_at(wanted, to_prove=True))
    assert leaves == [(index, stored[index]) for index in wanted]
    read = list[object]()
    tiles = queries._tiles.tiles
    monkeypatch.setattr(queries._tree, "_read", lambda names: read.extend(names) or tiles(names))
    assert queries.combined_proof(leaves, signed) == queries_of(audit).combined_proof(leaves, signed)
    assert {(0, 0), (0, 1)}.isdisjoint(read)
    other = unbundled(rows(audit.store)[1])
    other[SECOND - BUNDLE_LEAVES] = other[0]
    changed = *bundled_apart(other), heads_of(other)
    as_owner(audit_database, "UPDATE bundles SET leaves = %s, starts = %s, heads = %s WHERE index = 1", *changed)
    queries = queries_of(audit)
    leaves = list(queries.leaves_at(wanted, to_prove=True))
    assert leaves[2] == (SECOND, other[0])
    with pytest.raises(LogDamaged) as damaged:
        queries.combined_proof(leaves, signed)
    assert damaged.value.metadata == {"bundle": "1", "leaf_index": str(SECOND)}
