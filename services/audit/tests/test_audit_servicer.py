"""AuditService: every read is a leaf before it is answered, and every answer holds up offline."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest.mock import patch

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ringfence_audit.index.api.mapping import SearchInput
from ringfence_audit.log.domain.errors import CheckpointPending, LeafUnknown, LogDamaged
from ringfence_audit.log.domain.leaf import decode
from ringfence_kernel.rpc.page_tokens import PageTokenInvalid
from ringfence_kernel.store import EventStore
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_local_stack.servers.database import Database
from ringfence_protos.audit.v1 import audit_pb2
from ringfence_verifier import (
    VerificationError,
    read_leaf,
    verify_checkpoint,
    verify_consistency,
    verify_log,
    verify_receipt,
)

from .conftest import Audit
from .feeds import BOOK, START_NS, SourceFeed, accounts_created, identifier, kyc_changed, transfers_created
from .test_audit_log import as_owner

REGULATOR = identifier("regulator")
CONTEXT: Any = None


@pytest.fixture
async def filled(audit: Audit, custody: SourceFeed, identity: SourceFeed) -> Audit:
    """Two accounts, five events of two transfers, a KYC decision; signed and indexed."""
    custody.add("AccountsCreated.v1", accounts_created("alice", "bob", owners=("owner-a", "owner-b")))
    for number in range(5):
        custody.add("TransfersCreated.v1", transfers_created(f"t{number}-0", f"t{number}-1"))
    identity.add("KycChanged.v1", kyc_changed("owner-a"))
    await audit.follow(custody)
    await audit.follow(identity)
    await audit.publish()
    return audit


async def searched(audit: Audit, **fields: Any) -> list[audit_pb2.Leaf]:
    """Fetches all pages of a search."""
    found, token = list[audit_pb2.Leaf](), ""
    while True:
        page = await audit.servicer.Search(audit_pb2.SearchRequest(page_token=token, **fields), CONTEXT)
        found += page.leaves
        if not (token := page.next_page_token):
            return found


async def test_every_kind_of_read_is_in_the_log_before_its_answer(filled: Audit) -> None:
    """After each call the newest leaf says who asked what; malformed requests leave none."""
    calls = [
        ("Search", audit_pb2.SearchRequest(tenant_id=BOOK)),
        ("GetAnswer", audit_pb2.GetAnswerRequest(subject_id=identifier("alice"))),
        ("GetReceipt", audit_pb2.GetReceiptRequest(leaf_index=1)),
        ("ListLeaves", audit_pb2.ListLeavesRequest()),
        ("VerifySources", audit_pb2.VerifySourcesRequest()),
    ]
    for method, request in calls:
        await getattr(filled.servicer, method)(request, CONTEXT)
        newest = filled.store.read(filled.store.head().position - 1, 1)[0]
        assert newest.topic == "ReadRecorded.v1"
        assert method.encode() in newest.state
        assert REGULATOR in newest.state
    head = filled.store.head()
    with pytest.raises(InvalidArgument):
        await filled.servicer.Search(audit_pb2.SearchRequest(), CONTEXT)
    assert filled.store.head() == head


async def test_polling_leaves_the_log_as_it_is(filled: Audit) -> None:
    """Checkpoints and proofs of consistency show no fact: whoever asks for them all day adds nothing to the log."""
    head = filled.store.head()
    for _ in range(3):
        await filled.servicer.GetCheckpoint(audit_pb2.GetCheckpointRequest(), CONTEXT)
        request = audit_pb2.GetConsistencyProofRequest(from_size=1, to_size=5)
        await filled.servicer.GetConsistencyProof(request, CONTEXT)
        await filled.publish()
    assert filled.store.head() == head


async def test_receipts_verify_offline(filled: Audit) -> None:
    """Every leaf under the checkpoint has a receipt that proves its very bytes with the public key alone."""
    assert filled.log.signed is not None
    for index in range(filled.log.signed.size):
        reply = await filled.servicer.GetReceipt(audit_pb2.GetReceiptRequest(leaf_index=index), CONTEXT)
        verified = verify_receipt(reply.proof, filled.signer.key.text())
        assert (verified.leaf, verified.index) == (reply.leaf, index)


@contextmanager
def counted_loans(store: EventStore) -> Iterator[list[None]]:
    """Has an entry for each connection that the store lends."""
    lent: list[None] = []
    lend = store.connection

    def counting() -> AbstractContextManager[Any]:
        lent.append(None)
        return lend()

    with patch.object(store, "connection", counting):
        yield lent


async def test_a_receipt_is_read_by_few_queries(filled: Audit, custody: SourceFeed) -> None:
    """Tiles and bundle by one each, however many tiles lead to the root; a tile that may grow by one more."""
    for page in range(4):
        custody.add("TransfersCreated.v1", transfers_created(*(f"more {page}/{row}" for row in range(300))))
    await filled.follow(custody)
    await filled.publish()
    assert filled.log.signed is not None
    size = filled.log.signed.size
    for index, most in ((300, 2), (700, 2), (size // 256 * 256, 3), (size - 1, 3)):
        with counted_loans(filled.store) as lent:
            await filled.servicer.GetReceipt(audit_pb2.GetReceiptRequest(leaf_index=index), CONTEXT)
        assert len(lent) <= most, index


async def test_whoever_polls_has_the_receipt_of_the_state_without_a_query(filled: Audit) -> None:
    """It is made once under a checkpoint, and anew under the next."""
    key, sizes = filled.signer.key.text(), list[int]()
    for _ in range(2):
        await filled.record_read(REGULATOR, "GetReceipt", {})
        await filled.publish()
        first = await filled.servicer.GetCheckpoint(audit_pb2.GetCheckpointRequest(), CONTEXT)
        with counted_loans(filled.store) as lent:
            assert await filled.servicer.GetCheckpoint(audit_pb2.GetCheckpointRequest(), CONTEXT) == first
        assert not lent
        sizes.append(verify_receipt(first.state_receipt, key).index)
    assert sizes[0] < sizes[1]


async def test_a_state_receipt_that_does_not_hold_is_not_kept(filled: Audit, audit_database: Database) -> None:
    """Once the tile is as it was, so is the receipt."""
    key = filled.signer.key.text()
    flip = "UPDATE tiles SET hashes = set_byte(hashes, 0, get_byte(hashes, 0) # 1) WHERE level = 0"
    as_owner(audit_database, flip)
    broken = await filled.servicer.GetCheckpoint(audit_pb2.GetCheckpointRequest(), CONTEXT)
    with pytest.raises(VerificationError):
        verify_receipt(broken.state_receipt, key)
    as_owner(audit_database, flip)
    whole = await filled.servicer.GetCheckpoint(audit_pb2.GetCheckpointRequest(), CONTEXT)
    assert verify_receipt(whole.state_receipt, key)


async def test_a_leaf_no_checkpoint_covers_yet_has_no_receipt(filled: Audit) -> None:
    """A newer leaf is named as pending, one beyond the log as unknown."""
    await filled.servicer.ListLeaves(audit_pb2.ListLeavesRequest(), CONTEXT)
    assert filled.log.signed is not None
    with pytest.raises(CheckpointPending):
        await filled.servicer.GetReceipt(audit_pb2.GetReceiptRequest(leaf_index=filled.log.signed.size), CONTEXT)
    with pytest.raises(LeafUnknown):
        await filled.servicer.GetReceipt(audit_pb2.GetReceiptRequest(leaf_index=10_000), CONTEXT)


async def test_before_the_first_checkpoint_answers_are_pending(audit: Audit) -> None:
    """An empty log has no signed head to answer under."""
    with pytest.raises(CheckpointPending):
        await audit.servicer.GetCheckpoint(audit_pb2.GetCheckpointRequest(), CONTEXT)


async def test_consistency_proofs_lead_from_each_checkpoint_to_the_next(filled: Audit) -> None:
    """Two checkpoints that a reader kept are proven to be of one log that only grew."""
    key = filled.signer.key.text()
    older = await filled.servicer.GetCheckpoint(audit_pb2.GetCheckpointRequest(), CONTEXT)
    await filled.servicer.ListLeaves(audit_pb2.ListLeavesRequest(), CONTEXT)
    await filled.publish()
    newer = await filled.servicer.GetCheckpoint(audit_pb2.GetCheckpointRequest(), CONTEXT)
    old, new = verify_checkpoint(older.checkpoint, key), verify_checkpoint(newer.checkpoint, key)
    assert old.size < new.size
    request = audit_pb2.GetConsistencyProofRequest(from_size=old.size, to_size=new.size)
    reply = await filled.servicer.GetConsistencyProof(request, CONTEXT)
    verify_consistency(old.size, old.root, new.size, new.root, list(reply.path))


async def test_search_finds_a_party_an_account_a_transfer_and_a_tenant(filled: Audit) -> None:
    """Facts are found by each id they name: the owner of an account finds its transfers and its KYC."""
    kinds = [read_leaf(leaf.content).kind for leaf in await searched(filled, subject_id=identifier("owner-a"))]
    assert kinds.count("custody.transfer.v1") == 10
    assert kinds.count("identity.kyc_changed.v1") == 1
    assert len(await searched(filled, subject_id=identifier("bob"))) == 11
    [transfer] = await searched(filled, subject_id=identifier("t3-1"))
    assert decode(transfer.content)[1]["amount_minor"] == 101
    assert len(await searched(filled, tenant_id=BOOK)) == 13
    assert await searched(filled, subject_id=identifier("bob"), tenant_id=identifier("other")) == []


async def test_search_pages_are_stable_while_the_log_grows(filled: Audit, custody: SourceFeed) -> None:
    """Small pages give the same leaves in order of the log as one large page, none twice, and nothing newer."""
    whole = [leaf.index for leaf in await searched(filled, subject_id=identifier("alice"))]
    first = await filled.servicer.Search(audit_pb2.SearchRequest(subject_id=identifier("alice"), page_size=4), CONTEXT)
    custody.add("TransfersCreated.v1", transfers_created("later"))
    await filled.follow(custody)
    await filled.publish()
    paged, token = [leaf.index for leaf in first.leaves], first.next_page_token
    while token:
        request = audit_pb2.SearchRequest(subject_id=identifier("alice"), page_size=3, page_token=token)
        page = await filled.servicer.Search(request, CONTEXT)
        paged += [leaf.index for leaf in page.leaves]
        token = page.next_page_token
    assert paged == whole
    assert len(whole) == 11


async def test_search_by_time_alone_and_within_a_subject(filled: Audit) -> None:
    """Half-open bounds on the fact's own time hold with and without an id."""
    start, end = START_NS + 5, START_NS + 6
    timed = [decode(leaf.content)[1]["time_ns"] for leaf in await searched(filled, from_ns=start, until_ns=end)]
    assert timed == [start] * 5
    both = await searched(filled, subject_id=identifier("alice"), from_ns=start, until_ns=end)
    assert [decode(leaf.content)[1]["transfer_id"] for leaf in both] == [identifier(f"t{n}-0") for n in range(5)]
    assert await searched(filled, from_ns=end + 10**18) == []


async def test_reads_about_a_party_are_found_with_the_party(filled: Audit) -> None:
    """Who looked at a party is itself a fact about the party."""
    await searched(filled, subject_id=identifier("owner-b"))
    await filled.publish()
    facts = [read_leaf(leaf.content) for leaf in await searched(filled, subject_id=identifier("owner-b"))]
    [read] = [fact for fact in facts if fact.kind == "audit.read.v1"]
    assert read.content("reader_id") == REGULATOR
    assert read.text("method") == "Search"


async def test_listing_gives_the_whole_log_under_its_checkpoint(filled: Audit) -> None:
    """All leaves, listed a few at a time, verify as one complete log."""
    reply = await filled.servicer.GetCheckpoint(audit_pb2.GetCheckpointRequest(), CONTEXT)
    checkpoint = verify_checkpoint(reply.checkpoint, filled.signer.key.text())
    leaves: list[bytes] = []
    while page := (
        await filled.servicer.ListLeaves(audit_pb2.ListLeavesRequest(from_index=len(leaves), limit=4), CONTEXT)
    ).leaves:
        assert [leaf.index for leaf in page] == list(range(len(leaves), len(leaves) + len(page)))
        leaves += [leaf.content for leaf in page]
    summary = verify_log(leaves, checkpoint)
    assert summary.leaves_by_kind["custody.transfer.v1"] == 10


@pytest.mark.parametrize("position", [1, 2, 3, 4])
@pytest.mark.parametrize("column", ["state", "chain_hash"])
async def test_one_flipped_bit_in_any_event_row_is_found_by_listing(
    filled: Audit, audit_database: Database, position: int, column: str
) -> None:
    """Whichever event row is changed, one of leaves or of a checkpoint, listing the log names the damage."""
    await filled.servicer.GetCheckpoint(audit_pb2.GetCheckpointRequest(), CONTEXT)
    conninfo = audit_database.owner_conninfo
    with psycopg.connect(conninfo) as connection:
        connection.execute(
            f"UPDATE stored_events SET {column} = set_byte({column}, length({column}) - 1,"
            f" get_byte({column}, length({column}) - 1) # 1) WHERE notification_id = %s".encode(),
            (position,),
        )
    with pytest.raises(LogDamaged) as damage:
        await filled.servicer.ListLeaves(audit_pb2.ListLeavesRequest(limit=10_000), CONTEXT)
    assert int(damage.value.metadata["position"]) in (position, position + 1)


async def test_sources_are_compared_with_what_was_taken_over(
    filled: Audit, custody: SourceFeed, identity: SourceFeed
) -> None:
    """Sources that agree, that are away, and that have changed an event since are told apart."""
    recompute = audit_pb2.VerifySourcesRequest(recompute=True)
    agreed = await filled.servicer.VerifySources(recompute, CONTEXT)
    assert [(each.logged.source, each.finding) for each in agreed.sources] == [
        ("custody", audit_pb2.SOURCE_FINDING_AGREES),
        ("identity", audit_pb2.SOURCE_FINDING_AGREES),
    ]
    identity.away = True
    custody.events[2].state = custody.events[2].state[:-1] + b"?"
    compared = await filled.servicer.VerifySources(recompute, CONTEXT)
    assert [each.finding for each in compared.sources] == [
        audit_pb2.SOURCE_FINDING_DIFFERS,
        audit_pb2.SOURCE_FINDING_UNREACHABLE,
    ]
    assert "position 3" in compared.sources[0].detail


async def test_a_source_that_lost_events_differs(filled: Audit, custody: SourceFeed) -> None:
    """A source restored from an older backup, without its newest events, is found by its head alone."""
    del custody.events[-1]
    compared = await filled.servicer.VerifySources(audit_pb2.VerifySourcesRequest(), CONTEXT)
    assert compared.sources[0].finding == audit_pb2.SOURCE_FINDING_DIFFERS


async def test_many_readers_at_once_each_have_their_leaf(filled: Audit) -> None:
    """Concurrent reads share commits and still are one leaf each."""
    size = filled.log.frontier.size
    await asyncio.gather(
        *(filled.servicer.GetReceipt(audit_pb2.GetReceiptRequest(leaf_index=1), CONTEXT) for _ in range(40))
    )
    assert filled.log.frontier.size == size + 40


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.binary(max_size=17), st.binary(max_size=17), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1),
    st.integers(0, 2**32 - 1), st.text(max_size=40),
)  # fmt: skip
def test_hostile_searches_are_refused_by_name(
    subject: bytes, tenant: bytes, from_ns: int, until_ns: int, page_size: int, token: str
) -> None:
    """Whatever a search holds, it is read within its bounds or refused as an invalid argument."""
    request = audit_pb2.SearchRequest(
        subject_id=subject, tenant_id=tenant, from_ns=from_ns, until_ns=until_ns, page_size=page_size, page_token=token
    )
    try:
        read = SearchInput.read(request)
    except InvalidArgument:
        return
    assert 1 <= read.page_size <= 1_000
    assert read.subject or read.tenant or read.from_ns or read.until_ns


async def test_a_page_token_serves_its_own_search_only(filled: Audit) -> None:
    """A token handed to another search is refused."""
    asked = audit_pb2.SearchRequest(subject_id=identifier("alice"), page_size=4)
    token = (await filled.servicer.Search(asked, CONTEXT)).next_page_token
    assert token
    other = audit_pb2.SearchRequest(subject_id=identifier("bob"), page_size=4, page_token=token)
    with pytest.raises(PageTokenInvalid):
        await filled.servicer.Search(other, CONTEXT)
