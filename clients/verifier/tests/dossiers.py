"""Dossiers of a small log, bound by a fact of it, and what can be done to one without writing it anew."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from hashlib import sha256

from ringfence_verifier import Opening
from ringfence_verifier.dossier import (
    Composed,
    Gathered,
    Question,
    ShownFact,
    answer_name,
    compose,
    hashes_between,
    write_shown,
    write_stretch,
)
from ringfence_verifier.dossier.container import Entry, pack, unpack

from .answers import IndexedLog, combined
from .notes import Signer, base64, consistency, leaf, path, tree_hash
from .refused import PLATFORM, SIGNER

ALICE, BOB, NOBODY = (bytes([number]) * 16 for number in (0x11, 0x22, 0x44))
READER = b"\x77" * 16
NOTE, SALT = '=HYPERLINK("http://x")\r\n"quoted", and \u4e2d\u6587', bytes(range(16))
COMMITTED = 3
BOUND_NS = 1_790_009_000 * 10**9


@cache
def early() -> IndexedLog:
    """The log before its newest facts: what the first answer stands under."""
    return IndexedLog(tuple(map(_fact, range(40))), 38, SIGNER)


@cache
def log() -> IndexedLog:
    """A log of money between two; fact 3 commits to a text, the leaf at 40 is the state that `early` has signed."""
    return IndexedLog((*early().leaves, *(_fact(at) for at in range(41, 70))), 69, SIGNER)


def _fact(at: int) -> bytes:
    committed = {}
    if at == COMMITTED:
        committed = {"note_commitment": sha256(b"ringfence/text/v1\0" + SALT + NOTE.encode()).digest()}
    return leaf(
        "custody.transfer.v1", source="custody", position=at, ordinal=0, amount_minor=at * 1_001 - 5, code=1 + at % 22,
        ledger=978, time_ns=1_790_000_000 * 10**9 + at * 10**9, transfer_id=(at + 1).to_bytes(16, "little"),
        debit_account_id=ALICE if at % 3 else BOB, credit_account_id=BOB, tenant_id=PLATFORM,
        end_to_end_id="@SUM(1)" if at % 5 else "'plain", **committed,
    )  # fmt: skip


def words(facts: Sequence[ShownFact]) -> dict[str, bytes]:
    """What a maker says of facts."""
    said = "\n".join(f"fact {each.index}" for each in facts)
    return {f"words.{name}": said.encode() for name in ("en.csv", "json", "zh-Hans.csv")}


@cache
def composed() -> Composed:
    """A dossier about two ids, one of whom nobody knows, the first answered before the other, and a stretch."""
    answers = {
        answer_name(1, 1): early().parts(ALICE).encoded(),
        answer_name(2, 1): log().parts(BOB, 0, 30).encoded(),
        answer_name(2, 2): log().parts(BOB, 30).encoded(),
        answer_name(3, 1): log().parts(NOBODY).encoded(),
        answer_name(4, 1): stretch(0, 20),
        answer_name(4, 2): stretch(20, 41),
    }
    questions = (
        Question((answer_name(1, 1),), about=ALICE),
        Question((answer_name(2, 1), answer_name(2, 2)), about=BOB),
        Question((answer_name(3, 1),), about=NOBODY),
        Question((answer_name(4, 1), answer_name(4, 2)), between_ns=(0, 1)),
    )
    made = log()
    steps = {(len(early().leaves), len(made.leaves)): consistency(len(early().leaves), made.leaves)}
    openings = {COMMITTED: [Opening("note", SALT, NOTE)]}
    return compose(Gathered(questions, answers, made.note.decode(), steps, (), openings), SIGNER.vkey, words)


def stretch(first: int, until: int) -> bytes:
    """A stretch of the log."""
    leaves, last = log().leaves, until - 1
    hashes = hashes_between(first, path(first, leaves), last, path(last, leaves), len(leaves))
    return write_stretch(first, log().note.decode(), leaves[first:until], hashes)


def binding_leaf(manifest_sha256: bytes, method: str = "BindDossier") -> bytes:
    """The fact by which a log has a dossier."""
    return leaf(
        "audit.read.v1",
        method=method,
        query_manifest_sha256=manifest_sha256,
        reader_id=READER,
        time_ns=BOUND_NS,
    )


def receipt_in(leaves: Sequence[bytes], index: int, signer: Signer = SIGNER) -> str:
    """The receipt of a leaf of a log of these leaves."""
    note = signer.note(signer.name, str(len(leaves)), base64(tree_hash(leaves)))
    proof = "".join(f"{base64(each)}\n" for each in path(index, leaves))
    return f"c2sp.org/tlog-proof@v1\nextra {base64(leaves[index])}\nindex {index}\n{proof}\n{note}"


def bound(made: Composed, leaf_bytes: bytes | None = None, signer: Signer = SIGNER) -> bytes:
    """A dossier with its binding."""
    leaves = (*log().leaves, leaf_bytes or binding_leaf(made.manifest_sha256), leaf("audit.state.v1", time_ns=1))
    receipt = receipt_in(leaves, len(leaves) - 2, signer)
    return made.bound(receipt, {(made.size, len(leaves)): consistency(made.size, leaves)})


@cache
def dossier() -> bytes:
    """A dossier that holds."""
    return bound(composed())


def entries() -> list[Entry]:
    """Its files."""
    return unpack(dossier())


def with_files(changed: dict[str, bytes | None]) -> bytes:
    """The dossier with some files in the place of others, or without them: nothing else is written anew."""
    kept = [(name, changed.get(name, content)) for name, content in entries()]
    return pack([(name, content) for name, content in kept if content is not None])


def remade(changed: dict[str, bytes | None]) -> bytes:
    """The dossier with other files, which its maker has bound so: a manifest that fits, which the log has."""
    return _remade(composed(), changed)


def _remade(whole: Composed, changed: dict[str, bytes | None]) -> bytes:
    files = {name: content for name, content in whole.entries if name != "manifest.json"} | changed
    kept = sorted((name, content) for name, content in files.items() if content is not None)
    made = json.loads(dict(whole.entries)["manifest.json"])
    made["files"] = [
        {"name": name, "bytes": len(content), "sha256": sha256(content).hexdigest()} for name, content in kept
    ]
    manifest = f"{json.dumps(made, ensure_ascii=False, indent=1)}\n".encode()
    return bound(Composed((*kept, ("manifest.json", manifest)), whole.size))


@cache
def part() -> Composed:
    """A dossier of what a reader of a part was shown about an id, in two pages, and of nothing about another."""
    answers = {
        answer_name(1, 1): page_of(*(at for at in range(30) if at % 3)),
        answer_name(1, 2): page_of(31, 32, 44),
        answer_name(2, 1): page_of(),
    }
    questions = (
        Question((answer_name(1, 1), answer_name(1, 2)), about=ALICE, is_shown=True),
        Question((answer_name(2, 1),), about=NOBODY, is_shown=True),
    )
    return compose(Gathered(questions, answers, log().note.decode(), {}), SIGNER.vkey, words)


def page_of(*indexes: int) -> bytes:
    """Facts of the log as a search shows them, proven together."""
    leaves = log().leaves
    hashes = combined(leaves, set(indexes)) if indexes else ()
    return write_shown(log().note.decode(), [(at, leaves[at]) for at in indexes], hashes)


def remade_part(changed: dict[str, bytes | None]) -> bytes:
    """The same with other files, bound so by its maker."""
    return _remade(part(), changed)
