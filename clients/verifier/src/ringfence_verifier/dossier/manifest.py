"""What a dossier says that it is: about whom or what, under which checkpoint, each of its files by its hash."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

from ringfence_verifier.dossier.container import Entry
from ringfence_verifier.dossier.refused import DossierRefused

FORMAT, FORMAT_SHOWN = "ringfence-dossier/1", "ringfence-dossier/2"
"""The second one where a question was answered by what its reader was shown, which verifiers before did not know."""
MANIFEST = "manifest.json"
BINDING_RECEIPT, BINDING_CONSISTENCY = "binding/receipt", "binding/consistency.json"
BINDING = (BINDING_CONSISTENCY, BINDING_RECEIPT)
CHECKPOINT, CONSISTENCY, KEYS = "log/checkpoint", "log/consistency.json", "log/keys/"
RAW_CSV, RAW_JSON = "facts/raw.csv", "facts/raw.json"
RECEIPTS, TEXTS, PAGE = "receipts/", "texts.json", "verify.html"


@dataclass(frozen=True)
class Question:
    """What was asked of the log, and the files that answer it, in order.

    About a key (an id of 16 bytes), or about all facts that the log had taken over between two times (UTC nanoseconds).
    Where `is_shown`, the files have what the reader was shown about the key, and nothing says that this is all.
    """

    files: tuple[str, ...]
    about: bytes | None = None
    between_ns: tuple[int, int] | None = None
    is_shown: bool = False


@dataclass(frozen=True)
class Listed:
    """A file of a dossier."""

    name: str
    length: int
    sha256: bytes

    @classmethod
    def of(cls, entry: Entry) -> Listed:
        """Lists a file."""
        return cls(entry[0], len(entry[1]), sha256(entry[1]).digest())


@dataclass(frozen=True)
class Manifest:
    """The log, the newest checkpoint's size and root, the questions, and all files but itself and its binding."""

    origin: str
    size: int
    root: bytes
    questions: tuple[Question, ...]
    files: tuple[Listed, ...]

    @property
    def is_complete(self) -> bool:
        """Tells whether each answer says that there is nothing else."""
        return not any(each.is_shown for each in self.questions)

    def written(self) -> bytes:
        """Gives it as JSON, always the same for the same content."""
        made = {
            "format": FORMAT if self.is_complete else FORMAT_SHOWN,
            "log": self.origin,
            "size": str(self.size),
            "root": self.root.hex(),
            "questions": [_question(each) for each in self.questions],
            "files": [{"name": each.name, "bytes": each.length, "sha256": each.sha256.hex()} for each in self.files],
        }
        return f"{json.dumps(made, ensure_ascii=False, indent=1)}\n".encode()


def read_manifest(content: bytes) -> Manifest:
    """Reads what `written` gave; raises DossierRefused where it is anything else."""
    try:
        found = _read(json.loads(content))
        is_same = found.written() == content
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
        raise DossierRefused("MANIFEST_REFUSED", "it cannot be read", MANIFEST) from error
    if not is_same:
        raise DossierRefused("MANIFEST_REFUSED", "it is not written as a manifest is", MANIFEST)
    return found


def require_listed(manifest: Manifest, entries: Sequence[Entry]) -> None:
    """Demands exactly the files that are listed, in order, and the manifest and its binding behind them.

    Raises DossierRefused, which names the first that is changed, missing, added or in another place.
    """
    listed = {each.name: each for each in manifest.files}
    there = [name for name, _ in entries]
    counts, names = Counter(there), sorted(listed)
    if len(listed) != len(manifest.files) or names != [each.name for each in manifest.files]:
        raise DossierRefused("MANIFEST_REFUSED", "its files are not in order, each once", MANIFEST)
    expected = [*names, MANIFEST, *BINDING]
    known = set(expected)
    for name in expected:
        if name not in counts:
            raise DossierRefused("FILE_MISSING", "it is left out", name)
    for name, content in entries:
        if name not in known or counts[name] > 1:
            raise DossierRefused("FILE_ADDED", "the manifest has no such file", name)
        if name in listed and Listed.of((name, content)) != listed[name]:
            raise DossierRefused("FILE_CHANGED", "it is not the file that the manifest has", name)
    for name, due in zip(there, expected, strict=True):
        if name != due:
            raise DossierRefused("FILES_REORDERED", f"it stands where {due} should", name)


def _question(each: Question) -> dict[str, Any]:
    if each.about is not None:
        return {"shown" if each.is_shown else "about": str(UUID(bytes=each.about)), "files": list(each.files)}
    from_ns, until_ns = each.between_ns or (0, 0)
    return {"from_ns": str(from_ns), "until_ns": str(until_ns), "files": list(each.files)}


def _read_question(given: Any) -> Question:
    files = tuple(map(str, given["files"]))
    for name in ("about", "shown"):
        if name in given:
            return Question(files, about=UUID(given[name]).bytes, is_shown=name == "shown")
    return Question(files, between_ns=(int(given["from_ns"]), int(given["until_ns"])))


def _read(given: Any) -> Manifest:
    if given["format"] not in (FORMAT, FORMAT_SHOWN):
        raise ValueError("another format")
    questions = tuple(map(_read_question, given["questions"]))
    files = tuple(
        Listed(str(each["name"]), int(each["bytes"]), bytes.fromhex(each["sha256"])) for each in given["files"]
    )
    return Manifest(str(given["log"]), int(given["size"]), bytes.fromhex(given["root"]), questions, files)
