"""Complete answers of a few logs, honest and not, and changes to each part; what is accepted has one encoding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache, lru_cache
from random import Random

from ..answers import Index, IndexedLog, Parts, Posting, Shown, cover, pages_of, with_pages
from ..notes import Signer, leaf
from . import pieces
from .cases import Case, Made, Verdict
from .signed import PLACES, changed_note, signers

IDS = tuple(bytes([number]) * 16 for number in range(1, 9))
NOBODY = b"\x07" * 15 + b"\x01"
SIZES = ((1, 1), (24, 24), (40, 33), (256, 256), (300, 290), (4_400, 4_390))
"""Facts of each log, and how many of them its index has."""
CHANGES = (
    "none", *("bounds", "runs", "pages", "hashes", "facts", "proof", "state", "raw", "lengths") * 3,
    *("note", "index", "another log") * 2,
)  # fmt: skip


@cache
def log(number: int) -> IndexedLog:
    """A log; the first ids are named often, the others now and then."""
    chance, (size, indexed) = Random(f"ringfence/log/{number}"), SIZES[number]
    return IndexedLog(tuple(_fact(chance, at) for at in range(size)), indexed, signers()[0])


@lru_cache(maxsize=4096)
def parts(number: int, key: bytes, from_leaf: int, until_leaf: int) -> Parts:
    """An answer of a log."""
    return log(number).parts(key, from_leaf, until_leaf)


def answer(chance: Random) -> Made:
    """A complete answer with a change, or none."""
    number, key = chance.choice((0, 1, 2, 2, 3, 4, 4, 5)), chance.choice((*IDS, NOBODY))
    end = SIZES[number][1]
    from_leaf, until_leaf = chance.choice(((0, end), (0, end), (end // 2, end), (end // 3, end // 2 + 1)))
    good = parts(number, key, from_leaf, until_leaf)
    done = chance.choice(CHANGES)
    signer, content = signers()[0], good.encoded()
    vkey = signer.vkey.encode()
    if done == "note":
        text = good.note.rpartition(b"\n\n")[0]
        note, vkey = changed_note(chance, text.split(b"\n"), signer, chance.choice(PLACES))
        content = replace(good, note=note).encoded()
    elif done == "raw":
        content = pieces.raw(chance, content)
    elif done == "lengths":
        content = _resized(chance, good)
    elif done in ("index", "another log"):
        content = _of_a_liar(chance, number, good) if done == "index" else _of_another(chance, number, good)
    elif done != "none":
        content = _CHANGED[done](chance, good, number).encoded()
    return "answer", done, {"answer": content, "key": vkey, "log": number}


def one_answer(case: Case) -> Verdict | None:
    """Whether an answer that is accepted is what its log has to answer, byte for byte but for the note around it."""
    content: bytes = case.given["answer"]
    start = len(b"ringfence-answer/1\n")
    key, numbers = content[start : start + 16], content[start + 16 : start + 32]
    from_leaf, until_leaf = (int.from_bytes(each, "big") for each in (numbers[:8], numbers[8:]))
    if case.mutation in ("index", "another log") or not 0 <= from_leaf < until_leaf <= SIZES[case.given["log"]][1]:
        return None if case.mutation in ("index", "another log") else Verdict(False)
    length = int.from_bytes(content[start + 32 : start + 36], "big")
    note = content[start + 36 : start + 36 + length]
    due = replace(parts(case.given["log"], key, from_leaf, until_leaf), note=note)
    return Verdict(due.encoded() == content)


def _fact(chance: Random, at: int) -> bytes:
    named = {"debit_account_id": chance.choice(IDS[:3]), "credit_account_id": chance.choice(IDS[:3])}
    if chance.random() < 0.05:
        named["user_data_128"] = chance.choice(IDS)
    own = at.to_bytes(16, "big")[::-1]
    return leaf("custody.transfer.v1", tenant_id=IDS[0], of_owner_id=IDS[1], transfer_id=own, time_ns=at, **named)


def _bounds(chance: Random, good: Parts, number: int) -> Parts:
    others = [good.from_leaf, good.until_leaf, SIZES[number][1], SIZES[number][0]]
    step = chance.randrange(4)
    if step == 0:
        return replace(good, key=chance.choice((*IDS, NOBODY, bytes(16), pieces.flipped(chance, good.key))))
    if step == 1:
        return replace(good, from_leaf=pieces.number(chance, good.from_leaf, others) % 2**64)
    if step == 2:
        return replace(good, until_leaf=pieces.number(chance, good.until_leaf, others) % 2**64)
    return replace(good, header=chance.choice((b"", b"ringfence-answer/2\n", good.header[:-1], good.header * 2)))


def _one(chance: Random, good: Parts, *, pages: bool = False) -> int:
    found = [at for at, run in enumerate(good.runs) if run.pages or not pages]
    return chance.choice(found or range(len(good.runs)))


def _with_run(good: Parts, at: int, *runs: Shown) -> Parts:
    return replace(good, runs=(*good.runs[:at], *runs, *good.runs[at + 1 :]))


def _runs(chance: Random, good: Parts, number: int) -> Parts:
    at = _one(chance, good)
    run = good.runs[at]
    step = chance.randrange(5)
    if step == 0:
        return _with_run(good, at, replace(run, postings=pieces.number(chance, run.postings, [0, 25]) % 2**64))
    if step == 1:
        return _with_run(good, at, replace(run, root=chance.choice((pieces.flipped(chance, run.root), bytes(32)))))
    if step == 2:
        return _with_run(good, at)
    if step == 3:
        return _with_run(good, at, run, chance.choice(good.runs))
    return replace(good, runs=good.runs[::-1])


def _pages(chance: Random, good: Parts, number: int) -> Parts:
    """Other pages than have to be shown, with their proof or without; or postings moved within them."""
    at = _one(chance, good, pages=True)
    run = good.runs[at]
    if not run.pages:
        return good
    first, leaves = _ranges(number)[at]
    all_pages = pages_of(log(number).postings(first, leaves))
    end = run.page + len(run.pages)
    step = chance.randrange(7)
    if step == 0 and end < len(all_pages):
        return _with_run(good, at, with_pages(run, all_pages, run.page, end + 1))
    if step == 1 and run.page:
        return _with_run(good, at, with_pages(run, all_pages, run.page - 1, end))
    if step == 2 and len(run.pages) > 1:
        cut = chance.choice(((run.page + 1, end), (run.page, end - 1)))
        return _with_run(good, at, with_pages(run, all_pages, *cut))
    if step == 3:
        start = chance.randrange(len(all_pages))
        return _with_run(good, at, with_pages(run, all_pages, start, min(start + len(run.pages), len(all_pages))))
    if step == 4:
        page = pieces.number(chance, run.page, [len(all_pages), 2**32 - 1]) % 2**32
        return _with_run(good, at, replace(run, page=page))
    page = chance.randrange(len(run.pages))
    postings = [run.pages[page][each : each + 20] for each in range(0, len(run.pages[page]), 20)]
    made = pieces.listed(chance, postings, (bytes(20), b"\xff" * 20), lambda each: pieces.flipped(chance, each))
    changed = (*run.pages[:page], b"".join(made), *run.pages[page + 1 :])
    return _with_run(good, at, replace(run, pages=changed))


def _hashes(chance: Random, good: Parts, number: int) -> Parts:
    at = _one(chance, good, pages=True)
    run = good.runs[at]
    made = pieces.listed(chance, list(run.hashes), (bytes(32), run.root), lambda each: pieces.flipped(chance, each))
    return _with_run(good, at, replace(run, hashes=tuple(made)))


def _facts(chance: Random, good: Parts, number: int) -> Parts:
    strange = (good.state, log(number).facts[0], leaf("x"), b"")
    made = pieces.listed(chance, list(good.facts), strange, lambda each: pieces.flipped(chance, each))
    return replace(good, facts=tuple(made))


def _proof(chance: Random, good: Parts, number: int) -> Parts:
    made = pieces.listed(chance, list(good.hashes), (bytes(32),), lambda each: pieces.flipped(chance, each))
    return replace(good, hashes=tuple(made))


def _state(chance: Random, good: Parts, number: int) -> Parts:
    others = [log(each).state for each in range(4) if each != number]
    return replace(good, state=chance.choice((*others, pieces.raw(chance, good.state), good.state[:-1], b"")))


_CHANGED = {
    "bounds": _bounds,
    "runs": _runs,
    "pages": _pages,
    "hashes": _hashes,
    "facts": _facts,
    "proof": _proof,
    "state": _state,
}


@cache
def _ranges(number: int) -> tuple[tuple[int, int], ...]:
    return tuple(cover(SIZES[number][1]))


def _resized(chance: Random, good: Parts) -> bytes:
    """An answer with a count or length of more than there is, or with something after its end."""
    content = bytearray(good.encoded())
    at = chance.choice((51, 55 + len(good.note), 57 + len(good.note) + len(good.state)))
    step = chance.randrange(3)
    if step == 0:
        return bytes(content) + chance.choice((b"\0", bytes(32), bytes(content)))
    length = chance.choice((1, 2, 4))
    content[at : at + length] = chance.choice((b"\xff", b"\x7f", b"\x00")) * length
    return bytes(content)


def _of_a_liar(chance: Random, number: int, good: Parts) -> bytes:
    """What a log answers that has signed an index that is not that of its facts."""
    step = chance.choice(("omits", "adds", "disorders", "beyond"))

    def index(first: int, leaves: int, true: Sequence[Posting]) -> Sequence[Posting]:
        made = list(true)
        if step == "omits":
            made = [each for each in made if each[:16] != good.key]
        elif step == "adds":
            made = sorted({*made, good.key + (leaves // 2).to_bytes(4, "big")})
        elif step == "beyond":
            made = sorted([*made, good.key + leaves.to_bytes(4, "big")])
        elif len(made) > 1:
            made[-2:] = made[:-3:-1]
        return made

    return _lied(number, index, good)


def _lied(number: int, index: Index, good: Parts) -> bytes:
    small = min(number, 4)  # a large log takes its time to index
    honest = log(small)
    size = SIZES[small][1]
    liar = IndexedLog(honest.facts, size, honest.signer, index)
    return liar.parts(good.key, min(good.from_leaf, size - 1), min(good.until_leaf, size)).encoded()


def _of_another(chance: Random, number: int, good: Parts) -> bytes:
    """The answer of another log by the same signer, or one whose parts are of two."""
    other = log((number + 1) % 4)
    theirs = other.parts(good.key)
    step = chance.randrange(4)
    if step == 0:
        return replace(good, note=theirs.note).encoded()
    if step == 1:
        return replace(good, note=theirs.note, state=theirs.state).encoded()
    if step == 2:
        return replace(good, runs=theirs.runs).encoded()
    forged = Signer(signers()[0].name, b"\x77" * 32)
    return IndexedLog(other.facts, other.index_size, forged).parts(good.key).encoded()
