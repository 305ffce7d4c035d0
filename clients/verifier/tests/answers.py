"""Writes complete answers from a log's leaves by docs/formats.md, as its definitions say and in no hurry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256

from ringfence_verifier import Fact, read_leaf

from .notes import Signer, base64, leaf, tree_hash

Posting = bytes
PAGE = 25
SPANS = (2**20, 2**16, 2**12, 2**8)


def keys_of(fact: Fact) -> set[bytes]:
    """The keys of a leaf whose kind is not one of those found by kind."""
    found = set()
    for name, value in fact.fields.items():
        is_id = name == "user_data_128" or (name.endswith("_id") and not name.endswith("_owner_id"))
        if is_id and name not in ("tenant_id", "book_id") and isinstance(value, bytes) and len(value) == 16:
            found.add(value)
    for name in ("digest", "document_sha256", "evidence_sha256", "file_sha256"):
        if isinstance(file := fact.fields.get(name), bytes) and len(file) == 32:
            found.add(file[:16])
    minor, ledger = fact.fields.get("amount_minor"), fact.fields.get("ledger")
    if isinstance(minor, int) and isinstance(ledger, int) and minor > 0 and 0 < ledger < 2**32:
        found.add(b"amt1" + ledger.to_bytes(4, "big") + minor.to_bytes(8, "big"))
    return found - {bytes(16)}


def cover(size: int, spans: Sequence[int] = SPANS) -> list[tuple[int, int]]:
    """The ranges (first, leaves) of the first leaves of a log."""
    ranges, first = list[tuple[int, int]](), 0
    while first < size:
        fit = [span for span in sorted(spans, reverse=True) if first % span == 0 and first + span <= size]
        ranges.append((first, fit[0] if fit else size - first))
        first += ranges[-1][1]
    return ranges


@cache
def _postings(leaves: tuple[bytes, ...]) -> tuple[Posting, ...]:
    found = [key + number.to_bytes(4, "big") for number, each in enumerate(leaves) for key in keys_of(read_leaf(each))]
    return tuple(sorted(found))


def pages_of(postings: Sequence[Posting]) -> list[bytes]:
    """Postings in pages."""
    return [b"".join(postings[at : at + PAGE]) for at in range(0, len(postings), PAGE)]


def record(first: int, leaves: int, postings: Sequence[Posting]) -> bytes:
    """What `index_root` is made of."""
    numbers = b"".join(each.to_bytes(8, "big") for each in (first, leaves, len(postings)))
    return numbers + tree_hash(pages_of(postings))


def combined(leaves: Sequence[bytes], proven: set[int], start: int = 0) -> list[bytes]:
    """The combined proof of some leaves, by its definition."""
    proven = {index for index in proven if start <= index < start + len(leaves)}
    if not proven:
        return [tree_hash(leaves)]
    if len(leaves) == 1:
        return []
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return combined(leaves[:split], proven, start) + combined(leaves[split:], proven, start + split)


@dataclass(frozen=True)
class Shown:
    """A run as an answer shows it; without pages only its postings and root."""

    postings: int
    root: bytes
    page: int = 0
    pages: tuple[bytes, ...] = ()
    hashes: tuple[bytes, ...] = ()

    def encoded(self) -> bytes:
        """Writes it."""
        head = self.postings.to_bytes(8, "big") + self.root
        if not self.pages:
            return head
        numbers = self.page.to_bytes(4, "big") + len(self.pages).to_bytes(4, "big")
        return head + numbers + b"".join(self.pages) + len(self.hashes).to_bytes(2, "big") + b"".join(self.hashes)


@dataclass(frozen=True)
class Parts:
    """An answer in its parts."""

    key: bytes
    from_leaf: int
    until_leaf: int
    note: bytes
    state: bytes
    runs: tuple[Shown, ...]
    facts: tuple[bytes, ...]
    hashes: tuple[bytes, ...]
    header: bytes = b"ringfence-answer/1\n"
    rest: bytes = b""

    def encoded(self) -> bytes:
        """Writes the answer."""
        return b"".join(
            (
                self.header,
                self.key,
                self.from_leaf.to_bytes(8, "big"),
                self.until_leaf.to_bytes(8, "big"),
                _sized(4, self.note),
                _sized(2, self.state),
                *(run.encoded() for run in self.runs),
                *(_sized(2, fact) for fact in self.facts),
                len(self.hashes).to_bytes(4, "big"),
                *self.hashes,
                self.rest,
            )
        )


def _sized(length: int, content: bytes) -> bytes:
    return len(content).to_bytes(length, "big") + content


Index = Callable[[int, int, tuple[Posting, ...]], Sequence[Posting]]
"""What the log says of a range, from what is true of it."""


@dataclass(frozen=True)
class IndexedLog:
    """A log with a state under its checkpoint, whose index is true unless it is told otherwise."""

    facts: tuple[bytes, ...]
    index_size: int
    signer: Signer
    index: Index = lambda first, leaves, postings: postings

    @property
    def leaves(self) -> tuple[bytes, ...]:
        """All facts, and the state after them."""
        return (*self.facts, self.state)

    @property
    def state(self) -> bytes:
        """The state leaf."""
        records = (record(first, count, self.postings(first, count)) for first, count in cover(self.index_size))
        return leaf(
            "audit.state.v1",
            size=len(self.facts),
            sources=b"",
            index_size=self.index_size,
            index_root=sha256(b"".join(records)).digest(),
            books_size=0,
            books_root=bytes(32),
            time_ns=1,
        )

    @property
    def note(self) -> bytes:
        """The signed checkpoint."""
        root = base64(tree_hash(self.leaves))
        return self.signer.note(self.signer.name, str(len(self.leaves)), root).encode()

    def postings(self, first: int, leaves: int) -> list[Posting]:
        """What the log says of a range."""
        return list(self.index(first, leaves, _postings(self.facts[first : first + leaves])))

    def parts(self, key: bytes, from_leaf: int = 0, until_leaf: int | None = None) -> Parts:
        """The answer about a key."""
        end = self.index_size if until_leaf is None else until_leaf
        runs, found = [], list[int]()
        for first, count in cover(self.index_size):
            postings = self.postings(first, count)
            run = Shown(len(postings), tree_hash(pages_of(postings)))
            if postings and first < end and first + count > from_leaf:
                low = key + max(from_leaf - first, 0).to_bytes(4, "big")
                high = key + min(end - first, count).to_bytes(4, "big")
                run = shown(run, postings, low, high)
                found += [first + int.from_bytes(each[16:], "big") for each in postings if low <= each < high]
            runs.append(run)
        hashes = combined(self.leaves, {*found, len(self.facts)})
        facts = tuple(self.facts[index] for index in found)
        return Parts(key, from_leaf, end, self.note, self.state, tuple(runs), facts, tuple(hashes))


def shown(run: Shown, postings: Sequence[Posting], low: bytes, high: bytes) -> Shown:
    """A run with the pages that have to be shown."""
    pages = pages_of(postings)
    first = max([number for number, page in enumerate(pages) if page[:20] < low], default=0)
    last = min([number for number, page in enumerate(pages) if number >= first and page[-20:] >= high], default=None)
    return with_pages(run, pages, first, len(pages) if last is None else last + 1)


def with_pages(run: Shown, pages: Sequence[bytes], first: int, end: int) -> Shown:
    """A run with some of its pages and their proof."""
    hashes = combined(pages, set(range(first, end)))
    return replace(run, page=first, pages=tuple(pages[first:end]), hashes=tuple(hashes))
