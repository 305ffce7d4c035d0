"""The index of a log, computed again from its leaves (docs/formats.md, index): which leaf is about whom, in runs.

A run is the sorted postings (key and offset) of the leaves of an aligned range. The runs of the ranges that cover the
log's first leaves are hashed into the `index_root` that the log states: a pure function of these leaves.
"""

from __future__ import annotations

import zlib
from base64 import b64decode, b64encode
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from itertools import islice, pairwise

from ringfence_verifier.errors import VerificationError
from ringfence_verifier.leaf import Fact
from ringfence_verifier.proofs import TreeHash

KEY_BYTES = 16
POSTING_BYTES = KEY_BYTES + 4
PAGE_POSTINGS = 25
PAGE_BYTES = PAGE_POSTINGS * POSTING_BYTES
SPANS = (1 << 8, 1 << 12, 1 << 16, 1 << 20)
"""Leaves in the ranges of each level."""
NO_KEY = bytes(KEY_BYTES)
RECENT_RANGES = 256
"""How far an index may lag behind the leaf that states it, where it ends within a range of the lowest level."""
OPAQUE = "user_data_128"
FOUND_BY_KIND = frozenset(
    f"custody.{name}.v1"
    for name in (
        "letter_sent",
        "letter_countersigned",
        "letter_reviewed",
        "letter_review_fell_due",
        "letter_ended",
        "mirror_exempted",
        "appointment_made",
        "appointment_ended",
        "break_detected",
        "break_reopened",
        "break_stepped",
        "books_closed",
    )
) | {"audit.books.v1"}
"""Kinds whose facts about a platform are found all together."""
FILES = ("digest", "document_sha256", "evidence_sha256", "file_sha256")
"""Fields that have the SHA-256 of a file or document, by whose first half leaves are found."""
_WINDOW = 4_096
_RECORD_BYTES = 8 + 32


@dataclass(frozen=True)
class Run:
    """What the index says of a range: its first leaf, leaves, postings, and the RFC 6962 root over pages of them."""

    first: int
    leaves: int
    postings: int
    root: bytes

    def record(self) -> bytes:
        """Gives the bytes that `index_root` is hashed over."""
        return b"".join(each.to_bytes(8, "big") for each in (self.first, self.leaves, self.postings)) + self.root

    @property
    def pages(self) -> int:
        """How many pages its postings fill; the last may be shorter."""
        return -(-self.postings // PAGE_POSTINGS)

    def page_bytes(self, page: int) -> int:
        """How long a page is."""
        return min(PAGE_BYTES, self.postings * POSTING_BYTES - page * PAGE_BYTES)


def cover(size: int) -> Iterator[tuple[int, int]]:
    """Yields the ranges (first leaf, leaves) that cover the first `size` leaves, the last of them partial."""
    first = 0
    while first < size:
        fitting = (span for span in reversed(SPANS) if first % span == 0 and first + span <= size)
        leaves = next(fitting, size - first)
        yield first, leaves
        first += leaves


def index_root(runs: Iterable[Run]) -> bytes:
    """Hashes the runs of a cover, in order."""
    return sha256(b"".join(run.record() for run in runs)).digest()


def leaf_keys(fact: Fact) -> set[bytes]:
    """Gives the keys that a leaf is found by: the ids that it names, but for its platform's and those of owners.

    Besides its amount with the currency, and the files that it names by their hashes.
    """
    keys = {
        value
        for name, value in fact.fields.items()
        if isinstance(value, bytes) and len(value) == KEY_BYTES and _is_key(name)
    }
    if fact.kind in FOUND_BY_KIND:
        platform = fact.fields.get("tenant_id") or fact.fields.get("book_id") or NO_KEY
        if isinstance(platform, bytes):
            keys.add(kind_key(fact.kind, platform))
    files = (fact.fields.get(name) for name in FILES)
    keys |= {file_key(each) for each in files if isinstance(each, bytes) and len(each) == 2 * KEY_BYTES}
    minor, ledger = fact.fields.get("amount_minor"), fact.fields.get("ledger")
    if isinstance(minor, int) and isinstance(ledger, int) and minor > 0 and 0 < ledger < 1 << 32:
        keys.add(amount_key(ledger, minor))
    keys.discard(NO_KEY)
    return keys


def amount_key(ledger: int, amount_minor: int) -> bytes:
    """Gives the key that facts of an amount are found by: currency by ISO 4217's number, minor units from 1."""
    return b"amt1" + ledger.to_bytes(4, "big") + amount_minor.to_bytes(8, "big")


def file_key(sha256_of_file: bytes) -> bytes:
    """Gives the key that facts about a file are found by."""
    return sha256_of_file[:KEY_BYTES]


def kind_key(kind: str, platform: bytes) -> bytes:
    """Gives the key that the facts of a kind about a platform are found by (docs/formats.md, external keys)."""
    parts = (b"leaf-kind", platform, kind.encode())
    return sha256(b"".join(len(part).to_bytes(8, "big") + part for part in parts)).digest()[:KEY_BYTES]


@lru_cache(maxsize=1024)
def _is_key(name: str) -> bool:
    if name in ("tenant_id", "book_id") or name.endswith("_owner_id"):
        return False
    return name.endswith("_id") or name == OPAQUE


@dataclass
class _Level:
    """Ranges of one span: what is known of each that is full, and the postings of those that its next one is made of.

    `records` are postings (8) and root (32) of each; `open` packed postings, offsets from the beginning of each.
    """

    records: bytearray
    open: list[bytes]


class IndexHash:
    """Computes the index leaf by leaf, for any size that is asked for soon after.

    It holds the postings of the unfinished range of 2^20 leaves, packed (about 100 bytes a leaf, so 100 MB at most),
    those of the last 65,536 leaves besides, and 40 bytes for each range that is full.
    """

    def __init__(self) -> None:
        self._size = 0
        self._levels = [_Level(bytearray(), []) for _ in SPANS]
        self._tail: list[bytes] = []
        self._recent: deque[bytes] = deque(maxlen=RECENT_RANGES)

    def add(self, fact: Fact) -> None:
        """Takes the next leaf."""
        offset = (self._size % SPANS[0]).to_bytes(4, "big")
        self._tail += [key + offset for key in leaf_keys(fact)]
        self._size += 1
        if not self._size % SPANS[0]:
            run = b"".join(sorted(self._tail))
            self._recent.append(run)
            self._tail = []
            self._fill(0, run)

    def root(self, size: int) -> bytes:
        """Gives the `index_root` over the first `size` leaves.

        Raises VerificationError where there are fewer, or where that is not known any more.
        """
        if not 0 <= size <= self._size:
            raise VerificationError(f"there is no index over {size} of {self._size} leaves")
        return index_root(self._run(first, leaves) for first, leaves in cover(size))

    def saved(self) -> dict[str, list[str]]:
        """Gives all that `restored` goes on from, as texts: records and open runs of each level, the last ranges."""
        return {
            "records": [_packed(bytes(level.records)) for level in self._levels],
            "open": [_packed(run) for level in self._levels for run in level.open],
            "recent": [_packed(run) for run in self._recent],
            "tail": [_packed(b"".join(sorted(self._tail)))],
        }

    @classmethod
    def restored(cls, size: int, saved: Mapping[str, Sequence[str]]) -> IndexHash:
        """Goes on from what `saved` gave at a size; raises VerificationError where they do not belong together."""
        index = cls()
        index._size = size
        try:
            records, open_, recent, tail = (
                [_unpacked(text) for text in saved[name]] for name in ("records", "open", "recent", "tail")
            )
        except (zlib.error, ValueError, TypeError, LookupError, AttributeError) as error:
            raise VerificationError("the runs of the index are saved in no form that is known") from error
        whole = [size // span * _RECORD_BYTES for span in SPANS]
        # Sixteen full ranges are one of the next level.
        unmerged = [size // span % (above // span) for span, above in pairwise(SPANS)]
        if (
            [len(known) for known in records] != whole
            or (len(open_), len(recent), len(tail)) != (sum(unmerged), min(size // SPANS[0], RECENT_RANGES), 1)
            or any(len(run) % POSTING_BYTES for run in (*open_, *recent, *tail))
        ):
            raise VerificationError("the runs of the index are not those of the log's size")
        runs = iter(open_)
        counts = [*unmerged, 0]
        index._levels = [
            _Level(bytearray(known), list(islice(runs, count))) for known, count in zip(records, counts, strict=True)
        ]
        index._recent.extend(recent)
        index._tail = list(postings(tail[0]))
        return index

    def _fill(self, number: int, run: bytes) -> None:
        """Takes in the postings of a range that is full, and of what it fills by it."""
        level = self._levels[number]
        pages = TreeHash()
        pages.extend(run[at : at + PAGE_BYTES] for at in range(0, len(run), PAGE_BYTES))
        self._learn(level, len(run), pages)
        if number + 1 == len(SPANS):
            return
        level.open.append(run)
        if len(level.open) == SPANS[number + 1] // SPANS[number]:
            made, level.open = level.open, []
            merged = _merged(made, SPANS[number])
            if number + 2 < len(SPANS):
                self._fill(number + 1, b"".join(merged))
            else:  # the largest runs are hashed as they come
                pages, rest, length = TreeHash(), b"", 0
                for part in merged:
                    length += len(part)
                    rest += part
                    full = len(rest) - len(rest) % PAGE_BYTES
                    pages.extend(rest[at : at + PAGE_BYTES] for at in range(0, full, PAGE_BYTES))
                    rest = rest[full:]
                pages.extend([rest] if rest else [])
                self._learn(self._levels[number + 1], length, pages)

    def _learn(self, level: _Level, length: int, pages: TreeHash) -> None:
        level.records += (length // POSTING_BYTES).to_bytes(8, "big") + pages.root()

    def _run(self, first: int, leaves: int) -> Run:
        if leaves in SPANS:
            number = SPANS.index(leaves)
            at = first // leaves * _RECORD_BYTES
            record = self._levels[number].records[at : at + _RECORD_BYTES]
            return Run(first, leaves, int.from_bytes(record[:8], "big"), bytes(record[8:]))
        behind = self._size // SPANS[0] - first // SPANS[0]
        if behind > len(self._recent):
            raise VerificationError(f"the index over {first + leaves} leaves lags too far behind to be computed again")
        held = self._tail if not behind else postings(self._recent[-behind])
        end = leaves.to_bytes(4, "big")
        run = b"".join(sorted(each for each in held if each[KEY_BYTES:] < end))
        pages = TreeHash()
        pages.extend(run[at : at + PAGE_BYTES] for at in range(0, len(run), PAGE_BYTES))
        return Run(first, leaves, len(run) // POSTING_BYTES, pages.root())


def postings(packed: bytes) -> Iterator[bytes]:
    """Yields the postings of packed ones."""
    return (packed[at : at + POSTING_BYTES] for at in range(0, len(packed), POSTING_BYTES))


def _packed(content: bytes) -> str:
    return b64encode(zlib.compress(content, 1)).decode()


def _unpacked(text: str) -> bytes:
    return zlib.decompress(b64decode(text, validate=True))


def _merged(runs: Sequence[bytes], span: int) -> Iterator[bytes]:
    """Merges sorted runs of neighbouring ranges into parts of one; each round takes a few thousand postings of each."""
    at = [0] * len(runs)
    while True:
        open_ = [number for number, run in enumerate(runs) if at[number] < len(run)]
        if not open_:
            return
        # All that is not above the least of the windows' ends is in the windows.
        ends = (min(at[number] + _WINDOW * POSTING_BYTES, len(runs[number])) for number in open_)
        windows = {number: (at[number], end) for number, end in zip(open_, ends, strict=True)}
        bound = min(
            _moved(runs[number][end - POSTING_BYTES : end], number * span) for number, (_, end) in windows.items()
        )
        part: list[bytes] = []
        for number, (start, end) in windows.items():
            window = [_moved(each, number * span) for each in postings(runs[number][start:end])]
            taken = bisect_left(window, bound)
            taken += taken < len(window) and window[taken] == bound
            part += window[:taken]
            at[number] += taken * POSTING_BYTES
        part.sort()
        yield b"".join(part)


def _moved(posting: bytes, by: int) -> bytes:
    return posting[:KEY_BYTES] + (int.from_bytes(posting[KEY_BYTES:], "big") + by).to_bytes(4, "big")
