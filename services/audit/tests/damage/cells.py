"""What can be done to each store of the log, and who names it, by what: the text that each has to say."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from msgspec import structs
from ringfence_audit.bootstrap import states
from ringfence_audit.evidence.domain.state import State as EvidenceState
from ringfence_audit.log.domain.state import State
from ringfence_audit.standing.domain.state import State as StandingState
from ringfence_audit.texts.domain.state import State as TextState
from ringfence_audit.translation.domain.state import State as TranslationState
from ringfence_kernel.writing.snapshots import Snapshot, SnapshotFile
from ringfence_local_stack.servers.database import Database

from ..conftest import ORIGIN
from ..test_audit_log import as_owner
from .stored import (
    edited,
    flipped,
    hashes_swapped,
    leaves_swapped,
    omitted,
    reordered,
    restated,
    rows_exchanged,
    sql,
)

STORES = ("event row", "bundle", "tile", "index run", "checkpoint", "state leaf", "saved state")
KINDS = ("omitted", "reordered", "flipped")
FORGED = "by whoever chains all events after it anew"
Damage = Callable[[Database, SnapshotFile], None]


@dataclass(frozen=True)
class Cell:
    """A store, what was done to it and how, and who says what of it; nobody else says anything."""

    store: str
    kind: str
    how: str
    damage: Damage
    named: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.store} {self.kind}: {self.how}"


def cell(store: str, kind: str, how: str, change: Callable[[Database], None], **named: str) -> Cell:
    """A cell about what the database has."""
    return Cell(store, kind, how, lambda database, snapshot: change(database), _names(named))


def _names(named: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", " "): text for name, text in named.items()}


def replayed(text: str) -> dict[str, str]:
    """Whoever builds the state from all events says so, before it signs anything."""
    return {"start": text, "sign": text}


def believed_no_more(text: str) -> dict[str, str]:
    """So does whoever would go on from a saved state: the chain is not the one that it was saved of."""
    return {**replayed(text), "saved_start": text}


def saved(kind: str, how: str, section: str, change: Callable[[bytes], bytes], text: str) -> Cell:
    """A cell about the saved state, whose digest in the database lies as well."""

    def damage(database: Database, snapshot: SnapshotFile) -> None:
        read = snapshot.read()
        assert read is not None
        header, told = read
        sections = [(name, change(bytes(each)) if name == section else bytes(each)) for name, each in told.items()]
        assert sections != [(name, bytes(each)) for name, each in told.items()]
        sizes = [(name, len(content)) for name, content in sections]
        snapshot.write(Snapshot(structs.replace(header, sections=sizes), sections))
        liar = states(State(ORIGIN), TranslationState(), EvidenceState(), StandingState(), TextState())
        liar.restore({name: memoryview(content) for name, content in sections})
        as_owner(database, "UPDATE state_digests SET digest = %s", liar.digest())

    named = {"saved start": text, "rebuild": r"^state$"}
    return Cell("saved state", kind, how, damage, named)


def in_rest(change: Callable[[dict[str, Any]], object]) -> Callable[[bytes], bytes]:
    """Changes the part of the log's saved state that is JSON."""

    def changed(section: bytes) -> bytes:
        rest = json.loads(section)
        change(rest)
        return json.dumps(rest).encode()

    return changed


def other_hash(of_source: list[Any]) -> None:
    """Has a saved head of a source name another hash."""
    of_source[3] = "00" * 32


def flip(table: str, column: str, at: int, where: str) -> Callable[[Database], None]:
    """Flips a bit of a row."""
    return sql(f"UPDATE {table} SET {column} = set_byte({column}, {at}, get_byte({column}, {at}) # 1) WHERE {where}")


def signature(state: bytes) -> int:
    """Where the base64 of a note's signature stands, whose bits all count."""
    return state.rindex(b"=\n") - 3


def head(state: bytes) -> int:
    """Where the hash of a source's head stands."""
    return state.index(b"custody") + 30


def transfer(state: bytes) -> int:
    """Where a transfer's id stands."""
    return state.index(b"t1-0")


TREE = "do not lead to the recorded tree head"
UNREADABLE = "cannot be read bundle 0"
POSTINGS_SWAPPED = "postings = substr(postings, 21, 20) || substr(postings, 1, 20) || substr(postings, 41)"
CHANGED_BUNDLE = {
    f"{name}": "an entry bundle was changed bundle 0 leaf_index" for name in ("receipt", "search", "answer")
}
CHANGED_TILE = {
    "receipt": "a tile was changed tile 0/0",
    "rebuild": "^tiles$",
    "mirror": "tile/0/000 is not of the log",
}
BOTH_CHANGED = {
    "receipt": "a tile was changed tile 0/0 leaf_index 3",
    "answer": "a tile was changed tile 0/0",
    "rebuild": "^bundles tiles$",
    "mirror": "tile/0/000 is not of the log",
}
DAMAGED_RUN = dict.fromkeys(("search", "answer"), "Index damaged first_leaf 0 leaves 256")
OTHER_CHECKPOINT = "the checkpoint at size 514 is of another log"
OTHER_STATE = {"verify_log": "it states what the log knew at 126 leaves"}

CELLS = (
    cell("event row", "flipped", "a leaf", edited(flipped("LeavesAppended", 0, transfer)),
         listing="position 1$", rebuild="^chain$", verify_log="the index over|the leaves do not lead",
         **replayed(f"event 1 .*from index 0 {TREE}")),
    cell("event row", "flipped", FORGED, edited(flipped("LeavesAppended", 0, transfer), rechained=True),
         rebuild="^tree$", verify_log="the index over|the leaves do not lead",
         **believed_no_more(f"event 1 .*from index 0 {TREE}")),
    cell("event row", "omitted", "a page of leaves", edited(omitted("LeavesDeflated", 0)),
         listing="position 9$", rebuild="^chain$", verify_log="it states what the log knew at 510",
         **replayed(f"event 10 .*from index 310 {TREE}")),
    cell("event row", "omitted", FORGED, edited(omitted("ReadRecorded", 1), rechained=True),
         listing="position 7$", rebuild="^tree$", verify_log="it states what the log knew at 126",
         **believed_no_more(f"event 3 .*from index 123 {TREE}")),
    cell("event row", "reordered", "two reads", edited(reordered("ReadRecorded", 1)),
         listing="position 3$", rebuild="^chain$", verify_log="do not lead to the checkpoint's root",
         **replayed(f"event 3 .*from index 123 {TREE}")),
    cell("event row", "reordered", FORGED, edited(reordered("ReadRecorded", 1), rechained=True),
         rebuild="^tree$", verify_log="do not lead to the checkpoint's root",
         **believed_no_more(f"event 3 .*from index 123 {TREE}")),
    cell("bundle", "flipped", "a bit", flip("bundles", "leaves", 60, "index = 0"), receipt=UNREADABLE,
         search=UNREADABLE, answer=UNREADABLE, rebuild="^bundles$", mirror="tile/entries/000"),
    cell("bundle", "omitted", "a row, which events stand in for", sql("DELETE FROM bundles WHERE index = 0"),
         rebuild="^bundles$", mirror="entry 0 is not the one"),
    cell("bundle", "reordered", "two leaves of it", leaves_swapped(3, 4), **CHANGED_BUNDLE,
         rebuild="^bundles$", mirror="entry 3 is not the one"),
    cell("bundle", "reordered", "leaves of two", leaves_swapped(3, 260), **CHANGED_BUNDLE,
         rebuild="^bundles$", mirror="entry 3 is not the one"),
    cell("bundle", "reordered", "two leaves, and their hashes in the tile", leaves_swapped(3, 4, with_tiles=True),
         **BOTH_CHANGED),
    cell("bundle", "reordered", "leaves of two, and their hashes in the tiles", leaves_swapped(3, 260, with_tiles=True),
         **BOTH_CHANGED),
    cell("bundle", "reordered", "two bundles", rows_exchanged("bundles", "index", 0, 1), **CHANGED_BUNDLE,
         rebuild="^bundles$", mirror="entry 0 is not the one"),
    cell("tile", "flipped", "a bit", flip("tiles", "hashes", 100, "level = 0 AND index = 0"), **CHANGED_TILE,
         search="a tile was changed tile 0/0 leaf_index 3"),
    cell("tile", "flipped", "the right edge", flip("tiles", "hashes", 10, "level = 0 AND index = 2"),
         receipt="tile 0/2", state="does not lead to the root", answer="tile 0/2", saved_start="another tile 0/2",
         rebuild="^tiles$", mirror="right edge"),
    cell("tile", "omitted", "a row", sql("DELETE FROM tiles WHERE level = 0 AND index = 0"),
         receipt="not there, or shorter than the log tile 0/0", answer="not there, or shorter than the log tile 0/0",
         search="a tile was changed tile 0/0", rebuild="^tiles$", mirror="tile/0/000 is shorter"),
    cell("tile", "reordered", "two hashes", hashes_swapped(3, 4), **CHANGED_TILE,
         search="a tile was changed tile 0/0 leaf_index 3"),
    cell("tile", "reordered", "two tiles", rows_exchanged("tiles", "index", 0, 1, "level = 0"), **CHANGED_TILE,
         search="a tile was changed tile 0/0", answer="a tile was changed tile 0/0"),
    cell("index run", "flipped", "a posting", flip("index_chunks", "postings", 300, "first_leaf = 0"),
         **DAMAGED_RUN, rebuild="^index_chunks$"),
    cell("index run", "flipped", "a root", flip("index_runs", "root", 3, "first_leaf = 0"),
         **DAMAGED_RUN, rebuild="^index_runs$"),
    cell("index run", "omitted", "a chunk", sql("DELETE FROM index_chunks WHERE first_leaf = 0"),
         **DAMAGED_RUN, rebuild="^index_chunks$"),
    cell("index run", "omitted", "a run", sql("DELETE FROM index_runs WHERE first_leaf = 0"),
         search="Index moved first_leaf 0 leaves 256", answer="Index moved first_leaf 0 leaves 256",
         rebuild="^index_runs$"),
    cell("index run", "reordered", "two postings",
         sql(f"UPDATE index_chunks SET {POSTINGS_SWAPPED} WHERE first_leaf = 0"),
         **DAMAGED_RUN, rebuild="^index_chunks$"),
    cell("index run", "reordered", "chunks of two runs", rows_exchanged("index_chunks", "first_leaf", 0, 256),
         **DAMAGED_RUN, rebuild="^index_chunks$"),
    cell("checkpoint", "flipped", "the signature", edited(flipped("CheckpointSigned", 0, signature)),
         listing="position 8$", rebuild="^chain$"),
    cell("checkpoint", "flipped", f"the signature of one of before, {FORGED}",
         edited(flipped("CheckpointSigned", 0, signature), rechained=True), saved_start="another history"),
    cell("checkpoint", "flipped", f"the signature of the newest, {FORGED}",
         edited(flipped("CheckpointSigned", -1, signature), rechained=True),
         rebuild="^state$", start="the signature by .* is wrong", saved_start="another history"),
    cell("checkpoint", "flipped", f"the size in the note, {FORGED}",
         edited(restated("CheckpointSigned", 0, note=lambda note: note.replace("\n", "\n1", 1)), rechained=True),
         rebuild="^tree$", **believed_no_more("event 8 .*at size 127 has the note of another")),
    cell("checkpoint", "flipped", f"the root beside the note, {FORGED}",
         edited(restated("CheckpointSigned", 0, root=lambda root: bytes(32)), rechained=True),
         rebuild="^tree$", **believed_no_more("event 8 .*at size 127 is of another log")),
    cell("checkpoint", "omitted", "one of before", edited(omitted("CheckpointSigned", 0)),
         listing="position 8$", rebuild="^chain$"),
    cell("checkpoint", "omitted", "the newest", edited(omitted("CheckpointSigned", -1)), listing="position 215$",
         rebuild="^chain$", start="older checkpoint", saved_start="another history", sign="another writer"),
    cell("checkpoint", "omitted", f"one of before, {FORGED}", edited(omitted("CheckpointSigned", 0), rechained=True),
         listing="position 9$", rebuild="^index_states leaf_pages state$", saved_start="another history"),
    cell("checkpoint", "omitted", f"the newest, {FORGED}", edited(omitted("CheckpointSigned", -1), rechained=True),
         rebuild="^index_states state$", start="older checkpoint", saved_start="another history"),
    cell("checkpoint", "reordered", "behind leaves after it", edited(reordered("CheckpointSigned", 0)),
         listing="position 8$", rebuild="^chain$"),
    cell("checkpoint", "reordered", FORGED, edited(reordered("CheckpointSigned", 0), rechained=True),
         listing="position 9$", rebuild="^leaf_pages$", saved_start="another history"),
    cell("checkpoint", "reordered", f"before the leaf that it is over, {FORGED}",
         edited(reordered("StateRecorded", 0), rechained=True), listing="position 7$",
         rebuild="^tree$", **believed_no_more("event 7 .*at size 127 is of another log")),
    cell("state leaf", "flipped", "the head of a source", edited(flipped("StateRecorded", -1, head)),
         listing="position 214$", rebuild="^chain$", verify_log="leaf 513: the source heads that it states",
         **believed_no_more(f"event 214 .*from index 513 {TREE}")),
    cell("state leaf", "flipped", FORGED, edited(flipped("StateRecorded", -1, head), rechained=True),
         rebuild="^tree$", verify_log="leaf 513: the source heads that it states",
         **believed_no_more(f"event 214 .*from index 513 {TREE}")),
    cell("state leaf", "omitted", "the newest", edited(omitted("StateRecorded", -1)),
         listing="position 214$", rebuild="^chain$", verify_log="the log ends at 513 of 514",
         **believed_no_more(f"event 215 .*{OTHER_CHECKPOINT}")),
    cell("state leaf", "omitted", FORGED, edited(omitted("StateRecorded", -1), rechained=True),
         listing="position 214$", rebuild="^tree$", verify_log="the log ends at 513 of 514",
         **believed_no_more(f"event 214 .*{OTHER_CHECKPOINT}")),
    cell("state leaf", "reordered", "before a read", edited(reordered("StateRecorded", 0, -1)),
         listing="position 6$", rebuild="^chain$", **OTHER_STATE, **replayed(f"event 6 .*from index 126 {TREE}")),
    cell("state leaf", "reordered", FORGED, edited(reordered("StateRecorded", 0, -1), rechained=True),
         rebuild="^tree$", **OTHER_STATE, **believed_no_more(f"event 6 .*from index 126 {TREE}")),
    saved("flipped", "a hash of the tree", "log/tile 0", lambda tile: bytes([tile[0] ^ 1]) + tile[1:], "another tree"),
    saved("flipped", "the head of a source", "log/rest", in_rest(lambda rest: other_hash(rest["heads"][0])),
          "other heads of sources"),
    saved("omitted", "the heads of sources", "log/rest", in_rest(lambda rest: rest["heads"].clear()),
          "other heads of sources"),
    saved("omitted", "the checkpoint", "log/rest", in_rest(lambda rest: rest.update(signed=None)),
          "another checkpoint than the event"),
    saved("reordered", "two hashes of the tree", "log/tile 0", lambda tile: tile[32:64] + tile[:32] + tile[64:],
          "another tree"),
)  # fmt: skip
