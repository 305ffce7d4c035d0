"""Complete answers of a small log: some that hold, and for every reason of a refusal one that it refuses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

from .answers import IndexedLog, Parts, Posting, Shown, cover, pages_of, with_pages
from .notes import Signer, leaf

ALICE, BOB, CAROL, NOBODY = (bytes([number]) * 16 for number in (0x11, 0x22, 0x33, 0x44))
SIGNER = Signer()
FACTS, INDEXED = 600, 590
PLATFORM, OWNER, FILE = b"\x55" * 16, b"\x66" * 16, b"\x77" * 32


@cache
def log() -> IndexedLog:
    """A log where money goes round between three, most of it between Alice and Bob."""
    return IndexedLog(tuple(map(_transfer, range(FACTS))), INDEXED, SIGNER)


def _transfer(at: int) -> bytes:
    names = (ALICE, BOB) if at % 20 else (BOB, CAROL)
    return leaf(
        "custody.transfer.v1", source="custody", position=at, ordinal=0, amount_minor=at * 1_001, code=1 + at % 22,
        ledger=(978, 392, 414)[at % 3], time_ns=1_790_000_000 * 10**9 + at * 10**10,
        transfer_id=at.to_bytes(16, "little"),
        debit_account_id=names[0], credit_account_id=names[1], tenant_id=PLATFORM, debit_owner_id=OWNER,
        evidence_sha256=FILE if at % 90 == 7 else bytes([at % 256]) * 31,
    )  # fmt: skip


def good() -> dict[str, Parts]:
    """Answers that hold, by what is particular about them."""
    made = log()
    return {
        "about one who is in most facts": made.parts(ALICE),
        "about one who is in a few": made.parts(CAROL),
        "about nobody": made.parts(NOBODY),
        "about nobody, below all others": made.parts(b"\0" * 15 + b"\1"),
        "about nobody, above all others": made.parts(b"\xff" * 16),
        "of a part": made.parts(CAROL, 256, 300),
        "of one leaf": made.parts(BOB, 511, 512),
        "of one leaf without the fact": made.parts(CAROL, 511, 512),
        "of the last range": made.parts(BOB, 512, INDEXED),
        "of a platform, which is no key": made.parts(PLATFORM),
        "about an amount": made.parts(b"amt1" + (414).to_bytes(4, "big") + (20 * 1_001).to_bytes(8, "big")),
        "about a file": made.parts(FILE[:16]),
        "of one leaf in a log of one": IndexedLog(made.facts[:1], 1, SIGNER).parts(ALICE),
        "of an index that ends with a range": IndexedLog(made.facts[:300], 256, SIGNER).parts(CAROL),
    }


def lying(change: str) -> Parts:
    """What a log answers about Carol that has signed another index than that of its facts."""

    def index(first: int, leaves: int, true: Sequence[Posting]) -> Sequence[Posting]:
        made = list(true)
        if first != 256:
            return made
        if change == "hidden":
            return [each for each in made if each != CAROL + (4).to_bytes(4, "big")]
        if change == "added":
            return sorted([*made, CAROL + (5).to_bytes(4, "big")])
        if change == "outside":
            return sorted([*made, CAROL + leaves.to_bytes(4, "big")])
        if change == "reordered":
            at = made.index(CAROL + (4).to_bytes(4, "big"))
            made[at : at + 2] = [made[at + 1], made[at]]
        return made

    return IndexedLog(log().facts, INDEXED, SIGNER, index).parts(CAROL)


def bad() -> dict[str, tuple[str, bytes, str]]:
    """Answers that do not hold: the reason, the answer, and the key that is asked, by what was done to them."""
    answer, few = log().parts(ALICE), log().parts(CAROL)
    cases = {
        "another header": ("NO_ANSWER", replace(answer, header=b"ringfence-answer/2\n")),
        "no key": ("NO_KEY", replace(answer, key=bytes(16))),
        "no leaf": ("NO_RANGE", replace(answer, from_leaf=INDEXED)),
        "leaves that no log can have": ("NO_RANGE", replace(answer, until_leaf=2**63)),
        "leaves beyond the index": ("BEYOND_INDEX", replace(answer, until_leaf=INDEXED + 1)),
        "a note that was changed": ("CHECKPOINT_REFUSED", replace(answer, note=answer.note.replace(b"601", b"602"))),
        "a note by somebody else": ("CHECKPOINT_REFUSED", replace(answer, note=_forged(answer.note))),
        "a note that is no text": ("CHECKPOINT_REFUSED", replace(answer, note=b"\xff" + answer.note)),
        "a state of another checkpoint": ("STATE_REFUSED", replace(answer, state=_shorter().state)),
        "a state that is a fact": ("STATE_REFUSED", replace(answer, state=log().facts[0])),
        "something after its end": ("NOT_AT_ITS_END", replace(answer, rest=b"\0")),
        "a fact left out": ("CUT_SHORT", replace(few, facts=few.facts[:-1], hashes=())),
        "a fact about somebody else": ("FACT_OF_ANOTHER", _other_fact(few)),
        "a fact that cannot be read": ("FACT_REFUSED", replace(few, facts=(b"\x02", *few.facts[1:]))),
        "a fact that was changed": ("FACTS_NOT_PROVEN", _with_fact(few, few.facts[0][:-1] + b"\x01")),
        "two facts in each other's place": ("FACTS_NOT_PROVEN", _swapped(few)),
        "a hash left out": ("FACTS_NOT_PROVEN", replace(few, hashes=few.hashes[1:])),
        "a hash too many": ("FACTS_NOT_PROVEN", replace(few, hashes=(*few.hashes, bytes(32)))),
        "a posting hidden from a page": ("PAGES_NOT_PROVEN", _page(few, 1, _hides_carol)),
        "a page with a bit flipped": (
            "PAGES_NOT_PROVEN",
            _page(few, 1, lambda page: page[:15] + bytes([page[15] ^ 1]) + page[16:]),
        ),
        "a page out of order": ("POSTINGS_DISORDERED", _page(few, 1, lambda page: page[20:40] + page[:20] + page[40:])),
        "a run of another index": ("INDEX_DIFFERS", _other_run(answer)),
        "fewer pages than needed": ("PAGES_MISSING", _shown_pages(answer, 0, 0, -1)),
        "pages from too late": ("PAGES_MISSING", _shown_pages(answer, 1, 1, 0)),
        "a page more than needed": ("PAGES_NEEDLESS", _shown_pages(few, 1, 0, 1)),
        "a page from before": ("PAGES_NEEDLESS", _shown_pages(few, 1, -1, 0)),
        "other neighbours": ("PAGES_MISSING", _shown_pages(few, 1, 3, 3)),
        "pages beyond the run": ("PAGE_OUTSIDE", _run(few, 1, page=2**32 - 1)),
        "postings without end": ("PAGES_NOT_PROVEN", _run(few, 0, postings=2**64 - 1)),
        "a posting that the log has added": ("FACT_OF_ANOTHER", lying("added")),
        "a posting that the log has put elsewhere": ("POSTINGS_DISORDERED", lying("reordered")),
        "a posting outside of its range": ("POSTING_OUTSIDE", lying("outside")),
    }
    made = {name: (reason, parts.encoded(), SIGNER.vkey) for name, (reason, parts) in cases.items()}
    whole = answer.encoded()
    for name, count, postings, reason in (
        ("no page", 0, None, "PAGE_OUTSIDE"),
        ("pages without end", 2**32 - 1, None, "PAGE_OUTSIDE"),
        ("pages and postings without end", 2**32 - 1, 2**64 - 1, "CUT_SHORT"),
    ):
        made[name] = (reason, _counted(few, count, postings), SIGNER.vkey)
    made["facts without end"] = ("CUT_SHORT", few.encoded()[: -32 * len(few.hashes) - 4] + b"\xff" * 4, SIGNER.vkey)
    made["nothing"] = ("NO_ANSWER", b"", SIGNER.vkey)
    made["its first half"] = ("CUT_SHORT", whole[: len(whole) // 2], SIGNER.vkey)
    made["more than an answer may have"] = ("TOO_LONG", whole + bytes(3 * 2**20), SIGNER.vkey)
    made["a key that is none"] = ("KEY_REFUSED", whole, SIGNER.vkey[:-4] + "AAA=")
    return made


def _forged(note: bytes) -> bytes:
    text = note.decode().partition("\n\n")[0]
    return Signer(SIGNER.name, b"\x07" * 32).note(*text.split("\n")).encode()


def _shorter() -> IndexedLog:
    return IndexedLog(log().facts[:500], 400, SIGNER)


def _with_fact(parts: Parts, fact: bytes) -> Parts:
    if fact == parts.facts[0]:
        raise AssertionError("nothing was changed")
    return replace(parts, facts=(fact, *parts.facts[1:]))


def _other_fact(parts: Parts) -> Parts:
    return _with_fact(parts, log().facts[1])


def _swapped(parts: Parts) -> Parts:
    first, second, *rest = parts.facts
    return replace(parts, facts=(second, first, *rest))


def _run(parts: Parts, at: int, **changes: int) -> Parts:
    run = replace(parts.runs[at], **changes)  # type: ignore[arg-type]
    return replace(parts, runs=(*parts.runs[:at], run, *parts.runs[at + 1 :]))


def _page(parts: Parts, at: int, change: Callable[[bytes], bytes]) -> Parts:
    """The first page of a run changed."""
    first, *rest = parts.runs[at].pages
    if change(first) == first:
        raise AssertionError("nothing was changed")
    return _with_run(parts, at, replace(parts.runs[at], pages=(change(first), *rest)))


def _hides_carol(page: bytes) -> bytes:
    at = page.index(CAROL)
    return page[: at + 15] + bytes([CAROL[15] - 1]) + page[at + 16 :]


def _with_run(parts: Parts, at: int, run: Shown) -> Parts:
    return replace(parts, runs=(*parts.runs[:at], run, *parts.runs[at + 1 :]))


def _other_run(parts: Parts) -> Parts:
    """The first run of another log, whose pages are proven in it."""
    return _with_run(parts, 0, IndexedLog(log().facts[1:], 256, SIGNER).parts(ALICE).runs[0])


def _shown_pages(parts: Parts, at: int, later: int, longer: int) -> Parts:
    """A run with pages that begin later and end later by so many, proven in it."""
    run, (first, leaves) = parts.runs[at], cover(INDEXED)[at]
    pages = pages_of(log().postings(first, leaves))
    return _with_run(parts, at, with_pages(run, pages, run.page + later, run.page + len(run.pages) + longer))


def _counted(parts: Parts, count: int, postings: int | None) -> bytes:
    """An answer whose first run says another number of pages, and of postings, than there are."""
    run, content = parts.runs[0], parts.encoded()
    at = content.index(run.root)
    if postings is not None:
        content = content[: at - 8] + postings.to_bytes(8, "big") + content[at:]
    return content[: at + 36] + count.to_bytes(4, "big") + content[at + 40 :]
