"""What is asked of a part of the log once the runs over it were merged and the small ones are gone."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from ringfence_audit.index.adapters.index_model import KEPT_STATES
from ringfence_audit.index.adapters.run_reader import RunReader
from ringfence_audit.index.domain.errors import IndexMoved
from ringfence_audit.log.adapters.bundle_reader import BundleReader
from ringfence_audit.log.adapters.stored_leaves import ChainedLeaves
from ringfence_audit.log.adapters.tile_reader import TileReader
from ringfence_audit.log.application.queries import Queries
from ringfence_audit.log.domain.events import EVENTS
from ringfence_audit.reports.adapters.log_leaves import IndexedLeaves
from ringfence_audit.texts.adapters.text_reader import TextReader
from ringfence_kernel.store.codec import EventCodec
from ringfence_protos.audit.v1 import audit_pb2
from ringfence_verifier import Fact, leaf_keys, read_leaf, verify_answer

from ..conftest import Audit
from ..feeds import START_NS, SourceFeed, accounts_created, identifier, transfers_created
from ..test_audit_log import append_reads, stored_leaves

CONTEXT: Any = None
ALICE = identifier("alice")
EVENTS_OF_TRANSFERS, TRANSFERS = 22, 200
TOKEN_AT = 10


def page_of(token: str = "", **fields: Any) -> audit_pb2.SearchRequest:
    """Asks for a page about Alice."""
    return audit_pb2.SearchRequest(subject_id=ALICE, page_size=1_000, page_token=token, **fields)


@pytest.fixture
async def first_page(audit: Audit, custody: SourceFeed) -> audit_pb2.SearchResponse:
    """A log that grows beyond a range of 4,096 leaves after a search has begun, until nothing else is left of that."""
    custody.add("AccountsCreated.v1", accounts_created("alice", "bob", owners=("owner-a", "owner-b")))
    page = audit_pb2.SearchResponse()
    for number in range(EVENTS_OF_TRANSFERS):
        transfers = transfers_created(*(f"t{number}-{each}" for each in range(TRANSFERS)))
        custody.add("TransfersCreated.v1", {**transfers, "timestamp_ns": START_NS + number * 10**9})
        await audit.follow(custody)
        if number == TOKEN_AT:
            await audit.publish()
            page = await audit.servicer.Search(page_of(), CONTEXT)
    for _ in range(KEPT_STATES):
        await append_reads(audit, 1)
        await audit.publish()
    with pytest.raises(IndexMoved):
        RunReader(audit.store).cover(2_000)
    return page


def about_alice(audit: Audit) -> list[tuple[int, Fact]]:
    """All facts about Alice, read one by one."""
    read = enumerate(map(read_leaf, stored_leaves(audit.store)))
    return [(index, fact) for index, fact in read if ALICE in leaf_keys(fact)]


async def test_an_old_token_goes_on(audit: Audit, first_page: audit_pb2.SearchResponse) -> None:
    """To the end of what there was when its search began, though no runs are cut there any more."""
    found, page = [leaf.index for leaf in first_page.leaves], first_page
    while page.next_page_token:
        page = await audit.servicer.Search(page_of(page.next_page_token), CONTEXT)
        found += [leaf.index for leaf in page.leaves]
    assert len(found) == 1 + (TOKEN_AT + 1) * TRANSFERS
    assert found == [index for index, _ in about_alice(audit)][: len(found)]


@pytest.mark.usefixtures("first_page")
async def test_a_search_narrowed_by_time_finds_its_leaves(audit: Audit) -> None:
    """It looks where leaves of these times are, in a part of a run."""
    times = [fact.fields["time_ns"] for _, fact in about_alice(audit)]
    start, end = START_NS + 5 * 10**9, START_NS + 8 * 10**9
    page = await audit.servicer.Search(page_of(from_ns=start, until_ns=end), CONTEXT)
    expected = [index for index, fact in about_alice(audit) if start <= fact.fields["time_ns"] < end]
    assert len(expected) == 3 * TRANSFERS < len(times)
    assert [leaf.index for leaf in page.leaves] == expected


@pytest.mark.usefixtures("first_page")
@pytest.mark.parametrize(("from_leaf", "until_leaf"), [(0, 300), (1_000, 3_333), (4_000, 4_200)])
async def test_an_answer_is_of_a_part_of_a_merged_run(audit: Audit, from_leaf: int, until_leaf: int) -> None:
    """Complete for the part that was asked for, by the verifier's judgement."""
    request = audit_pb2.GetAnswerRequest(subject_id=ALICE, from_leaf=from_leaf, until_leaf=until_leaf)
    reply = await audit.servicer.GetAnswer(request, CONTEXT)
    answer = verify_answer(reply.answer, audit.signer.key.text())
    assert list(answer.facts) == [each for each in about_alice(audit) if from_leaf <= each[0] < until_leaf]
    assert answer.facts


@pytest.mark.usefixtures("first_page")
async def test_a_report_reads_as_far_as_its_checkpoint(audit: Audit) -> None:
    """However far the index has come while it was made."""
    queries = Queries(
        TileReader(audit.store), ChainedLeaves(audit.store, EventCodec(EVENTS)), BundleReader(audit.store)
    )
    leaves = IndexedLeaves(RunReader(audit.store), queries, TextReader(audit.store))
    for until in (300, 2_999, 4_096):
        found = await asyncio.to_thread(lambda until=until: list(leaves.about(ALICE, until)))
        assert [index for index, _ in found] == [index for index, _ in about_alice(audit) if index < until]
