"""Makes a dossier of what was got from a log: its files and manifest, then, once the log has that, the whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from ringfence_verifier.dossier import manifest as named
from ringfence_verifier.dossier.container import Entry, fits, pack
from ringfence_verifier.dossier.evidence import Key, Steps, pieces_of, proven_facts, write_steps
from ringfence_verifier.dossier.instructions import instructions
from ringfence_verifier.dossier.manifest import Listed, Manifest, Question
from ringfence_verifier.dossier.refused import DossierRefused
from ringfence_verifier.dossier.tables import ShownFact
from ringfence_verifier.dossier.verifying import derived
from ringfence_verifier.key_succession import verify_signed
from ringfence_verifier.texts import Opening, write_openings

Words = Callable[[Sequence[ShownFact]], Mapping[str, bytes]]
"""Says facts in words: files by their names below `facts/`."""
PAGE_FILE = Path(__file__).parents[1] / "page" / "verify.html"


@dataclass(frozen=True)
class Gathered:
    """What was got of a log: answers by the names of their files, under which checkpoints, and what goes with them.

    `note` is the newest checkpoint; `steps` prove that it extends each older one that something here stands under.
    `openings` are texts by the index of the fact that commits to them.
    """

    questions: tuple[Question, ...]
    answers: Mapping[str, bytes]
    note: str
    steps: Steps
    key_receipts: tuple[str, ...] = ()
    openings: Mapping[int, Sequence[Opening]] | None = None


@dataclass(frozen=True)
class Composed:
    """The files of a dossier with their manifest, which is not bound yet; `size` is of the newest checkpoint."""

    entries: tuple[Entry, ...]
    size: int

    @property
    def manifest_sha256(self) -> bytes:
        """What the log is to have."""
        return sha256(self.entries[-1][1]).digest()

    def bound(self, receipt: str, steps: Steps) -> bytes:
        """Gives the dossier, with the receipt of the fact that binds it, and that its log extends the dossier's."""
        binding = ((named.BINDING_CONSISTENCY, write_steps(steps)), (named.BINDING_RECEIPT, receipt.encode()))
        return pack((*self.entries, *binding))


def compose(gathered: Gathered, key: Key, words: Words) -> Composed:
    """Verifies what was gathered, and writes it; raises VerificationError where it does not hold, or is too much."""
    pieces = [piece for each in gathered.questions for piece in pieces_of(each, gathered.answers, key)]
    proven = proven_facts(pieces)
    openings = gathered.openings or {}
    kept = [ShownFact(each.index, each.leaf, each.fact, tuple(openings.get(each.index, ()))) for each in proven]
    checkpoint = verify_signed(gathered.note, key)
    files = {
        **gathered.answers,
        **derived(proven, kept),
        **{f"facts/{name}": content for name, content in words(kept).items()},
        **instructions(gathered.questions, checkpoint),
        **{f"{named.KEYS}{at:03d}": each.encode() for at, each in enumerate(gathered.key_receipts, start=1)},
        named.CHECKPOINT: gathered.note.encode(),
        named.CONSISTENCY: write_steps(gathered.steps),
        named.TEXTS: _texts(kept),
        named.PAGE: verifier_page(),
    }
    entries = sorted(files.items())
    if not fits(entries):
        raise DossierRefused("TOO_LONG", "these are more facts than one dossier holds: ask for them in several")
    listed = tuple(map(Listed.of, entries))
    manifest = Manifest(checkpoint.origin, checkpoint.size, checkpoint.root, gathered.questions, listed)
    return Composed((*entries, (named.MANIFEST, manifest.written())), checkpoint.size)


def verifier_page() -> bytes:
    """Gives the page that verifies dossiers, one HTML file."""
    return PAGE_FILE.read_bytes()


def answer_name(question: int, piece: int) -> str:
    """Gives the name of a piece of an answer, both counted from 1."""
    return f"answers/{question:03d}-{piece:03d}"


def _texts(facts: Sequence[ShownFact]) -> bytes:
    rows = [
        {"index": str(each.index), "openings": json.loads(write_openings(each.openings))}
        for each in facts
        if each.openings
    ]
    return f"{json.dumps(rows, ensure_ascii=False, indent=1)}\n".encode()
