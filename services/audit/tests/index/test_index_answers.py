"""Complete answers of a running log: what they have is all, by the verifier's judgement; what is damaged is named."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from ringfence_audit.index.adapters.run_reader import RunReader
from ringfence_audit.index.application.answering import Answering
from ringfence_audit.index.application.ports import Located
from ringfence_audit.index.domain.errors import IndexDamaged, IndexPending
from ringfence_audit.index.domain.runs import Covered
from ringfence_audit.log.adapters.bundle_reader import BundleReader
from ringfence_audit.log.adapters.stored_leaves import ChainedLeaves
from ringfence_audit.log.adapters.tile_reader import TileReader
from ringfence_audit.log.application.queries import Queries
from ringfence_audit.log.domain.errors import CheckpointPending, LogDamaged
from ringfence_audit.log.domain.events import EVENTS
from ringfence_audit.log.domain.merkle import EMPTY_ROOT
from ringfence_audit.log.domain.state import SignedHead
from ringfence_audit.log.domain.state_leaf import state_leaf
from ringfence_kernel.store.codec import EventCodec
from ringfence_kernel.values.errors import DomainError, InvalidArgument
from ringfence_local_stack.servers.database import Database
from ringfence_protos.audit.v1 import audit_pb2
from ringfence_verifier import Answer, Fact, leaf_keys, read_leaf, verify_answer, verify_log

from ..conftest import Audit
from ..feeds import BOOK, SourceFeed, accounts_created, identifier, kyc_changed, transfers_created

REGULATOR = identifier("regulator")
CONTEXT: Any = None
TRANSFERS = 300
"""Two of them in each event: a log of three ranges, the last of them partial."""


@pytest.fixture
async def filled(audit: Audit, custody: SourceFeed, identity: SourceFeed) -> Audit:
    """Two accounts and their transfers, and of one owner a KYC decision."""
    custody.add("AccountsCreated.v1", accounts_created("alice", "bob", owners=("owner-a", "owner-b")))
    for number in range(TRANSFERS // 2):
        custody.add("TransfersCreated.v1", transfers_created(f"t{number}-0", f"t{number}-1"))
    identity.add("KycChanged.v1", kyc_changed("owner-a"))
    await audit.follow(custody)
    await audit.follow(identity)
    await audit.publish()
    return audit


async def answered(audit: Audit, subject: bytes, from_leaf: int = 0, until_leaf: int = 0) -> Answer:
    """Asks, and verifies with the log's public key alone."""
    request = audit_pb2.GetAnswerRequest(subject_id=subject, from_leaf=from_leaf, until_leaf=until_leaf)
    reply = await audit.servicer.GetAnswer(request, CONTEXT)
    assert reply.next_leaf == 0
    return verify_answer(reply.answer, audit.signer.key.text())


async def facts(audit: Audit) -> list[Fact]:
    """All facts of the log, read one by one."""
    reply = await audit.servicer.ListLeaves(audit_pb2.ListLeavesRequest(limit=10_000), CONTEXT)
    return [read_leaf(leaf.content) for leaf in reply.leaves]


def about(read: list[Fact], subject: bytes, from_leaf: int, until_leaf: int) -> list[tuple[int, Fact]]:
    """Those about a subject in a range."""
    found = [(index, fact) for index, fact in enumerate(read) if subject in leaf_keys(fact)]
    return [(index, fact) for index, fact in found if from_leaf <= index < until_leaf]


@pytest.mark.parametrize(
    ("subject", "least"),
    [("alice", TRANSFERS + 1), ("owner-a", 2), ("t7-1", 1), ("nobody", 0), ("mandate", TRANSFERS // 2)],
)
async def test_an_answer_has_all_that_a_reader_of_everything_finds(filled: Audit, subject: str, least: int) -> None:
    """About an account, an owner, a transfer, nobody; the whole log bears the answer's checkpoint out."""
    answer = await answered(filled, identifier(subject))
    read = await facts(filled)
    assert list(answer.facts) == about(read, identifier(subject), 0, answer.until_leaf)
    assert len(answer.facts) >= least
    assert answer.until_leaf == answer.state.index_size > 256
    leaves = await filled.servicer.ListLeaves(audit_pb2.ListLeavesRequest(limit=10_000), CONTEXT)
    assert verify_log([leaf.content for leaf in leaves.leaves], answer.checkpoint).size == answer.checkpoint.size


async def test_a_platform_is_no_subject(filled: Audit) -> None:
    """Its facts are found by its accounts; by its own id there is what says it is somebody's."""
    answer = await answered(filled, BOOK)
    assert [fact.kind for _, fact in answer.facts if not fact.kind.startswith("audit.read")] == []


@pytest.mark.parametrize(
    ("from_leaf", "until_leaf"), [(0, 1), (0, 256), (100, 300), (255, 257), (256, 300), (299, 300)]
)
async def test_an_answer_is_of_the_part_that_is_asked_for(filled: Audit, from_leaf: int, until_leaf: int) -> None:
    """Within a range, at its ends, over two of them."""
    answer = await answered(filled, identifier("bob"), from_leaf, until_leaf)
    assert (answer.from_leaf, answer.until_leaf) == (from_leaf, until_leaf)
    assert list(answer.facts) == about(await facts(filled), identifier("bob"), from_leaf, until_leaf)


async def test_an_answer_that_was_asked_for_is_in_the_next_one(filled: Audit) -> None:
    """To ask about somebody is a fact about them too."""
    before = await answered(filled, identifier("alice"))
    await filled.publish()
    after = await answered(filled, identifier("alice"))
    assert [fact.kind for _, fact in after.facts[len(before.facts) :]] == ["audit.read.v1"]


def answering(audit: Audit, most_bytes: int) -> Answering:
    """Answers of another length."""
    queries = Queries(
        TileReader(audit.store), ChainedLeaves(audit.store, EventCodec(EVENTS)), BundleReader(audit.store)
    )
    return Answering(RunReader(audit.store), queries, most_bytes)


@pytest.mark.parametrize("most_bytes", [5_000, 9_001, 20_000, 70_000])
async def test_an_answer_that_is_too_long_comes_in_pieces(filled: Audit, most_bytes: int) -> None:
    """Each is complete for its part, none is longer than it may be, and together they have all."""
    signed, key = filled.log.signed, identifier("alice")
    assert signed is not None
    pieces, at = list[Answer](), 0
    while True:
        piece = await asyncio.to_thread(answering(filled, most_bytes).answer, key, at, 0, signed)
        assert len(piece.content) <= most_bytes
        pieces.append(verify_answer(piece.content, filled.signer.key.text()))
        assert pieces[-1].from_leaf == at
        if not piece.next_leaf:
            break
        assert pieces[-1].facts
        assert pieces[-1].until_leaf == piece.next_leaf
        at = piece.next_leaf
    assert pieces[-1].until_leaf == pieces[-1].state.index_size
    whole = about(await facts(filled), key, 0, pieces[-1].until_leaf)
    assert [each for piece in pieces for each in piece.facts] == whole
    assert len(pieces) > 1


async def test_bad_requests_are_refused_before_they_are_facts(filled: Audit) -> None:
    """No id, none of 16 bytes, and a range of no leaf leave the log as it is."""
    head = filled.store.head()
    for fields in (
        {},
        {"subject_id": b"short"},
        {"subject_id": bytes(16)},
        {"subject_id": BOOK, "from_leaf": 5, "until_leaf": 5},
        {"subject_id": BOOK, "from_leaf": 2**63},
    ):
        with pytest.raises(InvalidArgument):
            await filled.servicer.GetAnswer(audit_pb2.GetAnswerRequest(**fields), CONTEXT)  # type: ignore[arg-type]
    assert filled.store.head() == head


async def test_what_the_index_is_not_stated_for_is_pending(filled: Audit) -> None:
    """Beyond the index, and under a state that vouches for none, an answer could lack facts."""
    answer = await answered(filled, identifier("alice"))
    for bounds in ({"until_leaf": answer.until_leaf + 1}, {"from_leaf": answer.until_leaf}):
        with pytest.raises(IndexPending):
            await answered(filled, identifier("alice"), **bounds)
    signed = filled.log.signed
    assert signed is not None
    for leaf in (b"", state_leaf(signed.size - 1, {}, 1)):
        unstated = SignedHead(signed.size, signed.root, signed.note, (), leaf)
        with pytest.raises(IndexPending):
            answering(filled, 10**6).answer(identifier("alice"), 0, 0, unstated)


async def test_before_the_first_checkpoint_nothing_is_answered(audit: Audit) -> None:
    """An empty log has signed nothing that an answer could stand under."""
    with pytest.raises(CheckpointPending):
        await answered(audit, identifier("alice"))


def flipped(column: str, table: str, at: int = 9) -> str:
    """A statement that changes a byte of every row of a table that has it."""
    changed = f"UPDATE {table} SET {column} = set_byte({column}, {at}, get_byte({column}, {at}) # 1)"
    return f"{changed} WHERE length({column}) > {at}"


SWAP = (
    "UPDATE {table} SET postings = substr(postings, 21, 20) || substr(postings, 1, 20) || substr(postings, 41)"
    " WHERE length(postings) >= 40"
)
DAMAGES: dict[str, tuple[str, type[DomainError], dict[str, str]]] = {
    "an entry bundle": (flipped("leaves", "bundles", at=60), LogDamaged, {"bundle": "0"}),
    "an event that no bundle spares": (
        "DELETE FROM bundles;"
        " UPDATE stored_events SET state = set_byte(state, 200, get_byte(state, 200) # 1) WHERE notification_id = 1",
        LogDamaged,
        {"position": "1"},
    ),
    "tiles": (flipped("hashes", "tiles", at=41), LogDamaged, {"tile": "0/1"}),
    "a tile that is short": ("UPDATE tiles SET hashes = '' WHERE level = 0", LogDamaged, {"tile": "0/0"}),
    "a run's postings": (
        flipped("postings", "index_chunks"),
        IndexDamaged,
        {"first_leaf": "0", "leaves": "256", "chunk": "0"},
    ),
    "two postings of a run in each other's place": (
        SWAP.format(table="index_chunks"),
        IndexDamaged,
        {"first_leaf": "0", "leaves": "256", "chunk": "0"},
    ),
    "the newest two postings in each other's place": (
        SWAP.format(table="index_tail"),
        IndexDamaged,
        {"first_leaf": "256"},
    ),
    "a run's root": (flipped("root", "index_runs"), IndexDamaged, {"first_leaf": "0", "leaves": "256"}),
    "a run's count": ("UPDATE index_runs SET postings = postings - 1", IndexDamaged, {"first_leaf": "0"}),
    "the newest postings": (flipped("postings", "index_tail"), IndexDamaged, {"first_leaf": "256"}),
}


@pytest.mark.parametrize("damage", DAMAGES)
async def test_what_is_damaged_is_named_and_never_answered(
    filled: Audit, audit_database: Database, damage: str
) -> None:
    """Whatever stored part of log or index was changed, an answer that would rest on it is an error that says which."""
    statement, named, place = DAMAGES[damage]
    with psycopg.connect(audit_database.owner_conninfo) as connection:
        assert connection.execute(statement.encode()).rowcount > 0
    signed = filled.log.signed
    assert signed is not None
    with pytest.raises(named) as found:
        answering(filled, 10**6).answer(identifier("alice"), 0, 0, signed)
    assert place.items() <= dict(found.value.metadata).items()


async def test_a_root_that_was_not_signed_is_named(filled: Audit) -> None:
    """Where runs or leaves lead to another root than the checkpoint's, nothing is answered."""
    signed = filled.log.signed
    assert signed is not None
    other = SignedHead(signed.size, EMPTY_ROOT, signed.note, (), signed.state_leaf)
    with pytest.raises(LogDamaged):
        answering(filled, 10**6).answer(identifier("alice"), 0, 0, other)


class Forgetful(RunReader):
    """An index whose look-up leaves out the last leaf that it finds."""

    def find(
        self, keys: Sequence[bytes], from_leaf: int, until_leaf: int, limit: int, covered: Covered | None = None
    ) -> Located:
        """Gives all but one."""
        located = super().find(keys, from_leaf, until_leaf, limit, covered)
        return replace(located, indexes=located.indexes[:-1])


async def test_facts_that_are_not_those_of_the_pages_are_named(filled: Audit) -> None:
    """Where the look-up has missed what the proven pages name, nothing is answered."""
    queries = Queries(
        TileReader(filled.store), ChainedLeaves(filled.store, EventCodec(EVENTS)), BundleReader(filled.store)
    )
    signed = filled.log.signed
    assert signed is not None
    with pytest.raises(IndexDamaged):
        Answering(Forgetful(filled.store), queries).answer(identifier("t7-1"), 0, 0, signed)


@pytest.mark.parametrize("most_bytes", [9_001, 40_000])
async def test_an_answer_that_was_thought_to_be_shorter_is_cut_again(
    filled: Audit, monkeypatch: pytest.MonkeyPatch, most_bytes: int
) -> None:
    """However its length is estimated, none is longer than it may be, and each is complete for its part."""
    monkeypatch.setattr(Answering, "_least_bytes", lambda self, asked, stated: -4_000)
    signed, key = filled.log.signed, identifier("alice")
    assert signed is not None
    piece = await asyncio.to_thread(answering(filled, most_bytes).answer, key, 0, 0, signed)
    assert len(piece.content) <= most_bytes
    answer = verify_answer(piece.content, filled.signer.key.text())
    assert answer.until_leaf == piece.next_leaf
    assert list(answer.facts) == about(await facts(filled), key, 0, piece.next_leaf)
