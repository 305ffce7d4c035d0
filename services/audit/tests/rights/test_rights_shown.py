"""What readers of some platforms are shown, for every method of the proto: theirs, and nothing by which others show.

The hostile reader compares two logs that differ in what it may not see: in one there is another platform, in the other
the house has filled the same places with facts of its own. Whatever it asks, it is answered the same.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from google.protobuf.message import Message
from ringfence_audit.books.domain.errors import BooksUnknown
from ringfence_audit.evidence.domain.bookings import Flaw
from ringfence_audit.log.domain.errors import LeafUnknown
from ringfence_audit.log.domain.leaf import decode, encode
from ringfence_audit.log.domain.sight import Sight, platforms_of
from ringfence_audit.reports.domain.errors import ReportEmpty
from ringfence_audit.standing.api.guarding import HEED_SIGHT
from ringfence_audit.standing.domain.errors import GrantNotInForce, GrantPending, GrantTooNarrow
from ringfence_kernel.store import EventStore
from ringfence_kernel.values.errors import DomainError
from ringfence_protos.audit.v1 import audit_pb2
from ringfence_verifier import VerificationError, verify_page, verify_receipt

from ..feeds import START_NS, identifier
from .readers import (
    BY_BOTH,
    BY_COUNTRY,
    EARLY,
    ENDED,
    HOUR_NS,
    LATE,
    LIMITED,
    METHODS,
    OTHER,
    OURS,
    SHARED,
    THEIRS,
    WHOLE,
    World,
    living,
)


def questions(size: int) -> list[tuple[str, Message]]:
    """What a hostile reader asks, by every method: of the other platform, of ids that both use, of every place."""
    ids = [OURS, THEIRS, SHARED, OTHER, *map(identifier, ("alice", "carol", "b1-7", "a1-1", "owner-a", "nobody"))]
    places = [*range(0, size, 41), size - 1, size, size + 1, 2**63 - 1]
    day = {"day": 20_000, "format": audit_pb2.REPORT_FORMAT_JSON, "subject": audit_pb2.REPORT_SUBJECT_DAILY_CUSTODY}
    return [
        ("GetCheckpoint", audit_pb2.GetCheckpointRequest()),
        *(("Search", audit_pb2.SearchRequest(subject_id=each, page_size=50)) for each in ids),
        *(("Search", audit_pb2.SearchRequest(tenant_id=each, page_size=7)) for each in ids),
        ("Search", audit_pb2.SearchRequest(subject_id=SHARED, tenant_id=THEIRS)),
        ("Search", audit_pb2.SearchRequest(from_ns=1, page_size=1_000)),
        ("Search", audit_pb2.SearchRequest(from_ns=START_NS + 6, until_ns=START_NS + 10**12)),
        *(("GetAnswer", audit_pb2.GetAnswerRequest(subject_id=each)) for each in ids),
        *(("GetReceipt", audit_pb2.GetReceiptRequest(leaf_index=each)) for each in places),
        *(("ListLeaves", audit_pb2.ListLeavesRequest(from_index=each, limit=9)) for each in places),
        ("VerifySources", audit_pb2.VerifySourcesRequest()),
        ("ListUnprovenTransfers", audit_pb2.ListUnprovenTransfersRequest()),
        *(("ListUnprovenTransfers", audit_pb2.ListUnprovenTransfersRequest(tenant_id=each)) for each in ids),
        *(("GetReport", audit_pb2.GetReportRequest(tenant_id=each, **day)) for each in ids),
        *(("GetBooks", audit_pb2.GetBooksRequest(tenant_id=each, ledger=978, account_id=SHARED)) for each in ids),
        *(("DemandBooks", audit_pb2.DemandBooksRequest(tenant_id=each, ledger=978, demand_id=each)) for each in ids),
        *(("ListReads", audit_pb2.ListReadsRequest(tenant_id=each)) for each in ids),
        *(("ListReads", audit_pb2.ListReadsRequest(reader_id=each)) for each in ids),
        ("ListReads", audit_pb2.ListReadsRequest()),
        ("BindDossier", audit_pb2.BindDossierRequest(manifest_sha256=bytes(32), subject_id=SHARED)),
        *(
            ("GetConsistencyProof", audit_pb2.GetConsistencyProofRequest(from_size=1, to_size=each))
            for each in reversed(places)
        ),
    ]


HASHED = ("checkpoint", "proof", "path")
"""Fields of hashes and signatures: those of a tree tell nothing of what is in it."""


async def answered(world: World, method: str, request: Any) -> list[Any]:
    """All pages of an answer, or how it was refused, without hashes."""
    pages: list[Any] = []
    while True:
        try:
            reply = await world.ask(method, request)
        except DomainError as refusal:
            return [*pages, (refusal.reason, refusal.code, str(refusal), refusal.metadata)]
        lengths = [len(getattr(reply, name)) for name in HASHED if name in reply.DESCRIPTOR.fields_by_name]
        token = getattr(reply, "next_page_token", "")
        for name in HASHED:
            if name in reply.DESCRIPTOR.fields_by_name:
                reply.ClearField(name)
        pages.append((str(reply), lengths))
        if not token:
            return pages
        request = type(request).FromString(request.SerializeToString())
        request.page_token = token


async def test_no_answer_count_token_or_error_tells_of_another_platform(stores: list[EventStore]) -> None:
    """Whoever reads one platform is answered the same, page by page, whether there is another or the house alone."""
    async with living(stores[0], is_shared=True) as shared, living(stores[1], is_shared=False) as alone:
        size = shared.size
        assert size == alone.size
        asked = questions(size)
        assert {method for method, _ in asked} == set(METHODS)
        for method, request in asked:
            with_them, without = [await answered(each, method, request) for each in (shared, alone)]
            assert with_them == without, (method, request)
        # It is not that nobody is shown anything: who reads all of it sees the difference.
        request = audit_pb2.SearchRequest(subject_id=SHARED, page_size=1_000)
        found = [len((await each.ask("Search", request, WHOLE)).leaves) for each in (shared, alone)]
        assert found[0] > found[1] > 0


async def test_a_reader_of_one_platform_is_shown_all_of_it(world: World) -> None:
    """Search, listing and receipts give exactly the facts that the whole log has of it, in order."""
    whole = (await world.ask("ListLeaves", audit_pb2.ListLeavesRequest(limit=10_000), WHOLE)).leaves
    ours = [each for each in whole if platforms_of(*decode(each.content)) == {OURS}]
    found, token = list[Any](), ""
    while True:
        request = audit_pb2.SearchRequest(tenant_id=OURS, page_size=100, page_token=token)
        page = await world.ask("Search", request)
        found += page.leaves
        if not (token := page.next_page_token):
            break
    named = [each for each in ours if decode(each.content)[1].get("tenant_id") == OURS]
    assert [each.index for each in found] == [each.index for each in named]
    assert len(named) == len(ours) - 3
    listed, at = list[int](), 0
    while page := (await world.ask("ListLeaves", audit_pb2.ListLeavesRequest(from_index=at, limit=90))).leaves:
        listed += [each.index for each in page]
        at = listed[-1] + 1
    assert listed == [each.index for each in ours]
    by_name = await world.ask("Search", audit_pb2.SearchRequest(subject_id=OURS, page_size=1_000))
    kinds = [decode(each.content)[0] for each in by_name.leaves]
    assert kinds.count("identity.principal_registered.v1") == 1
    assert kinds.count("identity.jurisdiction_stated.v1") == 2
    for index in (ours[0].index, ours[-1].index):
        receipt = await world.ask("GetReceipt", audit_pb2.GetReceiptRequest(leaf_index=index))
        assert verify_receipt(receipt.proof, world.key).leaf == receipt.leaf


async def test_what_is_found_is_proven_together(world: World) -> None:
    """A page that asks for it is proven offline; one changed byte, or a leaf more, is not."""
    request = audit_pb2.SearchRequest(subject_id=SHARED, page_size=60, prove=True)
    for principal in (LIMITED, WHOLE):
        page = await world.ask("Search", request, principal)
        leaves = [(each.index, each.content) for each in page.leaves]
        assert len(leaves) == 60
        assert verify_page(leaves, page.checkpoint, list(page.proof), world.key).size == world.size
        index, content = leaves[7]
        for wrong in (leaves[1:], [*leaves[:7], (index, content[:-1] + b"?"), *leaves[8:]]):
            with pytest.raises(VerificationError):
                verify_page(wrong, page.checkpoint, list(page.proof), world.key)
    nothing = await world.ask("Search", audit_pb2.SearchRequest(subject_id=THEIRS, prove=True))
    assert verify_page([], nothing.checkpoint, list(nothing.proof), world.key).size == world.size


def asked_first(world: World) -> list[tuple[str, Message]]:
    """A question by every method."""
    asked = questions(world.size)
    return [next(each for each in asked if each[0] == method) for method in METHODS]


async def test_no_method_is_open_before_or_after_a_grant(world: World) -> None:
    """Neither too early, nor too late, nor to somebody who reads nothing; and then nothing is recorded as read."""
    head = world.audit.store.head()
    for method, request in asked_first(world):
        for principal in (EARLY, LATE, ENDED, identifier("nobody-registered")):
            with pytest.raises(GrantNotInForce):
                await world.ask(method, request, principal, roles=frozenset({"regulator"}))
        with pytest.raises(GrantPending):
            await world.ask(method, request, WHOLE, identity_position=10**6)
    assert world.audit.store.head() == head
    world.audit.clock.advance(2 * HOUR_NS)
    for method, request in asked_first(world):
        with suppress(GrantTooNarrow, ReportEmpty, LeafUnknown, BooksUnknown):
            await world.ask(method, request, EARLY)


async def test_what_shows_the_whole_log_is_closed_to_who_reads_a_part(world: World) -> None:
    """Whatever it asks for, and by a method that nobody has thought of as well."""
    closed = set(METHODS) - HEED_SIGHT
    assert closed == {"GetAnswer", "VerifySources"}
    for method, request in asked_first(world):
        if method in closed:
            with pytest.raises(GrantTooNarrow):
                await world.ask(method, request)
            await world.ask(method, request, WHOLE)


async def test_a_country_is_its_platforms(world: World) -> None:
    """Who reads those of a country is shown what is supervised there, from when it is stated."""
    request = audit_pb2.SearchRequest(subject_id=SHARED, page_size=1_000)
    assert await world.ask("Search", request, BY_COUNTRY) == await world.ask("Search", request)
    sights = [world.audit.standing.sight(each, START_NS) for each in (LIMITED, BY_COUNTRY, BY_BOTH, WHOLE)]
    assert [each and each.platforms for each in sights] == [{OURS}, {OURS}, set(), None]


def test_a_fact_of_two_platforms_is_shown_to_who_reads_both() -> None:
    """And of none to nobody but who reads everything."""
    both, none = encode("x.y.v1", {"tenant_id": OURS, "book_id": THEIRS}), encode("x.y.v1", {"bank_id": OURS})
    assert [Sight(frozenset(each)).shows(both) for each in ([OURS], [THEIRS], [OURS, THEIRS])] == [False, False, True]
    assert not Sight(frozenset({OURS})).shows(none)
    assert Sight().shows(none)


async def test_findings_of_others_are_not_counted(world: World) -> None:
    """What is open and found is our platform's; that the bank's word is another's is not said."""
    insert = "INSERT INTO evidence_findings VALUES (%s, 1, %s, %s, %s, 1, 1, 978)"
    waiting = (
        "INSERT INTO evidence_bookings (leaf, move, tenant_id, transfer_id, time_ns, amount_minor, ledger, is_suspense,"
        " imported, had_ns) VALUES (%s, 1, %s, %s, 1, 1, 978, false, false, 1)"
    )
    with world.audit.store.connection() as connection, connection.transaction():
        for leaf, platform in ((5, THEIRS), (6, OURS)):
            connection.execute(insert.encode(), (leaf, Flaw.OTHER_TENANT.value, platform, SHARED))
        for leaf, platform in ((7, THEIRS), (9, OURS), (11, THEIRS)):
            connection.execute(waiting.encode(), (leaf, platform, SHARED))
    request = audit_pb2.ListUnprovenTransfersRequest()
    ours = await world.ask("ListUnprovenTransfers", request)
    assert [(each.leaf_index, each.flaw) for each in ours.transfers] == [(6, audit_pb2.FLAW_ENTRY_UNKNOWN)]
    assert (ours.open, ours.judged_leaves) == (1, 9)
    everything = await world.ask("ListUnprovenTransfers", request, WHOLE)
    assert [each.flaw for each in everything.transfers] == [audit_pb2.FLAW_OTHER_TENANT] * 2
    assert everything.open == 3
