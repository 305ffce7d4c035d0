"""Complete answers (docs/formats.md): all facts about a key in a part of the log, and what proves that they are all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ringfence_audit.index.domain.runs import KEY_BYTES, OFFSET_BYTES, POSTING_BYTES, Run, RunPages

HEADER = b"ringfence-answer/1\n"
POSTING_SHARE = 2 * POSTING_BYTES
"""Bytes that a posting takes in the pages of its run, at most, where it is not the only one of its key there."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A key, and the leaves (half open, not none of them) that are answered for."""

    key: bytes
    from_leaf: int
    until_leaf: int

    def concerns(self, run: Run) -> bool:
        """Tells whether the pages of a run have to be shown."""
        return bool(run.postings) and run.first < self.until_leaf and run.first + run.leaves > self.from_leaf

    def bounds(self, run: Run) -> tuple[bytes, bytes]:
        """Gives the least posting of a run that is asked for, and the least above them that is not."""
        low, high = max(self.from_leaf - run.first, 0), min(self.until_leaf - run.first, run.leaves)
        return self.key + low.to_bytes(OFFSET_BYTES, "big"), self.key + high.to_bytes(OFFSET_BYTES, "big")

    def indexes(self, run: Run, pages: RunPages) -> Iterator[int]:
        """Yields the leaves that the pages of a run name."""
        low, high = self.bounds(run)
        content = b"".join(pages.pages)
        for at in range(0, len(content), POSTING_BYTES):
            posting = content[at : at + POSTING_BYTES]
            if low <= posting < high:
                yield run.first + int.from_bytes(posting[KEY_BYTES:], "big")


@dataclass(frozen=True, slots=True)
class Answer:
    """What an answer is made of; `hashes` prove the facts and the state leaf together."""

    asked: Asked
    note: str
    state_leaf: bytes
    runs: Sequence[tuple[Run, RunPages | None]]
    facts: Sequence[bytes]
    hashes: Sequence[bytes]

    def encoded(self) -> bytes:
        """Gives its only encoding."""
        return b"".join(
            (
                HEADER,
                self.asked.key,
                self.asked.from_leaf.to_bytes(8, "big"),
                self.asked.until_leaf.to_bytes(8, "big"),
                _sized(4, self.note.encode()),
                _sized(2, self.state_leaf),
                *(part for run, pages in self.runs for part in _run(run, pages)),
                *(_sized(2, fact) for fact in self.facts),
                len(self.hashes).to_bytes(4, "big"),
                *self.hashes,
            )
        )


def proof_hashes(index: int, before: int | None, last: int) -> int:
    """Gives by how many hashes, at most, a combined proof grows by a leaf between the one before and the last."""
    apart = [(index ^ other).bit_length() for other in (before, last) if other is not None]
    return max(min(apart) - 2, 0)


def _run(run: Run, pages: RunPages | None) -> Iterator[bytes]:
    yield run.postings.to_bytes(8, "big")
    yield run.root
    if pages is not None:
        yield pages.first_page.to_bytes(4, "big")
        yield len(pages.pages).to_bytes(4, "big")
        yield from pages.pages
        yield len(pages.proof).to_bytes(2, "big")
        yield from pages.proof


def _sized(length: int, content: bytes) -> bytes:
    return len(content).to_bytes(length, "big") + content
