"""Complete answers (docs/formats.md): all facts about a key in a part of the log, and proof that there are no others.

What is proven is what the log claims. A log that hides a fact from its index signs that claim: whoever holds a receipt
of the fact can show it (`contradiction`), and whoever reads the whole log finds it (`LogAudit`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from ringfence_verifier.combined import Nodes, verify_combined
from ringfence_verifier.errors import ProofRefused, VerificationError
from ringfence_verifier.index import (
    KEY_BYTES,
    NO_KEY,
    PAGE_BYTES,
    POSTING_BYTES,
    Run,
    cover,
    index_root,
    leaf_keys,
    postings,
)
from ringfence_verifier.key_succession import KeySuccession, verify_signed
from ringfence_verifier.leaf import Fact, read_leaf
from ringfence_verifier.note import Checkpoint, VerifierKey
from ringfence_verifier.policy import Policy
from ringfence_verifier.proofs import HASH_BYTES, MAX_SIZE, leaf_hash
from ringfence_verifier.reader import Reader
from ringfence_verifier.state import LogState, read_state

HEADER = b"ringfence-answer/1\n"
MAX_ANSWER_BYTES = 3 * 1024 * 1024


class AnswerRefused(ProofRefused):
    """The answer does not hold."""


@dataclass(frozen=True)
class Answer:
    """All facts about `key` that the log has at from_leaf <= index < until_leaf, in order of the log.

    `note` is the signed checkpoint as published, `witnesses` who has cosigned it when (POSIX seconds), by the names of
    the policy that was asked for; `proof_bytes` how long the answer is without its facts, and `absence_bytes` how long
    it would be with none: what shows that there are no others. `leaves` are the facts as they stand in the log, `nodes`
    what proves each (`combined.path_in`).
    """

    key: bytes
    from_leaf: int
    until_leaf: int
    checkpoint: Checkpoint
    state: LogState
    facts: tuple[tuple[int, Fact], ...]
    note: str
    proof_bytes: int
    absence_bytes: int
    witnesses: dict[bytes, int] = field(default_factory=dict)
    leaves: tuple[bytes, ...] = ()
    nodes: Nodes = field(default_factory=dict, repr=False, compare=False)

    @property
    def is_whole(self) -> bool:
        """Tells whether it answers for all that the log states an index of, not for a part that somebody has chosen."""
        return self.from_leaf == 0 and self.until_leaf == self.state.index_size


def verify_answer(
    answer: bytes, key: str | KeySuccession, *, origin: str | None = None, policy: Policy | None = None
) -> Answer:
    """Checks a complete answer offline with the log's public key, and by a policy that witnesses have seen its log.

    The key is a vkey, or all that the log was followed to. Raises AnswerRefused where the answer is malformed, of
    another log, leaves out or adds a posting or a fact, or proves another thing than it says; VerificationError where
    the vkey is none.
    """
    try:
        VerifierKey.parse(key if isinstance(key, str) else key.newest)
    except VerificationError as error:
        raise AnswerRefused("KEY_REFUSED", str(error)) from error
    read = _Reader(answer)
    subject, from_leaf, until_leaf = read.header()
    note = read.note()
    try:
        checkpoint = verify_signed(note, key, origin=origin)
    except VerificationError as error:
        raise AnswerRefused("CHECKPOINT_REFUSED", str(error)) from error
    state_leaf = read.sized(2, "the log's state")
    state = _state(state_leaf, checkpoint)
    if until_leaf > state.index_size:
        raise AnswerRefused("BEYOND_INDEX", "it answers for more leaves than the index has")
    indexes = _indexed(read, _Wanted(subject, from_leaf, until_leaf), state)
    before_facts = read.at
    leaves = [read.sized(2, "a fact") for _ in indexes]
    hashes = read.hashes(4)
    read.end()
    facts = tuple((index, _fact(leaf, index, subject)) for index, leaf in zip(indexes, leaves, strict=True))
    proven = [*zip(indexes, map(leaf_hash, leaves), strict=True), (state.size, leaf_hash(state_leaf))]
    try:
        nodes = verify_combined(proven, checkpoint.size, hashes, checkpoint.root)
    except VerificationError as error:
        raise AnswerRefused("FACTS_NOT_PROVEN", str(error)) from error
    seen = _witnessed(note, policy)
    proof_bytes = len(answer) - sum(map(len, leaves))
    # The path of the last leaf has a hash for each complete subtree before it.
    absence_bytes = before_facts + 4 + HASH_BYTES * state.size.bit_count()
    stood = checkpoint, state, facts, note, proof_bytes, absence_bytes, seen
    return Answer(subject, from_leaf, until_leaf, *stood, tuple(leaves), nodes)


@dataclass(frozen=True)
class _Wanted:
    """A key, and the leaves that are answered for."""

    key: bytes
    from_leaf: int
    until_leaf: int

    def bounds(self, run: Run) -> tuple[bytes, bytes]:
        """Gives the least posting that is wanted of a run, and the least above them that is not."""
        low, high = max(self.from_leaf - run.first, 0), min(self.until_leaf - run.first, run.leaves)
        return self.key + low.to_bytes(4, "big"), self.key + high.to_bytes(4, "big")


class _Reader(Reader):
    """Takes an answer apart."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content, "answer", MAX_ANSWER_BYTES, AnswerRefused)

    def header(self) -> tuple[bytes, int, int]:
        """Reads what it is about: key, and the leaves from and until which it answers."""
        self.begin(HEADER, "NO_ANSWER")
        key = self.take(KEY_BYTES, "its key")
        from_leaf, until_leaf = self.number(8, "its range"), self.number(8, "its range")
        if key == NO_KEY:
            raise AnswerRefused("NO_KEY", "its key is none")
        if not from_leaf < until_leaf <= MAX_SIZE:
            raise AnswerRefused("NO_RANGE", "it answers for no leaf, or for more than a log can have")
        return key, from_leaf, until_leaf

    def note(self) -> str:
        """Reads the signed checkpoint."""
        try:
            return self.sized(4, "its checkpoint").decode()
        except UnicodeDecodeError as error:
            raise AnswerRefused("CHECKPOINT_REFUSED", "the note is not UTF-8") from error


def _state(leaf: bytes, checkpoint: Checkpoint) -> LogState:
    """Reads the state leaf, whose place its proof shows."""
    try:
        state = read_state(read_leaf(leaf))
    except VerificationError as error:
        raise AnswerRefused("STATE_REFUSED", str(error)) from error
    if state.size != checkpoint.size - 1:
        raise AnswerRefused("STATE_REFUSED", "the log's state is not of the checkpoint")
    return state


def _indexed(read: _Reader, wanted: _Wanted, state: LogState) -> list[int]:
    """Reads all runs of the index, and gives the leaves that are about the key; raises AnswerRefused."""
    runs: list[Run] = []
    indexes: list[int] = []
    for first, leaves in cover(state.index_size):
        run = Run(first, leaves, read.number(8, "a run"), read.take(HASH_BYTES, "a run"))
        runs.append(run)
        if run.postings and first < wanted.until_leaf and first + leaves > wanted.from_leaf:
            low, high = wanted.bounds(run)
            found = _shown(read, run, low, high)
            indexes += [first + int.from_bytes(each[KEY_BYTES:], "big") for each in found if low <= each < high]
    if index_root(runs) != state.index_root:
        raise AnswerRefused("INDEX_DIFFERS", "its runs are not those of the index that the log states")
    return indexes


def _shown(read: _Reader, run: Run, low: bytes, high: bytes) -> list[bytes]:
    """Reads the pages of a run where postings from `low` to `high` stand or would stand, and gives their postings."""
    page, count = read.number(4, "a page"), read.number(4, "a page")
    if not count or page + count > run.pages:
        raise AnswerRefused("PAGE_OUTSIDE", f"the run from leaf {run.first} on has no such pages")
    length = (count - 1) * PAGE_BYTES + run.page_bytes(page + count - 1)
    content = read.take(length, "a page")
    hashes = read.hashes(2)
    shown = list(postings(content))
    end = run.leaves.to_bytes(4, "big")
    if any(one >= other for one, other in pairwise(shown)):
        raise AnswerRefused("POSTINGS_DISORDERED", f"postings in the run from leaf {run.first} on are not in order")
    if any(each[KEY_BYTES:] >= end or each[:KEY_BYTES] == NO_KEY for each in shown):
        raise AnswerRefused("POSTING_OUTSIDE", f"a posting lies outside of the run from leaf {run.first} on")
    pages = [content[at : at + PAGE_BYTES] for at in range(0, length, PAGE_BYTES)]
    _require_exactly(pages, page, run, low, high)
    try:
        proven = [(page + number, leaf_hash(each)) for number, each in enumerate(pages)]
        verify_combined(proven, run.pages, hashes, run.root)
    except VerificationError as error:
        raise AnswerRefused("PAGES_NOT_PROVEN", f"in the run from leaf {run.first} on: {error}") from error
    return shown


def _require_exactly(pages: Sequence[bytes], page: int, run: Run, low: bytes, high: bytes) -> None:
    """Demands the pages from the last that begins below `low`, or the first, to the one that reaches `high`."""
    if page and pages[0][:POSTING_BYTES] >= low:
        raise AnswerRefused("PAGES_MISSING", f"the run from leaf {run.first} on is not shown from where it has to be")
    if any(each[:POSTING_BYTES] < low for each in pages[1:]):
        raise AnswerRefused("PAGES_NEEDLESS", f"the run from leaf {run.first} on is shown from before it has to be")
    if any(each[-POSTING_BYTES:] >= high for each in pages[:-1]):
        raise AnswerRefused("PAGES_NEEDLESS", f"the run from leaf {run.first} on is shown beyond where it has to be")
    if page + len(pages) < run.pages and pages[-1][-POSTING_BYTES:] < high:
        raise AnswerRefused("PAGES_MISSING", f"the run from leaf {run.first} on is not shown as far as it has to be")


def _fact(leaf: bytes, index: int, key: bytes) -> Fact:
    try:
        fact = read_leaf(leaf)
    except VerificationError as error:
        raise AnswerRefused("FACT_REFUSED", f"fact {index}: {error}") from error
    if key not in leaf_keys(fact):
        raise AnswerRefused("FACT_OF_ANOTHER", f"the index says that fact {index} is about the key, and it is not")
    return fact


def _witnessed(note: str, policy: Policy | None) -> dict[bytes, int]:
    if policy is None:
        return {}
    try:
        return policy.verify(note)[1]
    except VerificationError as error:
        raise AnswerRefused("QUORUM_MISSING", str(error)) from error
