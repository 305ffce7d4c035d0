"""Dossiers that their maker has bound and that say what the answers do not, by why and where they are refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

from ringfence_verifier.dossier.evidence import write_steps

from . import dossiers as made
from .notes import Signer
from .refused import SIGNER

Lie = tuple[str, str, bytes]
_RECEIPT, _STEPS, _CHECKPOINT = "receipts/000000000005", "log/consistency.json", "log/checkpoint"


def lies() -> dict[str, Lie]:
    """What a maker may try: reason, file and dossier, by what was done."""
    files = dict(made.entries())
    bound_so = {
        "a figure in a table": ("NOT_OF_THE_FACTS", "facts/raw.csv", files["facts/raw.csv"].replace(b"1997", b"1998")),
        "a row left out": ("NOT_OF_THE_FACTS", "facts/raw.json", files["facts/raw.json"].partition(b"\n")[2]),
        "a receipt left out": ("FILE_MISSING", _RECEIPT, None),
        "a receipt too many": ("NOT_OF_THE_FACTS", "receipts/000000000070", b"x"),
        "a receipt of another": ("NOT_OF_THE_FACTS", _RECEIPT, files["receipts/000000000006"]),
        "an answer of nothing asked": ("FILE_ADDED", "answers/009-001", b"x"),
        "an answer left out": ("FILE_MISSING", "answers/003-001", None),
        "another answer": ("ANSWER_REFUSED", "answers/003-001", files["answers/001-001"]),
        "a part": ("ANSWER_INCOMPLETE", "answers/003-001", made.log().parts(made.NOBODY, 0, 30).encoded()),
        "a piece twice": ("ANSWER_INCOMPLETE", "answers/002-002", files["answers/002-001"]),
        "a gap between pieces": ("ANSWER_INCOMPLETE", "answers/002-002", made.log().parts(made.BOB, 31).encoded()),
        "a stretch that is short": ("ANSWER_INCOMPLETE", "answers/004-002", made.stretch(20, 40)),
        "a changed leaf": ("ANSWER_REFUSED", "answers/004-001", files["answers/004-001"].replace(b"@SUM", b"@SUN", 1)),
        "another text": ("TEXT_REFUSED", "texts.json", _texts(files, _says_else)),
        "a text of no fact": ("TEXT_REFUSED", "texts.json", _texts(files, lambda row: row.update(index="5000"))),
        "texts that are none": ("TEXT_REFUSED", "texts.json", b"{}1"),
        "no proof of one history": ("HISTORY_DIFFERS", _STEPS, write_steps({})),
        "a wrong proof of it": ("HISTORY_DIFFERS", _STEPS, write_steps({(41, 71): [bytes(32)]})),
        "an older checkpoint": ("CHECKPOINT_REFUSED", _CHECKPOINT, made.early().note),
        "another log's": (
            "CHECKPOINT_REFUSED",
            _CHECKPOINT,
            replace(made.log(), signer=Signer("other.example/log")).note,
        ),
        "a checkpoint that is no text": ("NOT_TEXT", _CHECKPOINT, b"\xff"),
        "a receipt of no key": ("KEYS_REFUSED", "log/keys/001", files[_RECEIPT]),
    }
    found = {name: (reason, file, made.remade({file: new})) for name, (reason, file, new) in bound_so.items()}
    return found | {name: (*named, content) for name, (named, content) in _bindings().items()} | _of_a_part()


def _of_a_part() -> dict[str, Lie]:
    """What a maker may try who was shown some platforms only."""
    files = dict(made.part().entries)
    first, second, manifest = "answers/001-001", "answers/001-002", "manifest.json"
    page = files[first]
    bound_so = {
        "a fact about another": ("ANSWER_REFUSED", second, made.page_of(33)),
        "pages in another order": ("ANSWER_INCOMPLETE", second, made.page_of(1)),
        "a page that is cut short": ("ANSWER_REFUSED", first, page[:-1]),
        "a page with more behind it": ("ANSWER_REFUSED", first, page + b"x"),
        "another fact in a page": ("ANSWER_REFUSED", first, page.replace(b"@SUM", b"@SUN", 1)),
        "a proof of no fact": ("ANSWER_REFUSED", second, made.page_of()[:-4] + (1).to_bytes(4, "big") + bytes(32)),
        "a page too long": ("ANSWER_REFUSED", first, page + bytes(6 * 1024 * 1024)),
    }
    found = {name: (reason, file, made.remade_part({file: new})) for name, (reason, file, new) in bound_so.items()}
    as_whole = {
        "shown facts told as all": ("ANSWER_REFUSED", first, (b'"shown"', b'"about"'), (b"dossier/2", b"dossier/1")),
        "shown facts in the older format": ("MANIFEST_REFUSED", manifest, (b"dossier/2", b"dossier/1")),
    }
    for name, (reason, file, *changes) in as_whole.items():
        said = files[manifest]
        for old, new in changes:
            said = said.replace(old, new)
        entries = tuple((each, said if each == manifest else content) for each, content in made.part().entries)
        found[name] = reason, file, made.bound(replace(made.part(), entries=entries))
    return found


def _bindings() -> dict[str, tuple[tuple[str, str], bytes]]:
    """Facts that bind nothing, or something else."""
    composed, refused = made.composed(), ("BINDING_REFUSED", "binding/receipt")
    other_method = made.binding_leaf(composed.manifest_sha256, "Search")
    return {
        "a fact that binds nothing": (refused, made.bound(composed, made.log().facts[0])),
        "another method": (refused, made.bound(composed, other_method)),
        "a fact of somebody else's log": (refused, made.bound(composed, None, Signer(SIGNER.name, b"\x05" * 32))),
        "a manifest of other files": (("MANIFEST_CHANGED", "manifest.json"), _other_manifest()),
        "another's": (("MANIFEST_CHANGED", "manifest.json"), made.bound(composed, made.binding_leaf(bytes(32)))),
    }


def _other_manifest() -> bytes:
    """A dossier whose manifest says another hash of a file: the file is as it was."""
    manifest = dict(made.entries())["manifest.json"]
    at = manifest.index(b'"sha256": "') + 11
    return made.with_files({"manifest.json": manifest[:at] + b"0" * 64 + manifest[at + 64 :]})


def _texts(files: dict[str, bytes], change: Callable[[dict[str, object]], None]) -> bytes:
    rows = json.loads(files["texts.json"])
    change(rows[0])
    return f"{json.dumps(rows, ensure_ascii=False, indent=1)}\n".encode()


def _says_else(row: dict[str, object]) -> None:
    row["openings"] = [{"field": "note", "salt": made.SALT.hex(), "text": "something else"}]
