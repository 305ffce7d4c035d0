"""A case, and what the verifier makes of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from ringfence_verifier import (
    CosignerKey,
    Policy,
    VerificationError,
    VerifierKey,
    cosigners,
    read_leaf,
    read_state,
    verify_answer,
    verify_checkpoint,
    verify_consistency,
    verify_inclusion,
    verify_key_succession,
    verify_receipt,
)
from ringfence_verifier.note import open_note
from ringfence_verifier.receipt import carried_leaf
from ringfence_verifier.tiles import ProvenTiles, verify_subtree

from ..notes import base64


def said_of(
    named: Sequence[tuple[bytes, str, int, bytes]],
    groups: Mapping[bytes, tuple[int, tuple[bytes, ...]]],
    quorum: bytes,
    met: Sequence[bool],
) -> str:
    """What a policy was read as, in short: its witnesses, groups and quorum, and by which subsets it is met."""
    return sha256(repr((sorted(named), sorted(groups.items()), quorum, list(met))).encode()).hexdigest()


def subsets(names: Sequence[bytes]) -> list[set[bytes]]:
    """Some sets of witnesses: none, all, each alone, all but each, and halves."""
    alone = [{each} for each in names]
    return [set(), set(names), *alone, *(set(names) - each for each in alone), set(names[::2]), set(names[1::2])]


Made = tuple[str, str, dict[str, Any]]
"""A case but for its number."""


@dataclass(frozen=True)
class Case:
    """One piece of evidence, by its kind, and what was done to a valid one."""

    number: int
    kind: str
    mutation: str
    given: dict[str, Any]

    def __str__(self) -> str:
        return f"case {self.number}, {self.kind}, {self.mutation}"

    def as_json(self) -> str:
        """Writes the case for an oracle: bytes in base64, integers in decimal."""
        return json.dumps({"kind": self.kind, **{name: _plain(value) for name, value in self.given.items()}})


@dataclass(frozen=True)
class Verdict:
    """Whether it was accepted, and as what where that is said; or why it was not."""

    accepted: bool
    said: str | None = None


def judged(case: Case) -> Verdict:
    """Gives the verifier's verdict; any other error than its own passes through."""
    try:
        return Verdict(True, _JUDGES[case.kind](case.given))
    except VerificationError as error:
        return Verdict(False, str(error))


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64(value)
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return None if value is None else str(value)


def _text(content: bytes) -> str:
    """What a caller has who reads a file without looking: bytes that are no UTF-8 stay visible as surrogates."""
    return content.decode("utf-8", "surrogateescape")


def _inclusion(given: dict[str, Any]) -> str:
    verify_inclusion(given["leaf_hash"], given["index"], given["size"], given["proof"], given["root"])
    return "holds"


def _consistency(given: dict[str, Any]) -> str:
    verify_consistency(given["old_size"], given["old_root"], given["size"], given["root"], given["proof"])
    return "holds"


def _key(given: dict[str, Any]) -> str:
    key = VerifierKey.parse(_text(given["key"]))
    if key.text().encode() != given["key"]:
        raise AssertionError("a key has two texts")
    return f"{sha256(key.name.encode()).hexdigest()} {key.key_id.hex()}"


def _note(given: dict[str, Any]) -> str:
    text = open_note(_text(given["note"]), VerifierKey.parse(_text(given["key"])))
    return sha256(text.encode()).hexdigest()


def _checkpoint(given: dict[str, Any]) -> str:
    checkpoint = verify_checkpoint(_text(given["note"]), _text(given["key"]))
    return f"{checkpoint.size} {checkpoint.root.hex()}"


def _receipt(given: dict[str, Any]) -> str:
    proven = verify_receipt(_text(given["note"]), _text(given["key"]), leaf=given["leaf"])
    at = proven.checkpoint
    return f"{at.size} {at.root.hex()} {proven.index} {sha256(proven.leaf).hexdigest()}"


def _leaf(given: dict[str, Any]) -> str:
    fact = read_leaf(given["leaf"])
    return repr((fact.kind, list(fact.fields.items())))


def _answer(given: dict[str, Any]) -> str:
    answer = verify_answer(given["answer"], _text(given["key"]))
    at = answer.checkpoint
    return f"{at.size} {at.root.hex()} {answer.key.hex()} {[index for index, _ in answer.facts]}"


def _policy(given: dict[str, Any]) -> str:
    read = Policy.parse(given["policy"])
    named = [(each.name, each.key.name, each.key.algorithm, each.key.public_key) for each in read.witnesses.values()]
    groups = {name: (group.least, group.members) for name, group in read.groups.items()}
    return said_of(named, groups, read.quorum, [read.is_met(each) for each in subsets(list(read.witnesses))])


def _cosignature(given: dict[str, Any]) -> str:
    note, key = _text(given["note"]), CosignerKey.parse(_text(given["cosigner"]))
    checkpoint = verify_checkpoint(note, _text(given["key"]))
    if not cosigners(note, checkpoint, (key,)):
        raise VerificationError("the checkpoint is not cosigned")
    return f"{checkpoint.size} {checkpoint.root.hex()}"


def _state(given: dict[str, Any]) -> str:
    return repr(read_state(read_leaf(given["leaf"])))


def _succession(given: dict[str, Any]) -> str:
    note, key = _text(given["note"]), _text(given["key"])
    keys, relied = verify_key_succession([note], key)
    if not relied:
        raise VerificationError("the receipt is no news of the key")
    at = keys.verify_checkpoint(relied[0])
    return f"{at.size} {at.root.hex()} {keys.keys[-1].first - 1} {sha256(carried_leaf(note)).hexdigest()}"


def _tile(given: dict[str, Any]) -> str:
    tiles = {tuple(place): content for *place, content in given["tiles"]}

    def read(level: int, index: int, width: int) -> bytes:
        found = tiles.get((level, index, width))
        if found is None:
            raise VerificationError("nobody has this tile")
        return found

    proven = ProvenTiles(given["size"], given["root"], read)
    return sha256(proven.tile(given["level"], given["index"], given["width"])).hexdigest()


def _subtree(given: dict[str, Any]) -> str:
    part, root, proof = given["leaf_hash"], given["root"], given["proof"]
    verify_subtree(given["start"], given["end"], part, given["size"], root, proof)
    return "holds"


_JUDGES = {
    "inclusion": _inclusion,
    "consistency": _consistency,
    "key": _key,
    "note": _note,
    "checkpoint": _checkpoint,
    "receipt": _receipt,
    "leaf": _leaf,
    "answer": _answer,
    "policy": _policy,
    "cosignature": _cosignature,
    "state": _state,
    "succession": _succession,
    "tile": _tile,
    "subtree": _subtree,
}
KINDS = tuple(_JUDGES)
