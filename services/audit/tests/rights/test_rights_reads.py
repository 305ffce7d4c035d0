"""Reads are facts that name reader, page and grant; the register tells each whom it concerns."""

from __future__ import annotations

from typing import Any

import msgspec
from ringfence_audit.log.application.seeing import seeing
from ringfence_audit.log.application.views import Views
from ringfence_audit.log.domain.leaf import decode, encode
from ringfence_audit.log.domain.sight import Sight
from ringfence_audit.reads.domain.read import read_of
from ringfence_kernel.store.codec import open_envelope
from ringfence_protos.audit.v1 import audit_pb2

from ..feeds import identifier
from .readers import BY_COUNTRY, LIMITED, OTHER, OURS, PLATFORM, THEIRS, WHOLE, World


async def test_the_register_tells_a_platform_who_has_read_of_it(world: World) -> None:
    """What was read of it, by which grant; not what was read of others, nor for which case; oneself is marked."""
    shown = (await world.ask("ListReads", audit_pb2.ListReadsRequest(), OURS, roles=PLATFORM, tenant=OURS)).reads
    assert [(each.method, each.reader_id) for each in shown] == [
        ("Search", BY_COUNTRY),
        ("Search", WHOLE),
        ("Search", WHOLE),
    ]
    assert {each.name: each.value for each in shown[2].query} == {"subject_id": identifier("alice").hex()}
    assert [each.case_reference for each in shown] == ["", "", ""]
    assert shown[0].grant_id == BY_COUNTRY[::-1]
    await world.audit.publish()
    request = audit_pb2.ListReadsRequest()
    theirs = (await world.ask("ListReads", request, THEIRS, roles=PLATFORM, tenant=THEIRS)).reads
    assert [each.reader_id for each in theirs] == [WHOLE, WHOLE, WHOLE, WHOLE, OTHER, OTHER]
    await world.audit.publish()
    again = (await world.ask("ListReads", request, OURS, roles=PLATFORM, tenant=OURS)).reads
    assert [(each.method, each.is_own) for each in again[:2]] == [("ListReads", True), ("Search", False)]


async def test_who_reads_everything_sees_every_read_with_its_case(world: World) -> None:
    """Newest first, page by page, of one reader or of one platform too."""
    found, token = list[Any](), ""
    while True:
        request = audit_pb2.ListReadsRequest(page_size=3, page_token=token)
        page = await world.ask("ListReads", request, WHOLE)
        found += page.reads
        if not (token := page.next_page_token):
            break
    assert [each.leaf_index for each in found] == sorted((each.leaf_index for each in found), reverse=True)
    assert len(found) == 8
    assert {each.reader_id: each.case_reference for each in found}[OTHER] == f"case of {OTHER.decode()}"
    by_other = await world.ask("ListReads", audit_pb2.ListReadsRequest(reader_id=OTHER), WHOLE)
    assert [each.reader_id for each in by_other.reads] == [OTHER, OTHER]
    of_ours = await world.ask("ListReads", audit_pb2.ListReadsRequest(tenant_id=OURS), WHOLE)
    assert [each.reader_id for each in of_ours.reads] == [BY_COUNTRY, WHOLE, WHOLE]


async def test_a_read_names_reader_page_and_grant(world: World) -> None:
    """The leaf has who, what and by which grant, and the page where one was looked at; no case stands in it."""
    with seeing(Sight(frozenset({OURS}), b"g" * 16, (OURS,), ("DE",))):
        await world.audit.record_read(LIMITED, "Search", {"tenant_id": OURS}, page="/find")
    newest = world.audit.store.read(world.audit.store.head().position - 1, 1)[0]
    fields = decode(msgspec.msgpack.decode(open_envelope(newest.state).fields)["leaf"])[1]
    assert fields == {
        "grant_id": b"g" * 16,
        "grant_jurisdictions": "DE",
        "grant_platforms": OURS.hex(),
        "method": "Search",
        "page": "/find",
        "query_tenant_id": OURS,
        "reader_id": LIMITED,
        "time_ns": fields["time_ns"],
    }


def test_what_is_asked_for_in_a_way_not_known_is_shown_to_whose_it_is_alone() -> None:
    """A name that was searched for, or whatever a later release asks by, is nobody's but by its platform."""
    read = read_of(1, encode("audit.read.v1", {"reader_id": WHOLE, "method": "Find", "time_ns": 1, "query_like": "x"}))
    assert not read.asks_of(frozenset({OURS}), lambda *_: True, lambda *_: True)
    named = encode("audit.read.v1", {"reader_id": WHOLE, "method": "Find", "query_like": "x", "query_tenant_id": OURS})
    assert [
        read_of(1, named).asks_of(frozenset({each}), lambda *_: False, lambda *_: False) for each in (OURS, THEIRS)
    ] == [
        True,
        False,
    ]


async def test_a_refresh_is_recorded_for_what_is_new_alone(world: World) -> None:
    """Opening a page is a fact each time; refreshing it is none, until it would show what came after that fact."""
    audit, query = world.audit, {"tenant_id": OURS}
    views = Views(audit.record_read)
    with seeing(Sight(frozenset({OURS}), b"g" * 16)):
        first = await views.opened(LIMITED, "/find", query)
        head = audit.store.head()
        for newest in (None, 0, first.size - 1):
            assert await views.refreshed(LIMITED, "/find", query, newest) == first
        assert audit.store.head() == head
        newer = await views.refreshed(LIMITED, "/find", query, first.size)
        assert newer.size == first.size + 1
        assert await views.refreshed(LIMITED, "/find", query, first.size) == newer
        assert (await views.opened(LIMITED, "/find", query)).size == newer.size + 1
        otherwise = await views.refreshed(LIMITED, "/find", query, None, shown_as="csv")
        assert otherwise.size == newer.size + 2
        assert await views.refreshed(LIMITED, "/find", query, None, shown_as="csv") == otherwise
    for others in (
        (OTHER, "/find", query, b"g" * 16),
        (LIMITED, "/about", query, b"g" * 16),
        (LIMITED, "/find", {"tenant_id": THEIRS}, b"g" * 16),
        (LIMITED, "/find", query, b"h" * 16),
    ):
        before = audit.store.head().position
        with seeing(Sight(frozenset({OURS}), others[3])):
            await views.refreshed(*others[:3], None)
        assert audit.store.head().position == before + 1
