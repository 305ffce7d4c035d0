"""Answers completely: all facts about a key, proven to be all that the log claims to have. All calls block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ringfence_audit.index.application.about import indexes_about
from ringfence_audit.index.application.ports import Index
from ringfence_audit.index.domain.answer import POSTING_SHARE, Answer, Asked, proof_hashes
from ringfence_audit.index.domain.errors import IndexDamaged, IndexPending
from ringfence_audit.index.domain.runs import PAGE_BYTES, Covered
from ringfence_audit.log.application.queries import ANSWER_BYTES, MOST_FACTS
from ringfence_audit.log.application.queries import Queries as LogQueries
from ringfence_audit.log.domain.merkle import HASH_BYTES
from ringfence_audit.log.domain.state import SignedHead
from ringfence_audit.log.domain.state_leaf import stated_index

Facts = list[tuple[int, bytes]]


@dataclass(frozen=True, slots=True)
class Answered:
    """A complete answer; where it had to be cut, `next_leaf` is the leaf from which the next one goes on, else 0.

    `facts` are its leaves with their indexes, in order.
    """

    content: bytes
    next_leaf: int
    facts: Facts

    @property
    def indexes(self) -> list[int]:
        """The indexes of its facts, ascending."""
        return [index for index, _ in self.facts]


@dataclass(frozen=True, slots=True)
class _Stated:
    """A signed checkpoint, and the runs of the index that its state leaf states."""

    signed: SignedHead
    size: int
    covered: Covered


class Answering:
    """Answers under a signed checkpoint, from the index that its state leaf states."""

    def __init__(self, index: Index, log: LogQueries, most_bytes: int = ANSWER_BYTES) -> None:
        self._index = index
        self._log = log
        self._most_bytes = most_bytes

    def answer(self, key: bytes, from_leaf: int, until_leaf: int, signed: SignedHead) -> Answered:
        """Answers for the leaves from `from_leaf` on and before `until_leaf`, 0 for as far as the index is stated.

        Raises IndexPending where it is not stated so far, IndexDamaged and LogDamaged where what is stored does not
        lead to what was signed, and IndexMoved.
        """
        stated = self._stated(max(from_leaf + 1, until_leaf), signed)
        end = until_leaf or stated.size
        asked = Asked(key, from_leaf, end)
        facts, cut = self._facts(asked, stated)
        while True:
            made = self._made(Asked(key, from_leaf, cut or end), stated, facts).encoded()
            if len(made) <= self._most_bytes or len(facts) < 2:
                return Answered(made, cut, facts)
            facts = facts[: len(facts) * 9 // 10] if len(facts) > 10 else facts[:-1]
            cut = facts[-1][0] + 1

    def _stated(self, needed: int, signed: SignedHead) -> _Stated:
        index = stated_index(signed.state_leaf)
        if index.size < needed:
            raise IndexPending(until_leaf=str(needed), index_size=str(index.size))
        return _Stated(signed, index.size, self._index.proven(index))

    def _facts(self, asked: Asked, stated: _Stated) -> tuple[Facts, int]:
        """Gives the facts that fit into an answer, and the leaf before which they are all; 0 where all fit."""
        found: Facts = []
        used, before, last = self._least_bytes(asked, stated), None, stated.signed.size - 1
        for index, leaf in self._found(asked, stated.covered):
            used += len(leaf) + 2 + POSTING_SHARE + HASH_BYTES * proof_hashes(index, before, last)
            if found and (used > self._most_bytes or len(found) == MOST_FACTS):
                return found, index
            found.append((index, leaf))
            before = index
        return found, 0

    def _found(self, asked: Asked, covered: Covered) -> Iterator[tuple[int, bytes]]:
        """Yields the facts, which nothing is said of before they are proven together."""
        span = range(asked.from_leaf, asked.until_leaf)
        for indexes in indexes_about(self._index, [asked.key], span, covered=covered):
            yield from self._log.leaves_at(indexes, to_prove=True)

    def _least_bytes(self, asked: Asked, stated: _Stated) -> int:
        """Gives what an answer takes without its facts, at most."""
        shown = [run for run in stated.covered.runs if asked.concerns(run)]
        pages = sum(2 * PAGE_BYTES + 16 + 2 * HASH_BYTES * run.pages.bit_length() for run in shown)
        signed, runs = stated.signed, 40 * len(stated.covered.runs)
        proof = HASH_BYTES * signed.size.bit_length()
        return 128 + len(signed.note.encode()) + len(signed.state_leaf) + runs + pages + proof

    def _made(self, asked: Asked, stated: _Stated, facts: Facts) -> Answer:
        shown = list(zip(stated.covered.runs, self._index.pages(stated.covered, asked), strict=True))
        named = [index for run, pages in shown if pages for index in asked.indexes(run, pages)]
        if named != [index for index, _ in facts]:
            raise IndexDamaged(first_leaf=str(asked.from_leaf), leaves=str(asked.until_leaf - asked.from_leaf))
        signed = stated.signed
        hashes = self._log.combined_proof([*facts, (signed.size - 1, signed.state_leaf)], signed)
        return Answer(asked, signed.note, signed.state_leaf, shown, [leaf for _, leaf in facts], hashes)
