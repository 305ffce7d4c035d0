"""Looks: what is looked at together is one read of the log, and nothing is shown that no read tells of."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import grpc
import pytest
from ringfence.audit import Audit as ReadApi
from ringfence.proven import ProvenFacts
from ringfence_audit.log.application import looks
from ringfence_audit.log.domain.leaf import Value, decode, encode
from ringfence_desk.external import transfers_of
from ringfence_desk.roles import Role
from ringfence_desk.sentences import _ROLES
from ringfence_desk.trace import traced
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_protos.audit.v1 import audit_pb2 as pb

from .conftest import Audit
from .feeds import BOOK, SourceFeed, accounts_created, identifier, transfers_created
from .rights.readers import registered
from .test_audit_dossiers import CONTEXT, Direct, named
from .test_audit_log import stored_leaves

LOOK = pb.Look(look_id=b"look of a reader", page="trace")


def reads(audit: Audit) -> list[dict[str, Value]]:
    """The reads that the log has."""
    found = map(decode, stored_leaves(audit.store))
    return [fields for kind, fields in found if kind == "audit.read.v1"]


@pytest.fixture
async def filled(audit: Audit, custody: SourceFeed) -> Audit:
    """Four accounts of two owners and transfers between two of them; signed, and indexed."""
    custody.add("AccountsCreated.v1", accounts_created("alice", "bob", owners=("owner-a", "owner-b")))
    for number in range(5):
        custody.add("TransfersCreated.v1", transfers_created(f"t{number}-0", f"t{number}-1"))
    await audit.follow(custody)
    await audit.publish()
    return audit


async def ask(audit: Audit, name: str, look: pb.Look = LOOK, **asked: Any) -> pb.GetAnswerResponse:
    """Asks for all about an id as a part of a look."""
    request = pb.GetAnswerRequest(subject_id=identifier(name), look=look, **asked)
    answered: pb.GetAnswerResponse = await audit.servicer.GetAnswer(request, CONTEXT)
    return answered


async def test_a_trace_is_one_read(filled: Audit) -> None:
    """However many accounts, payments and names it looks up; the same without a look is many."""
    key, direct = filled.signer.key.text(), Direct(filled)
    for is_look in (False, True):
        before = len(reads(filled))
        with grpc.insecure_channel("localhost:1") as channel:
            api = ReadApi(channel, direct)  # type: ignore[arg-type]
            facts = ProvenFacts(api.looking("trace") if is_look else api, key)
            made = await asyncio.to_thread(traced, facts.facts_of, named("t0-0"))
            await asyncio.to_thread(facts.names, made.steps)
        assert len(made.nodes) > 1
        new = reads(filled)[before:]
        assert direct.called.count("GetAnswer") > 2
        assert [(each["method"], each.get("page")) for each in new][:1] == [("GetAnswer", "trace" if is_look else None)]
        assert (len(new) == 1) == is_look, new


async def test_what_no_shown_fact_names_is_a_read_of_its_own(filled: Audit) -> None:
    """A look leads from fact to fact, not anywhere; another reader's or another look's id leads nowhere."""
    await ask(filled, "t0-0")
    await ask(filled, "alice")
    assert len(reads(filled)) == 1
    await ask(filled, "someone")
    assert [each["query_subject_id"] for each in reads(filled)] == [
        identifier("t0-0"),
        identifier("someone"),
    ]
    assert reads(filled)[1]["page"] == "trace"
    await ask(filled, "alice", pb.Look(look_id=b"another look ..."[:16], page="trace"))
    assert len(reads(filled)) == 3


async def test_what_is_newer_than_the_look_is_a_read_of_its_own(filled: Audit, custody: SourceFeed) -> None:
    """Then it is of the look; below a leaf, as readers ask, it is none."""
    await ask(filled, "t0-0")
    size = len(stored_leaves(filled.store))
    custody.add("TransfersCreated.v1", transfers_created("t9-0", "t9-1"))
    await filled.follow(custody)
    await filled.publish()
    await ask(filled, "alice", until_leaf=size - 1)
    assert len(reads(filled)) == 1
    await ask(filled, "alice")
    assert len(reads(filled)) == 2
    await ask(filled, "alice")
    assert len(reads(filled)) == 2


async def test_another_platforms_facts_are_a_read_of_their_own(filled: Audit, custody: SourceFeed) -> None:
    """So that its register has it: a look at one platform's facts does not show others' unseen."""
    elsewhere = accounts_created("carol", "alice", owners=("owner-a", "owner-c"))
    custody.add("AccountsCreated.v1", elsewhere, identifier("another book"))
    await filled.follow(custody)
    await filled.publish()
    await ask(filled, "t0-0")
    await ask(filled, "alice")
    assert [each["query_subject_id"] for each in reads(filled)] == [identifier("t0-0"), identifier("alice")]
    await ask(filled, "owner-c")
    assert len(reads(filled)) == 2, "it was told that the look is of both"


async def test_a_look_ends(filled: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    """After two minutes, and where it names more ids than are remembered."""
    await ask(filled, "t0-0")
    filled.clock.advance(looks.LOOK_NS - 1)
    await ask(filled, "alice")
    assert len(reads(filled)) == 1
    filled.clock.advance(1)
    await ask(filled, "bob")
    assert len(reads(filled)) == 2
    monkeypatch.setattr(looks, "MOST_IDS", 0)
    full = pb.Look(look_id=b"one that is full", page="trace")
    await ask(filled, "t0-0", full)
    await ask(filled, "alice", full)
    assert len(reads(filled)) == 4


async def test_a_refresh_is_no_read_but_for_what_is_newer(filled: Audit, custody: SourceFeed) -> None:
    """The same calls of a look show the same, however late; what the log has since is a read, which shows the rest."""
    index = next(at for at, leaf in enumerate(stored_leaves(filled.store)) if decode(leaf)[0] == "custody.transfer.v1")
    names = "t0-0", "alice", "bob"

    async def looked(until_leaf: int = 0) -> None:
        for number, name in enumerate(names):
            await ask(filled, name, until_leaf=until_leaf if number else 0)
        await filled.servicer.GetReceipt(pb.GetReceiptRequest(leaf_index=index, look=LOOK), CONTEXT)

    await looked()
    assert [each["method"] for each in reads(filled)] == ["GetAnswer", "GetReceipt"]
    filled.clock.advance(10 * looks.LOOK_NS)
    await looked()
    await filled.publish()  # with the reads, which are about what was looked at
    await looked(len(stored_leaves(filled.store)) - 1)
    assert len(reads(filled)) == 2
    custody.add("TransfersCreated.v1", transfers_created("t9-0", "t9-1"))
    await filled.follow(custody)
    await filled.publish()
    for _ in range(2):
        await looked()
        assert [each.get("query_subject_id") for each in reads(filled)[2:]] == [identifier("alice")]
    await ask(filled, "t0-0", pb.Look(look_id=b"another look ..."[:16], page="trace"))
    assert len(reads(filled)) == 4


async def test_a_look_that_is_used_for_another_subject_is_a_read(filled: Audit) -> None:
    """Whoever keeps a look for all that it asks is recorded by what it asks for; and so is a wider question."""
    for name in ("owner-a", "owner-b", "owner-a"):
        await ask(filled, name)
    assert [each["query_subject_id"] for each in reads(filled)] == [identifier("owner-a"), identifier("owner-b")]
    narrow = pb.Look(look_id=b"a narrow look ...."[:16], page="about")
    for until_leaf in (1, 1, 0, 0):
        await ask(filled, "someone", narrow, until_leaf=until_leaf)
    await filled.publish()
    await ask(filled, "t0-0", narrow, until_leaf=1)
    await ask(filled, "t0-0", narrow)
    new = [(each["query_subject_id"], each.get("query_until_leaf")) for each in reads(filled)[2:]]
    assert new == [(identifier("someone"), 1), (identifier("t0-0"), 1), (identifier("t0-0"), None)]


async def test_a_refresh_of_less_shows_no_more(filled: Audit) -> None:
    """What was asked for below a leaf is told below it, once the look is over; all of it is a read."""
    for until_leaf in (1, 1, 0):
        await ask(filled, "alice", until_leaf=until_leaf)
        filled.clock.advance(2 * looks.LOOK_NS)
    assert [each.get("query_until_leaf") for each in reads(filled)] == [1, None]


async def test_a_refresh_of_an_old_look_leads_nowhere_in_a_newer_one(filled: Audit, custody: SourceFeed) -> None:
    """A look of the same id, begun by a read about something else, goes on by what its own reads have named alone."""
    others = accounts_created("carol", "dave", first_index=3, owners=("owner-c", "owner-d"))
    custody.add("AccountsCreated.v1", others)
    await filled.follow(custody)
    await filled.publish()
    await ask(filled, "t0-0")
    size = len(stored_leaves(filled.store))
    filled.clock.advance(30 * looks.LOOK_NS)
    custody.add("TransfersCreated.v1", transfers_created("t9-0", "t9-1"))
    await filled.follow(custody)
    await filled.publish()
    await ask(filled, "owner-c")
    await ask(filled, "t0-0", until_leaf=size - 1)
    assert [each["query_subject_id"] for each in reads(filled)] == [identifier("t0-0"), identifier("owner-c")]
    await ask(filled, "alice")
    assert [each["query_subject_id"] for each in reads(filled)][2:] == [identifier("alice")]


async def test_a_later_read_of_a_look_makes_nothing_newer_a_refresh(filled: Audit, custody: SourceFeed) -> None:
    """What is new about something since it was read is a read about it, whatever else the look has read meanwhile."""
    await ask(filled, "owner-a")
    newer = accounts_created("carol", "dave", first_index=3, owners=("owner-a", "owner-d"))
    custody.add("AccountsCreated.v1", newer)
    await filled.follow(custody)
    await filled.publish()
    await ask(filled, "owner-b")
    filled.clock.advance(looks.LOOK_NS)
    await ask(filled, "owner-b")
    await ask(filled, "owner-a")
    assert [each["query_subject_id"] for each in reads(filled)] == [
        identifier(name) for name in ("owner-a", "owner-b", "owner-a")
    ]


def test_of_many_platforms_a_call_keeps_those_that_it_showed() -> None:
    """So that what is known of calls is bounded, however many platforms a look is of; the rest is a read."""
    platforms = [bytes([number]) * 16 for number in range(looks.FEW_PLATFORMS + 1)]
    leaves = [(1, encode("custody.transfer.v1", {"tenant_id": each})) for each in platforms]
    logged = looks.Logged(10)
    logged.took(leaves, 10)
    kept = logged.standing(leaves[:1])
    assert kept.sizes == {platforms[0]: 10}
    assert kept.covers(leaves[:1])
    assert not kept.covers(leaves)


async def test_that_somebody_looked_elsewhere_is_nothing_new(filled: Audit) -> None:
    """Or two pages about one thing would each be news to the other, for ever; another's read is."""
    other = pb.Look(look_id=b"another look ..."[:16], page="about")
    for count in (2, 2, 2):
        for look in (LOOK, other):
            await ask(filled, "t0-0", look)
        await filled.publish()
        assert len(reads(filled)) == count


async def test_what_is_computed_of_the_log_is_as_of_before(filled: Audit, custody: SourceFeed) -> None:
    """The register, books and lists of a look are told again without a read until the log has signed more."""
    other = pb.Look(look_id=b"another look ..."[:16], page="books")
    asked = (
        (filled.servicer.GetBooks, pb.GetBooksRequest(tenant_id=BOOK, ledger=978)),
        (filled.servicer.ListReads, pb.ListReadsRequest(page_size=1)),
        (filled.servicer.ListLeaves, pb.ListLeavesRequest(limit=3)),
    )
    for count, (call, request) in enumerate(asked, 1):
        name = type(request).__name__.removesuffix("Request")
        made = []
        for look in (LOOK, LOOK, LOOK):
            request.look.CopyFrom(look)
            made.append(await call(request, CONTEXT))
        assert made[0] == made[1] == made[2]
        assert [each["method"] for each in reads(filled)].count(name) == 1
        request.look.CopyFrom(other)
        await call(request, CONTEXT)
        request.ClearField("look")
        await call(request, CONTEXT)
        assert [(each["method"], each.get("page")) for each in reads(filled)[-3:]] == [
            (name, "trace"),
            (name, "books"),
            (name, None),
        ], count
    custody.add("TransfersCreated.v1", transfers_created("t9-0", "t9-1"))
    await filled.follow(custody)
    await filled.publish()
    before = len(reads(filled))
    await filled.servicer.GetBooks(pb.GetBooksRequest(tenant_id=BOOK, ledger=978, look=LOOK), CONTEXT)
    assert len(reads(filled)) == before + 1


async def test_a_page_of_the_register_goes_on_in_another_look(filled: Audit) -> None:
    """A link to the next page is good in another tab; each page of one look is told once."""
    for name in ("t0-0", "alice", "bob"):
        await ask(filled, name, pb.Look())
    await filled.publish()
    first = await filled.servicer.ListReads(pb.ListReadsRequest(page_size=2, look=LOOK), CONTEXT)
    count = len(reads(filled))
    next_page = pb.ListReadsRequest(page_size=2, page_token=first.next_page_token)
    next_page.look.CopyFrom(pb.Look(look_id=b"another look ..."[:16], page="access"))
    for _ in range(2):
        page = await filled.servicer.ListReads(next_page, CONTEXT)
        assert page.reads[0].leaf_index < first.reads[-1].leaf_index
        assert len(reads(filled)) == count + 1


@pytest.mark.parametrize("begun", ["ListLeaves", "GetReceipt"])
async def test_people_are_named_by_the_read_that_shows_them(filled: Audit, identity: SourceFeed, begun: str) -> None:
    """A list of everybody, whom each platform's register has, names platforms too; what else they did is a read."""
    operator, other = identifier("operator"), identifier("platform.another")
    for principal, kind, by in ((operator, "OPERATOR", BOOK), (other, "PLATFORM", operator), (BOOK, "PLATFORM", BOOK)):
        identity.add("PrincipalRegistered.v1", {**registered(principal, kind), "by": by}, principal)
    await filled.follow(identity)
    await filled.publish()
    index = next(at for at, leaf in enumerate(stored_leaves(filled.store)) if other in leaf)
    asked = {
        "ListLeaves": pb.ListLeavesRequest(limit=100, look=LOOK),
        "GetReceipt": pb.GetReceiptRequest(leaf_index=index, look=LOOK),
    }
    await getattr(filled.servicer, begun)(asked[begun], CONTEXT)
    for subject in (operator, other, BOOK):
        await filled.servicer.Search(pb.SearchRequest(subject_id=subject, kind=looks.REGISTERED, look=LOOK), CONTEXT)
    # One fact of another platform tells nobody about this one.
    assert [each.get("query_subject_id") for each in reads(filled)[1:]] == [BOOK] * (begun == "GetReceipt")
    await filled.servicer.Search(pb.SearchRequest(subject_id=operator, look=LOOK), CONTEXT)
    assert reads(filled)[-1].get("query_kind") is None
    assert reads(filled)[-1]["query_subject_id"] == operator


async def test_a_search_and_a_receipt_are_of_a_look(filled: Audit) -> None:
    """A receipt begins one, and names are found by kind within it; times and platforms are not named by facts."""
    index = next(at for at, leaf in enumerate(stored_leaves(filled.store)) if decode(leaf)[0] == "custody.transfer.v1")
    await filled.servicer.GetReceipt(pb.GetReceiptRequest(leaf_index=index, look=LOOK), CONTEXT)
    asked = pb.SearchRequest(subject_id=identifier("alice"), kind="custody.account.v1", look=LOOK)
    found = await filled.servicer.Search(asked, CONTEXT)
    assert [decode(each.content)[0] for each in found.leaves] == ["custody.account.v1"]
    assert [each["method"] for each in reads(filled)] == ["GetReceipt"]
    await filled.servicer.Search(pb.SearchRequest(from_ns=1, look=LOOK), CONTEXT)
    asked = pb.SearchRequest(subject_id=identifier("alice"), kind="custody.account.v1")
    await filled.servicer.Search(asked, CONTEXT)
    assert [each["method"] for each in reads(filled)] == ["GetReceipt", "Search", "Search"]
    assert reads(filled)[2]["query_kind"] == "custody.account.v1"


@pytest.mark.parametrize(
    "look", [pb.Look(page="trace"), pb.Look(look_id=b"short", page="x"), pb.Look(look_id=b"a" * 16, page="Who?")]
)
async def test_a_look_that_is_none_is_refused(filled: Audit, look: pb.Look) -> None:
    """Nothing is recorded for it."""
    with pytest.raises(InvalidArgument):
        await ask(filled, "alice", look)
    with pytest.raises(InvalidArgument):
        await filled.servicer.Search(pb.SearchRequest(from_ns=1, kind="custody.account.v1"), CONTEXT)
    assert reads(filled) == []


def test_a_payment_names_its_transfers() -> None:
    """By ids that are made of its own."""
    platform, payment = UUID(int=5), UUID(int=6)
    leaf = encode(looks.INSTRUCTION, {"tenant_id": platform.bytes, "instruction_id": payment.bytes, "index": 1})
    assert {each.bytes for each in transfers_of(platform, payment)} < looks.named_in(leaf)[0]


async def test_a_look_does_not_lead_to_all_of_a_platform(filled: Audit) -> None:
    """Its id stands in each of its facts: what it is called belongs to the look, all that it has is a read."""
    index = next(at for at, leaf in enumerate(stored_leaves(filled.store)) if decode(leaf)[0] == "custody.transfer.v1")
    await filled.servicer.GetReceipt(pb.GetReceiptRequest(leaf_index=index, look=LOOK), CONTEXT)
    await filled.servicer.Search(pb.SearchRequest(subject_id=BOOK, kind=looks.REGISTERED, look=LOOK), CONTEXT)
    assert [each["method"] for each in reads(filled)] == ["GetReceipt"]
    for count in (2, 3):
        found = await filled.servicer.Search(pb.SearchRequest(subject_id=BOOK, look=LOOK, page_size=count), CONTEXT)
        assert len(found.leaves) == count
        assert len(reads(filled)) == count
    assert reads(filled)[2]["query_subject_id"] == BOOK


def test_a_look_does_not_lead_to_all_that_somebody_does() -> None:
    """An id in a field of people, or of a platform, is followed for a name alone, wherever else it stands."""
    names = {name for ends, role in _ROLES if role in (Role.PRINCIPAL, Role.PLATFORM) for name in ends}
    ids = {name: bytes([100 + number]) * 16 for number, name in enumerate(sorted(names))}
    leaf = encode("custody.transfer.v1", {**ids, "transfer_id": b"t" * 16})
    assert looks.named_in(leaf) == ({b"t" * 16}, set(ids.values()))
    somebody = ids["actor_id"]
    looked = looks.Looked(looks.Logged(10), 5)
    looked.took([(1, encode("custody.proposal_made.v1", {"subject_id": somebody, "book_id": BOOK}))], 10)
    assert looked.names([somebody], None, 0)
    looked.noted([(2, leaf)])
    assert not looked.names([somebody], None, 0)
    assert looked.names([somebody], looks.REGISTERED, 0)


def test_a_platforms_facts_are_of_the_look_as_far_as_a_read_of_its_own_shows() -> None:
    """A later read about another platform does not bring the first one's newer facts along."""
    ours, theirs, both = (
        encode("custody.transfer.v1", fields)
        for fields in (
            {"tenant_id": b"o" * 16},
            {"tenant_id": b"t" * 16},
            {"tenant_id": b"o" * 16, "book_id": b"t" * 16},
        )
    )
    looked = looks.Looked(looks.Logged(10), 5)
    looked.took([(1, ours)], 10)
    looked.took([(2, theirs)], 20)
    assert looked.covers([(9, ours), (19, theirs), (9, both)])
    for later in ((10, ours), (20, theirs), (10, both)):
        assert not looked.covers([later])


def test_a_look_shows_so_much_by_one_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is more is a read of its own, after which it goes on."""
    monkeypatch.setattr(looks, "MOST_SHOWN", 3)
    leaf = encode("custody.transfer.v1", {"tenant_id": BOOK})
    looked = looks.Looked(looks.Logged(10), 5)
    looked.took([(1, leaf), (2, leaf)], 10)
    assert looked.covers([(3, leaf)])
    looked.noted([(3, leaf)])
    assert not looked.covers([(4, leaf)])
    looked.took([(4, leaf)], 10)
    assert looked.covers([(5, leaf)])
