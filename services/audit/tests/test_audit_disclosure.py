"""Look-ups and disclosures: a fact in the log before anybody is asked, and nothing that is foreign or erased."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from ringfence_audit.disclosure.adapters.source_events import FeedEvents
from ringfence_audit.disclosure.adapters.text_index import StoredTexts
from ringfence_audit.disclosure.api.servicer import DisclosureServicer
from ringfence_audit.disclosure.api.texts import texts_of
from ringfence_audit.disclosure.application.disclosing import Disclosing
from ringfence_audit.disclosure.application.looking_up import LookingUp
from ringfence_audit.disclosure.application.ports import FoundParty
from ringfence_audit.disclosure.application.recording import RecordReasoned
from ringfence_audit.disclosure.domain.errors import NothingSealed, SourceDiffers, SourceUnreachable, SubjectErased
from ringfence_audit.index.api.servicer import SearchServicer
from ringfence_audit.index.domain.errors import SearchBehind
from ringfence_audit.log.adapters.bundle_reader import BundleReader
from ringfence_audit.log.adapters.stored_leaves import ChainedLeaves
from ringfence_audit.log.adapters.tile_model import TileModel
from ringfence_audit.log.adapters.tile_reader import TileReader
from ringfence_audit.log.application.commands import LogStanding
from ringfence_audit.log.application.queries import Queries
from ringfence_audit.log.domain.errors import LeafUnknown
from ringfence_audit.log.domain.events import EVENTS
from ringfence_audit.log.domain.leaf import commitment, text_commitment
from ringfence_audit.texts.adapters.text_reader import TextReader
from ringfence_audit.texts.adapters.text_rows import TextRows
from ringfence_kernel.access.caller import Caller, calling
from ringfence_kernel.rpc.page_tokens import PageTokenInvalid
from ringfence_kernel.store.codec import EventCodec
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_protos.audit.v1 import audit_pb2
from ringfence_protos.audit.v1 import disclosure_pb2 as pb
from ringfence_verifier import Opening, open_fact, read_leaf, verify_receipt

from .conftest import Audit
from .disclosing import (
    IVO,
    NORA,
    OTHERS,
    PAYMENT,
    SUBMISSION,
    Desk,
    LocalIdentity,
    claimed,
    encode,
    paid,
    registered,
)
from .feeds import BOOK, SourceFeed, identifier
from .test_audit_texts import erased, received

READER, OTHER_BOOK = identifier("regulator"), identifier("another book")
CONTEXT: Any = None


@pytest.fixture(autouse=True)
def _caller() -> Iterator[None]:
    """The regulator calls."""
    with calling(Caller("spiffe://ringfence.local/principal/x", None, READER, "thumbprint")):
        yield


@pytest.fixture
async def desk(audit: Audit, identity: SourceFeed) -> Desk:
    """Nora and Ivo are registered and have paid; Ivo's payment names a third, and money came in for Nora."""
    of, payments = LocalIdentity(), SourceFeed("payment-instruction")
    of.size_when_asked = lambda: audit.log.frontier.size
    for party, name in ((NORA, "Nora Ek"), (IVO, "Ivo Ek")):
        texts = {"name": name, "country": "SE"}
        at = len(identity.events) + 1
        personal = {part: of.seal(party, party, at, part, text.encode()) for part, text in texts.items()}
        identity.add("PartyRegistered.v1", registered(party, personal), party)
    iban = of.seal(NORA, identifier("alias"), 3, "iban", b"SE4550000000058398257466")
    identity.add("AliasClaimed.v1", claimed(NORA, iban), identifier("alias"))
    payments.add("InstructionsReceived.v1", paid(of), SUBMISSION)
    await audit.follow(identity)
    await audit.follow(payments)
    await audit.publish()
    queries = Queries(
        TileReader(audit.store), ChainedLeaves(audit.store, EventCodec(EVENTS)), BundleReader(audit.store)
    )
    record = RecordReasoned(audit.writer, audit.log, TileModel(), TextRows(), audit.parties)
    read = StoredTexts(audit.store), queries, TextReader(audit.store)
    looking_up = LookingUp(record, of, *read, audit.whereabouts, asyncio.to_thread)
    events = FeedEvents({"identity": identity, "payment-instruction": payments})
    disclosing = Disclosing(LogStanding(audit.writer, audit.log), record, queries, events, of)
    return Desk(audit, of, DisclosureServicer(looking_up, disclosing), payments)


async def test_a_sealed_field_is_opened_under_its_own_proof(desk: Desk) -> None:
    """The receipt proves the fact, the fact the ciphertext; the disclosure was a fact before identity knew."""
    party = await desk.leaf_of("identity.party_registered.v1", "party_id", NORA)
    got = await desk.disclose(party)
    assert {(each.field, text.name, text.text) for each in got.fields for text in each.texts} == {
        ("personal_country", "country", "SE"),
        ("personal_name", "name", "Nora Ek"),
    }
    proven = verify_receipt(got.proof, desk.audit.signer.key.text())
    fact = read_leaf(proven.leaf)
    assert (proven.index, proven.leaf) == (party, got.leaf)
    assert all(fact.fields[f"{each.field}_commitment"] == commitment(each.sealed) for each in got.fields)
    index, said, _ = desk.last_read()
    assert desk.identity.sizes == [index + 1], "identity is asked when the fact is committed"
    assert index == got.read_index
    named = {"method": "Disclose", "reader_id": READER, "query_leaf_index": party, "query_subject_id": NORA}
    assert named.items() <= said.items()
    assert said["query_tenant_id"] == BOOK


async def test_what_payments_and_entries_have_sealed_is_opened_too(desk: Desk) -> None:
    """Each row by its own place in the event; texts have names; one field alone where that is asked for."""
    first = await desk.leaf_of("payment-instruction.instruction.v1", "instruction_id", PAYMENT)
    second = await desk.leaf_of("payment-instruction.instruction.v1", "instruction_id", OTHERS)
    alias = await desk.leaf_of("identity.alias_claimed.v1", "owner_id", NORA)

    async def told(leaf: int, *fields: str) -> dict[str, list[tuple[str, str]]]:
        got = await desk.disclose(leaf, *fields)
        return {each.field: [(text.name, text.text) for text in each.texts] for each in got.fields}

    assert await told(first) == {
        "debtor": [("name", "Nora Ek"), ("iban", "SE1"), ("remittance", "May")],
        "creditor": [("name", "Lo"), ("iban", "DE2")],
    }
    assert await told(second, "creditor", "parties") == {
        "creditor": [("name", "Mo"), ("agent_bic", "MOXXDEFF"), ("carried.CdtrAcct/Id/Othr/Id", "77")],
        "parties": [("parties.UltmtCdtr", "Pia")],
    }
    assert await told(alias) == {"iban": [("iban", "SE4550000000058398257466")]}
    entry = encode(["Lo", "DE2", "Nora Ek", "SE1", "refund", [["UltmtDbtr", "Pia"]]])
    assert texts_of("entry", entry)[-2:] == [("remittance", "refund"), ("parties.UltmtDbtr", "Pia")]


async def test_the_erased_are_refused_by_name_and_others_of_the_fact_are_not(desk: Desk) -> None:
    """With the key gone nothing of a party opens; of a payment the other side still does."""
    party = await desk.leaf_of("identity.party_registered.v1", "party_id", NORA)
    payment = await desk.leaf_of("payment-instruction.instruction.v1", "instruction_id", PAYMENT)
    del desk.identity.keys[NORA]
    with pytest.raises(SubjectErased):
        await desk.disclose(party)
    got = await desk.disclose(payment)
    assert {each.field: (bool(each.texts), each.reason) for each in got.fields} == {
        "debtor": (False, "SUBJECT_ERASED"),
        "creditor": (True, ""),
    }
    with pytest.raises(SubjectErased):
        await desk.disclose(payment, "debtor")


async def test_a_source_that_has_something_else_discloses_nothing(desk: Desk, identity: SourceFeed) -> None:
    """What the fact does not commit to is never handed to identity, nor what a source that is away would have."""
    party = await desk.leaf_of("identity.party_registered.v1", "party_id", NORA)
    position = read_leaf(await leaf_at(desk, party)).integer("position")
    kept = identity.events[position - 1]
    forged = SourceFeed("identity")
    for _ in range(position):
        other = {"name": desk.identity.seal(NORA, NORA, position, "name", b"Eve")}
        last = forged.add("PartyRegistered.v1", registered(NORA, other), NORA)
    identity.events[position - 1] = last
    asked = len(desk.identity.sizes)
    with pytest.raises(SourceDiffers):
        await desk.disclose(party, "personal_name")
    identity.events[position - 1] = kept
    identity.away = True
    with pytest.raises(SourceUnreachable):
        await desk.disclose(party)
    assert len(desk.identity.sizes) == asked
    identity.away = False
    for leaf, names in ((party, ["personal_shoe_size"]), (desk.last_read()[0], [])):
        await desk.audit.publish()
        with pytest.raises(NothingSealed):
            await desk.disclose(leaf, *names)


async def leaf_at(desk: Desk, index: int) -> bytes:
    """Gives a leaf's bytes."""
    listed = await desk.audit.servicer.ListLeaves(audit_pb2.ListLeavesRequest(from_index=index, limit=1), CONTEXT)
    return listed.leaves[0].content


async def test_a_foreign_fact_is_not_there(desk: Desk) -> None:
    """Disclosure, text, name and IBAN answer a reader of another platform as if nothing were there."""
    party = await desk.leaf_of("identity.party_registered.v1", "party_id", NORA)
    desk.identity.found = [FoundParty(BOOK, NORA, NORA, b"", "name", erased=False)]
    assert len((await desk.look_up("Nora", pb.LOOK_UP_BY_NAME)).found) == 1
    desk.shown = frozenset({OTHER_BOOK})
    asked = len(desk.identity.sizes)
    foreign, missing = [], []
    for found, leaf in ((foreign, party), (missing, 10**6)):
        with pytest.raises(LeafUnknown) as refused:
            await desk.disclose(leaf)
        found.append(sorted(refused.value.metadata))
        found.append(sorted(desk.last_read()[1]))
    assert foreign == missing
    assert len(desk.identity.sizes) == asked
    assert not (await desk.look_up("RENT-IVO")).found
    assert not (await desk.look_up("Nora", pb.LOOK_UP_BY_NAME)).found
    assert desk.identity.asked[-1][2] == {OTHER_BOOK}
    assert (await desk.look_up("Nora", pb.LOOK_UP_BY_NAME)).identity_position == 0, "it counts facts of all platforms"
    assert not (await desk.look_up("Nora", pb.LOOK_UP_BY_NAME, tenant_id=BOOK)).found
    assert desk.identity.asked[-1][2] == {OTHER_BOOK}, "nobody is asked about a foreign platform"


@pytest.mark.parametrize("shown", [None, frozenset({BOOK})])
async def test_a_text_is_found_with_its_fact_newest_first(
    desk: Desk, identity: SourceFeed, shown: frozenset[bytes] | None
) -> None:
    """As it is written, or in one case; the fact opens it, names what it is about, and pages go back to the oldest."""
    desk.shown = shown
    got = await desk.look_up("rent-ivo")
    (one,) = got.found
    assert (one.subject_id, one.subject_field, one.tenant_id, one.found_by) == (
        OTHERS,
        "instruction_id",
        BOOK,
        "end_to_end_id",
    )
    opened = open_fact(read_leaf(one.leaf), [Opening(o.field, o.salt, o.content.decode()) for o in one.openings])
    assert opened.text("end_to_end_id") == "RENT-IVO"
    assert got.complete
    assert one.leaf_index < got.searched_leaves
    assert [len((await desk.look_up(sought)).found) for sought in ("RENT", "RENT-NORA", "RENT-Nora")] == [0, 0, 1]

    again = [(identifier(f"again {number}"), IVO, "RENT-IVO") for number in range(4)]
    desk.payments.add("InstructionsReceived.v1", received(*again), identifier("again"))
    await desk.audit.follow(desk.payments)
    await desk.audit.publish()
    pages, token = list[list[int]](), ""
    while True:
        page = await desk.look_up("RENT-IVO", page_size=2, page_token=token)
        pages.append([each.leaf_index for each in page.found])
        if not (token := page.next_page_token):
            break
    found = [index for each in pages for index in each]
    assert found == sorted(found, reverse=True)
    assert len(found) == 5
    assert found[-1] == one.leaf_index
    identity.add("PartyErased.v1", erased(IVO))
    await desk.audit.follow(identity)
    await desk.audit.publish()
    assert not (await desk.look_up("RENT-IVO")).found


async def test_a_page_never_ends_at_a_foreign_fact(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many foreign facts have the text, there is no next page of them; who reads all is told to go on."""
    monkeypatch.setattr(f"{LookingUp.__module__}.TOGETHER", 1)
    monkeypatch.setattr(f"{LookingUp.__module__}.MOST_EXAMINED", 1)
    assert (await desk.look_up("RENT-IVO")).next_page_token
    desk.shown = frozenset({OTHER_BOOK})
    foreign = await desk.look_up("RENT-IVO")
    assert (list(foreign.found), foreign.next_page_token) == ([], "")


async def test_what_a_reader_of_some_platforms_costs_hangs_on_their_facts_alone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of others' facts with the text none are read but those beside its platforms' own; pages end by these places."""
    foreign = [(identifier(f"foreign {number}"), IVO, "RENT-IVO") for number in range(600)]
    theirs = received(*foreign) | {"tenant": OTHER_BOOK}
    desk.payments.add("InstructionsReceived.v1", theirs, identifier("others"))
    await desk.audit.follow(desk.payments)
    own = [(identifier(f"own {number}"), IVO, "RENT-IVO") for number in range(2)]
    desk.payments.add("InstructionsReceived.v1", received(*own), identifier("own"))
    await desk.audit.follow(desk.payments)
    await desk.audit.publish()
    read, find = list[int](), StoredTexts.find_within

    def noted(store: StoredTexts, texts: Sequence[str], spans: Sequence[range]) -> list[tuple[int, str]]:
        rows = find(store, texts, spans)
        read.extend(leaf for leaf, _ in rows)
        return rows

    monkeypatch.setattr(StoredTexts, "find_within", noted)
    desk.shown = frozenset({BOOK})
    got = await desk.look_up("RENT-IVO")
    assert len(got.found) == 3
    assert len(read) < 512 < len(foreign)
    assert not got.next_page_token
    monkeypatch.setattr(f"{LookingUp.__module__}.MOST_SPANS", 1)
    first = await desk.look_up("RENT-IVO")
    second = await desk.look_up("RENT-IVO", page_token=first.next_page_token)
    assert [*first.found, *second.found] == [*got.found]
    assert [len(first.found), second.next_page_token] == [2, ""]
    monkeypatch.setattr(f"{LookingUp.__module__}.PAGE_LEAVES", 256)
    desk.shown = frozenset({identifier("a platform without facts")})
    pages, token = 1, (await desk.look_up("RENT-IVO")).next_page_token
    while token:
        pages, token = pages + 1, (await desk.look_up("RENT-IVO", page_token=token)).next_page_token
    assert pages == 3, "of a log of some 600 leaves, whosever they are"


async def test_a_reader_of_some_platforms_waits_until_its_facts_can_be_found(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the index does not have yet would be missing from the answer: it is refused by name."""
    monkeypatch.setattr(f"{SearchServicer.__module__}.SEARCH_CATCH_UP_SECONDS", 0.05)
    desk.payments.add("InstructionsReceived.v1", received((identifier("new"), IVO, "RENT-NEW")), identifier("later"))
    await desk.audit.follow(desk.payments)
    await desk.audit.sign_checkpoint()
    assert len((await desk.look_up("RENT-NEW")).found) == 1
    desk.shown = frozenset({BOOK})
    with pytest.raises(SearchBehind):
        await desk.look_up("RENT-NEW")
    await desk.audit.publish()
    assert len((await desk.look_up("RENT-NEW")).found) == 1


@pytest.mark.parametrize("field", ["ä" * 64, "a" * 65, "\N{GRINNING FACE}"])
async def test_names_that_no_field_has_are_refused(desk: Desk, field: str) -> None:
    """A hundred of the longest have room in a leaf: nothing that is well-formed fails when it is recorded."""
    size = desk.audit.log.frontier.size
    with pytest.raises(InvalidArgument):
        await desk.disclose(0, field)
    assert desk.audit.log.frontier.size == size
    with pytest.raises(NothingSealed):
        await desk.disclose(
            await desk.leaf_of("identity.party_registered.v1", "party_id", NORA),
            *(f"{number:064}" for number in range(100)),
        )


async def test_what_was_sought_stands_nowhere_and_why_goes_with_whom_it_is_about(
    desk: Desk, identity: SourceFeed
) -> None:
    """The leaf commits to both; the salt of what was sought is the reader's alone, the reason stands beside the log."""
    got = await desk.look_up("Nora Ek", pb.LOOK_UP_BY_NAME)
    index, said, leaf = desk.last_read()
    assert desk.identity.sizes == [index + 1]
    assert (index, said["method"], said["query_by"]) == (got.read_index, "LookUp", "name")
    assert said["query_sought_commitment"] == text_commitment(got.salt, b"Nora Ek")
    assert b"Nora" not in leaf
    assert b"case" not in leaf
    (reason,) = TextReader(desk.audit.store).of_leaves([index])[index]
    assert (reason.field, reason.content) == ("query_reason", b"case 7/26")
    assert said["query_reason_commitment"] == text_commitment(reason.salt, reason.content)
    with desk.audit.store.connection() as connection:
        rows = connection.execute(b"SELECT content FROM leaf_texts").fetchall()
    assert not any(b"Nora Ek" in bytes(row["content"]) for row in rows)

    await desk.disclose(await desk.leaf_of("identity.party_registered.v1", "party_id", NORA))
    index, _, _ = desk.last_read()
    identity.add("PartyErased.v1", erased(NORA))
    await desk.audit.follow(identity)
    (reason,) = TextReader(desk.audit.store).of_leaves([index])[index]
    assert (reason.salt, reason.content) == (b"", b"")


async def test_parties_are_found_by_ids_alone_and_an_erased_iban_is_refused(desk: Desk) -> None:
    """Pages go on where identity says; a token is good for its own question; who was erased is named as that."""
    desk.identity.found = [
        FoundParty(BOOK, NORA, b"1" * 16, b"", "name", erased=False),
        FoundParty(BOOK, IVO, b"2" * 16, b"", "owner.name", erased=False),
    ]
    first = await desk.look_up("Ek", pb.LOOK_UP_BY_NAME, page_size=1)
    second = await desk.look_up("Ek", pb.LOOK_UP_BY_NAME, page_size=1, page_token=first.next_page_token)
    assert [
        (each.subject_field, each.subject_id, each.found_by) for page in (first, second) for each in page.found
    ] == [
        ("party_id", NORA, "name"),
        ("party_id", IVO, "owner.name"),
    ]
    assert (first.complete, first.identity_position, second.next_page_token) == (True, 7, "")
    for sought, by in (("Other", pb.LOOK_UP_BY_NAME), ("Ek", pb.LOOK_UP_BY_TEXT)):
        with pytest.raises(PageTokenInvalid):
            await desk.look_up(sought, by, page_token=first.next_page_token)
    mirror = FoundParty(BOOK, BOOK, BOOK, identifier("mirror"), "bank_mirror", erased=False)
    desk.identity.found = [mirror]
    (found,) = (await desk.look_up("SE1", pb.LOOK_UP_BY_IBAN)).found
    assert (found.subject_field, found.subject_id) == ("account_id", identifier("mirror"))
    desk.identity.found = [FoundParty(BOOK, NORA, NORA, b"", "iban", erased=True)]
    with pytest.raises(SubjectErased):
        await desk.look_up("SE1", pb.LOOK_UP_BY_IBAN)


@pytest.mark.parametrize(
    "asked", [{"reason": ""}, {"sought": ""}, {"by": 0}, {"sought": "a\nb"}, {"reason": "x" * 281}]
)
async def test_without_a_reason_nobody_is_asked(desk: Desk, asked: dict[str, Any]) -> None:
    """A malformed request is refused, and no fact."""
    size = desk.audit.log.frontier.size
    request = pb.LookUpRequest(**{"by": pb.LOOK_UP_BY_NAME, "sought": "Nora", "reason": "case", **asked})
    with pytest.raises(InvalidArgument):
        await desk.servicer.LookUp(request, CONTEXT)
    assert (desk.audit.log.frontier.size, desk.identity.asked) == (size, [])
