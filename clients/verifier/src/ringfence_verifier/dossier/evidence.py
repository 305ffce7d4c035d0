"""The answers in a dossier: each proven, each question answered whole, and all of one history of one log."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ringfence_verifier.answer import Answer, verify_answer
from ringfence_verifier.dossier.manifest import CONSISTENCY, Question
from ringfence_verifier.dossier.receipts import receipt_of
from ringfence_verifier.dossier.refused import DossierRefused
from ringfence_verifier.dossier.shown import Shown, verify_shown
from ringfence_verifier.dossier.stretch import Stretch, verify_stretch
from ringfence_verifier.errors import VerificationError
from ringfence_verifier.key_succession import KeySuccession
from ringfence_verifier.leaf import Fact
from ringfence_verifier.note import Checkpoint, decode_base64
from ringfence_verifier.proofs import verify_consistency
from ringfence_verifier.state import STATE_KIND

Key = str | KeySuccession
Piece = Answer | Stretch | Shown
Steps = Mapping[tuple[int, int], Sequence[bytes]]
"""Proofs that the second size of a log extends the first."""


@dataclass(frozen=True)
class Proven:
    """A fact in the piece that proves it."""

    index: int
    leaf: bytes
    fact: Fact
    piece: Piece

    def receipt(self) -> str:
        """Its receipt, under the checkpoint of its piece."""
        piece = self.piece
        return receipt_of(self.leaf, self.index, piece.checkpoint.size, piece.nodes, piece.note)


def pieces_of(question: Question, files: Mapping[str, bytes], key: Key) -> list[Piece]:
    """Verifies the pieces that answer a question, and that they leave nothing out; raises DossierRefused."""
    if not question.files:
        raise DossierRefused("ANSWER_INCOMPLETE", "a question has no answer")
    found = [_piece(question, name, files.get(name), key) for name in question.files]
    for name, (before, after) in zip(question.files[1:], pairwise(found), strict=True):
        goes_on = before.until_leaf <= after.from_leaf if question.is_shown else before.until_leaf == after.from_leaf
        if not goes_on or before.checkpoint.size > after.checkpoint.size:
            raise DossierRefused("ANSWER_INCOMPLETE", "it does not go on where the piece before it ends", name)
    if question.is_shown:
        return found
    if question.about is not None:
        _require_whole(question, found)
    else:
        _require_between(question, found)
    return found


def proven_facts(pieces: Iterable[Piece]) -> list[Proven]:
    """Gives all facts in order of the log, each once, from the first piece that has it; raises DossierRefused."""
    found = dict[int, Proven]()
    for piece in pieces:
        for (index, fact), leaf in zip(piece.facts, piece.leaves, strict=True):
            if found.setdefault(index, Proven(index, leaf, fact, piece)).leaf != leaf:
                raise DossierRefused("HISTORY_DIFFERS", f"fact {index} is another in another answer")
    return [found[index] for index in sorted(found)]


def sizes_of(checkpoints: Iterable[Checkpoint]) -> list[Checkpoint]:
    """Gives checkpoints by their sizes, each once; raises DossierRefused where two of one size differ."""
    found = dict[int, Checkpoint]()
    for each in checkpoints:
        known = found.setdefault(each.size, each)
        if (known.origin, known.root) != (each.origin, each.root):
            raise DossierRefused("HISTORY_DIFFERS", f"two checkpoints of {each.size} leaves are of different logs")
    return [found[size] for size in sorted(found)]


def require_one_history(checkpoints: Sequence[Checkpoint], steps: Steps, entry: str) -> None:
    """Demands that the last checkpoint extends each before it, by the proofs given; raises DossierRefused.

    Proofs from other sizes are of checkpoints that somebody needs who knows an older key.
    """
    *older, newest = checkpoints
    for each in older:
        path = steps.get((each.size, newest.size))
        if path is None:
            raise DossierRefused("HISTORY_DIFFERS", f"that {each.size} leaves are extended is not proven", entry)
        try:
            verify_consistency(each.size, each.root, newest.size, newest.root, path)
        except VerificationError as error:
            raise DossierRefused("HISTORY_DIFFERS", str(error), entry) from error


def write_steps(steps: Steps) -> bytes:
    """Gives proofs of consistency as JSON: from, to, and the hashes in base64."""
    rows = [
        [str(old), str(new), [b64encode(each).decode() for each in path]] for (old, new), path in sorted(steps.items())
    ]
    return f"{json.dumps(rows, indent=1)}\n".encode()


def read_steps(content: bytes, entry: str = CONSISTENCY) -> Steps:
    """Reads what `write_steps` gave; raises DossierRefused where it is anything else."""
    try:
        found = {
            (int(old), int(new)): [decode_base64(each, "a proof hash") for each in path]
            for old, new, path in json.loads(content)
        }
        is_same = write_steps(found) == content
    except (ValueError, TypeError, AttributeError, RecursionError, VerificationError) as error:
        raise DossierRefused("HISTORY_DIFFERS", "it cannot be read", entry) from error
    if not is_same:
        raise DossierRefused("HISTORY_DIFFERS", "it is not written as it should be", entry)
    return found


def _piece(question: Question, name: str, content: bytes | None, key: Key) -> Piece:
    if content is None:
        raise DossierRefused("FILE_MISSING", "it is left out", name)
    complete = verify_answer if question.about is not None else verify_stretch
    verify: Any = verify_shown if question.is_shown else complete
    try:
        piece: Piece = verify(content, key)
    except VerificationError as error:
        raise DossierRefused("ANSWER_REFUSED", str(error), name) from error
    if isinstance(piece, Answer) and piece.key != question.about:
        raise DossierRefused("ANSWER_REFUSED", "it is about something else", name)
    if question.is_shown and not all(question.about in fact.fields.values() for _, fact in piece.facts):
        raise DossierRefused("ANSWER_REFUSED", "a fact in it is about something else", name)
    return piece


def _require_whole(question: Question, found: Sequence[Piece]) -> None:
    last = found[-1]
    if found[0].from_leaf or not isinstance(last, Answer) or last.until_leaf != last.state.index_size:
        raise DossierRefused("ANSWER_INCOMPLETE", "a piece of the answer is left out", question.files[-1])


def _require_between(question: Question, found: Sequence[Piece]) -> None:
    """Demands that the log itself says, by its states, that the stretch begins before the time and ends after it."""
    from_ns, until_ns = question.between_ns or (0, 0)
    (first, begin), (_, end) = found[0].facts[0], found[-1].facts[-1]
    begins = not first or (begin.kind == STATE_KIND and begin.integer("time_ns") <= from_ns)
    ends = end.kind == STATE_KIND and end.integer("time_ns") >= until_ns
    if not begins or not ends or from_ns >= until_ns:
        raise DossierRefused(
            "ANSWER_INCOMPLETE", "it does not reach from before the time to after it", question.files[-1]
        )
