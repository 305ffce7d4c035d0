"""Free text stands beside the log: no leaf has it, who may read the leaf sees it, it goes with whom it is about."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from ringfence_audit.bootstrap import rebuild
from ringfence_audit.index.api import servicer
from ringfence_audit.log.adapters.tile_model import TileModel
from ringfence_audit.log.application.commands import RecordPruned
from ringfence_audit.log.domain.leaf import decode, text_commitment
from ringfence_audit.log.domain.page import SourceEvent
from ringfence_audit.texts.adapters.text_rows import KeptTexts
from ringfence_audit.texts.application.pruning import Pruning
from ringfence_audit.texts.domain.retention import Retention, retention
from ringfence_audit.texts.domain.state import clients
from ringfence_audit.translation.application.translator import PUBLISHED, Translator
from ringfence_audit.translation.domain.accounts import Account, Accounts
from ringfence_kernel.store import EventStore
from ringfence_kernel.values.descriptions import Facts
from ringfence_protos.audit.v1 import audit_pb2
from ringfence_verifier import (
    Opening,
    open_fact,
    read_leaf,
    verify_answer,
    verify_checkpoint,
    verify_log,
    verify_receipt,
)

from .conftest import ORIGIN, Audit, running
from .events import free, made_up
from .feeds import BOOK, START_NS, SourceFeed, identifier, kyc_changed

CANARY = "Nora Mustermann"
CONTEXT: Any = None
NOT_IN_LEAVES = {("InstructionsRescreened.v1", "hit_digests")}
"""Described, and no field of a leaf at all."""
TOPICS = [(source, topic) for source, published in PUBLISHED.items() for topic in published]


@pytest.mark.parametrize(("source", "topic"), TOPICS, ids=[f"{source} {topic}" for source, topic in TOPICS])
def test_no_leaf_has_what_people_wrote(source: str, topic: str) -> None:
    """Of what is described as free text a leaf has a commitment alone, and the text is handed on beside."""
    description = PUBLISHED[source][topic]
    if description.facts is Facts.NONE:
        return
    feed, accounts = SourceFeed(source), Accounts({})
    for index in range(3):
        accounts.add(BOOK, index, Account(identifier(f"account {index}"), identifier("owner"), 978))
    event = feed.add(topic, made_up(description, CANARY))
    stored = SourceEvent(1, BOOK, 1, topic, event.state, event.hash, START_NS)
    translated = Translator(source, accounts).translate(stored)
    kinds = {decode(leaf)[0] for leaf in translated.leaves}
    assert f"{source}.event.v1" not in kinds, "the event that was made up is none"
    assert not any(CANARY.encode() in leaf for leaf in translated.leaves)
    handed = b"\n".join(text.content for text in translated.texts)
    for each in free(description):
        if (topic, each.name) not in NOT_IN_LEAVES:
            assert (f"{CANARY} {each.name}".encode().rjust(each.width, b".")[: each.width or None]) in handed
    for text in translated.texts:
        _, fields = decode(translated.leaves[text.leaf])
        assert fields[f"{text.field}_commitment"] == text_commitment(text.salt, text.content)
        assert text.field not in fields


def test_what_is_proposed_is_committed_to_by_its_hash_alone() -> None:
    """It may hold what people wrote: neither it nor a hash that a guess gives too is in the leaf, or shown."""
    description, feed = PUBLISHED["custody"]["ProposalMade.v1"], SourceFeed("custody")
    payload = b"an appointment ends because she left"
    event = feed.add("ProposalMade.v1", made_up(description, CANARY) | {"payload": payload})
    stored = SourceEvent(1, BOOK, 1, event.topic, event.state, event.hash, START_NS)
    translated = Translator("custody", Accounts({})).translate(stored)
    (leaf,), (text,) = translated.leaves, translated.texts
    digest = sha256(payload).digest()
    assert (text.field, text.content, text.is_text) == ("payload_sha256", digest, False)
    assert decode(leaf)[1]["payload_sha256_commitment"] == text_commitment(text.salt, digest)
    assert payload not in leaf
    assert digest not in leaf


@pytest.mark.parametrize(("words", "kept"), [("x" * 1_000, "note"), ("x" * 1_001, "note_sha256")])
def test_what_is_long_is_kept_by_its_hash(words: str, kept: str) -> None:
    """A text over 1,000 characters is committed to by its SHA-256, so that no answer grows by what somebody wrote."""
    feed = SourceFeed("identity")
    event = feed.add("KycChanged.v1", kyc_changed(note=words))
    stored = SourceEvent(1, BOOK, 1, event.topic, event.state, event.hash, START_NS)
    (text,) = Translator("identity", Accounts({})).translate(stored).texts
    assert (text.field, text.content) == (kept, words.encode() if kept == "note" else sha256(words.encode()).digest())


def test_a_leaf_tells_nothing_to_who_guesses_a_text() -> None:
    """The same text gives another commitment in every leaf and at every translation: only the salt opens it."""
    feed = SourceFeed("identity")
    event = feed.add("KycChanged.v1", kyc_changed(note="ok"))
    stored = SourceEvent(1, BOOK, 1, event.topic, event.state, event.hash, START_NS)
    seen = set()
    for _ in range(2):
        translated = Translator("identity", Accounts({})).translate(stored)
        (leaf,), (text,) = translated.leaves, translated.texts
        seen.add(decode(leaf)[1]["note_commitment"])
        assert len(text.salt) == 16
    assert len(seen) == 2
    assert not seen & {sha256(b"ok").digest(), text_commitment(b"", b"ok"), text_commitment(bytes(16), b"ok")}


NORA, IVO = identifier("nora"), identifier("ivo")
PAYMENT, OTHERS = identifier("of nora"), identifier("of ivo")


def received(*payments: tuple[bytes, bytes, str]) -> dict[str, Any]:
    """Gives payments as they are taken in: id, debtor's owner and end-to-end id of each."""
    rows, ids = len(payments), b"".join(each for each, _, _ in payments)
    return {
        "tenant": BOOK, "submission_id": identifier("batch"), "first_index": 0, "instruction_ids": ids,
        "end_to_end_ids": [said for _, _, said in payments], "debtor_accounts": ids,
        "debtor_owners": b"".join(owner for _, owner, _ in payments), "creditor_accounts": bytes(16 * rows),
        "creditor_owners": BOOK * rows, "creditor_indexes": ids, "amounts_minor": bytes(8 * rows),
        "ledgers": bytes(2 * rows), "execution_days": bytes(4 * rows), "debtor_sealed": [b"d"] * rows,
        "creditor_sealed": [b"c"] * rows,
    }  # fmt: skip


def directed(*payments: bytes, note: str) -> dict[str, Any]:
    """Gives what somebody decides of payments, and writes."""
    rows = len(payments)
    return {
        "tenant": BOOK, "submission_id": identifier("batch"), "directive": 4, "instruction_ids": b"".join(payments),
        "indexes": bytes(4 * rows), "reason": "", "details": {}, "actor": b"", "evidence": b"", "reference": "",
        "note": note,
    }  # fmt: skip


def erased(party: bytes) -> dict[str, Any]:
    """Gives the tombstone of a party."""
    return {"tenant": BOOK, "party": party, "by": identifier("operator")}


@pytest.fixture
def payments() -> SourceFeed:
    """A feed of payment-instruction."""
    return SourceFeed("payment-instruction")


async def shown(audit: Audit, tenant: bytes = BOOK) -> dict[str, set[str]]:
    """Gives what a search shows of a platform's texts, by field; each proven by its leaf."""
    await audit.publish()
    answer = await audit.servicer.Search(audit_pb2.SearchRequest(tenant_id=tenant, page_size=1_000), CONTEXT)
    found: dict[str, set[str]] = {}
    for leaf in answer.leaves:
        openings = [Opening(each.field, each.salt, each.content.decode()) for each in leaf.openings if each.salt]
        fact = open_fact(read_leaf(leaf.content), openings)
        for each in openings:
            found.setdefault(each.field, set()).add(fact.text(each.field))
    return found


@pytest.fixture
async def written(audit: Audit, identity: SourceFeed, payments: SourceFeed) -> Audit:
    """Nora and Ivo have paid in one batch, and people have written about both."""
    identity.add("KycChanged.v1", kyc_changed("nora", note="her passport has ended"))
    identity.add("KycChanged.v1", kyc_changed("ivo", note="all well"))
    payments.add("InstructionsReceived.v1", received((PAYMENT, NORA, "RENT-NORA"), (OTHERS, IVO, "RENT-IVO")))
    payments.add("InstructionsDirected.v1", directed(PAYMENT, OTHERS, note="both of them asked"))
    payments.add("InstructionsDirected.v1", directed(PAYMENT, note="she is abroad"))
    await audit.follow(identity)
    await audit.follow(payments)
    return audit


async def test_who_may_read_a_fact_reads_what_people_wrote_in_it(written: Audit) -> None:
    """A search and a receipt bring the texts with their salts, and the leaf proves them; whole logs do not."""
    assert await shown(written) == {
        "note": {"her passport has ended", "all well", "both of them asked", "she is abroad"},
        "end_to_end_id": {"RENT-NORA", "RENT-IVO"},
    }
    got = await written.servicer.GetReceipt(audit_pb2.GetReceiptRequest(leaf_index=0), CONTEXT)
    (opening,) = got.openings
    proven = verify_receipt(got.proof, written.signer.key.text())
    said = Opening(opening.field, opening.salt, opening.content.decode())
    assert open_fact(read_leaf(proven.leaf), [said]).text("note") == "her passport has ended"
    listed = await written.servicer.ListLeaves(audit_pb2.ListLeavesRequest(), CONTEXT)
    assert not any(leaf.openings for leaf in listed.leaves)
    assert not any(text in leaf.content for leaf in listed.leaves for text in (b"RENT-", b"passport", b"abroad"))


async def answered(audit: Audit, subject: bytes) -> tuple[list[str], int]:
    """Gives the words in all pieces of a complete answer, in order, each proven, and how many pieces there are."""
    await audit.publish()
    words, at, pieces = list[str](), 0, 0
    while True:
        request = audit_pb2.GetAnswerRequest(subject_id=subject, from_leaf=at)
        reply = await audit.servicer.GetAnswer(request, CONTEXT)
        piece = verify_answer(reply.answer, audit.signer.key.text())
        assert (piece.from_leaf, piece.until_leaf) == (at, reply.next_leaf or piece.state.index_size)
        facts, pieces = dict(piece.facts), pieces + 1
        for told in reply.openings:
            openings = [Opening(each.field, each.salt, each.content.decode()) for each in told.openings if each.salt]
            fact = open_fact(facts[told.leaf_index], openings)
            words += [fact.text(each.field) for each in openings]
        if not (at := reply.next_leaf):
            return words, pieces


async def test_a_complete_answer_comes_in_words(written: Audit, identity: SourceFeed) -> None:
    """All that people wrote in the facts about a subject, as far as it is kept."""
    assert await answered(written, PAYMENT) == (["RENT-NORA", "both of them asked", "she is abroad"], 1)
    assert await answered(written, OTHERS) == (["RENT-IVO", "both of them asked"], 1)
    identity.add("PartyErased.v1", erased(NORA))
    await written.follow(identity)
    assert await answered(written, PAYMENT) == ([], 1)


async def test_an_answer_is_cut_where_its_words_would_be_too_long(
    written: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its pieces follow one another without a gap, and no word is lost."""
    monkeypatch.setattr(servicer, "TEXT_BYTES", 2 * servicer.OPENING_BYTES + len("RENT-NORA" + "both of them asked"))
    assert await answered(written, PAYMENT) == (["RENT-NORA", "both of them asked", "she is abroad"], 2)
    monkeypatch.setattr(servicer, "TEXT_BYTES", 1)
    assert await answered(written, PAYMENT) == (["RENT-NORA", "both of them asked", "she is abroad"], 3)


async def test_what_is_about_somebody_erased_goes_and_every_proof_stays(written: Audit, identity: SourceFeed) -> None:
    """His texts and those about his payments go; leaves, checkpoints and the texts of others stay."""
    await written.publish()
    before = (await written.servicer.ListLeaves(audit_pb2.ListLeavesRequest(), CONTEXT)).leaves
    identity.add("PartyErased.v1", erased(NORA))
    await written.follow(identity)
    assert await shown(written) == {"note": {"all well", "both of them asked"}, "end_to_end_id": {"RENT-IVO"}}
    after = (await written.servicer.ListLeaves(audit_pb2.ListLeavesRequest(), CONTEXT)).leaves
    assert [leaf.content for leaf in after[: len(before)]] == [leaf.content for leaf in before]
    signed = written.log.signed
    assert signed is not None
    checkpoint = verify_checkpoint(signed.note, written.signer.key.text())
    assert verify_log([leaf.content for leaf in after[: checkpoint.size]], checkpoint).size == checkpoint.size
    report = await asyncio.to_thread(rebuild, written.store, ORIGIN, compare=True)
    assert set(report.differences.values()) == {0}
    with written.store.connection() as connection:
        rows = connection.execute(b"SELECT content FROM leaf_texts WHERE content IS NOT NULL").fetchall()
    assert not any(text in bytes(row["content"]) for row in rows for text in (b"NORA", b"passport", b"abroad"))


async def test_the_number_of_a_file_goes_with_whoever_pays_in_it(
    written: Audit, identity: SourceFeed, payments: SourceFeed
) -> None:
    """A platform may have called a file by its payer: what is said of the submission goes with each of its payers."""
    file = {
        "tenant": BOOK, "submission_id": identifier("batch"), "kind": 2, "instruction_count": 2, "digest": b"d" * 32,
        "maker": identifier("maker"), "authorisation": "token", "authorisation_expires_ns": 1, "message_id": "NORA-1",
        "status_report": b"",
    }  # fmt: skip
    payments.add("SubmissionReceived.v1", file)
    payments.add("SubmissionReceived.v1", file | {"submission_id": identifier("another"), "message_id": "IVO-1"})
    await written.follow(payments)
    assert (await shown(written))["message_id"] == {"NORA-1", "IVO-1"}
    identity.add("PartyErased.v1", erased(NORA))
    await written.follow(identity)
    assert (await shown(written))["message_id"] == {"IVO-1"}


async def test_what_comes_late_about_somebody_erased_is_not_kept(
    written: Audit, identity: SourceFeed, payments: SourceFeed
) -> None:
    """Feeds go at their own pace: a text that arrives after the erasure, by himself or by his payment, never stands."""
    identity.add("PartyErased.v1", erased(NORA))
    await written.follow(identity)
    payments.add("InstructionsDirected.v1", directed(PAYMENT, OTHERS, note="late about both"))
    payments.add("InstructionsReceived.v1", received((identifier("late"), NORA, "LATE-NORA")))
    payments.add("InstructionsDirected.v1", directed(identifier("late"), note="late about her"))
    await written.follow(payments)
    assert await shown(written) == {
        "note": {"all well", "both of them asked", "late about both"},
        "end_to_end_id": {"RENT-IVO"},
    }
    answer = await written.servicer.Search(audit_pb2.SearchRequest(subject_id=identifier("late")), CONTEXT)
    assert [[each.salt for each in leaf.openings] for leaf in answer.leaves] == [[b""], [b""]]


async def test_a_log_started_again_knows_who_was_erased(
    written: Audit, identity: SourceFeed, payments: SourceFeed, audit_store: EventStore
) -> None:
    """Who was erased, and who is held, are read from the leaves: a restart, or a restored database, forgets neither."""
    identity.add("LegalHoldPlaced.v1", erased(IVO) | {"order_reference": "3 O 17/26 against Ivo"})
    identity.add("LegalHoldPlaced.v1", erased(IVO) | {"order_reference": "another"})
    identity.add("LegalHoldLifted.v1", erased(IVO) | {"order_reference": "another"})
    identity.add("PartyErased.v1", erased(NORA))
    await written.follow(identity)
    async with running(audit_store, [identity, payments]) as again:
        assert again.parties.erased.keys() == set(clients(BOOK, NORA))
        assert again.parties.held == dict.fromkeys(clients(BOOK, IVO), 1)
        payments.add("InstructionsReceived.v1", received((identifier("late"), NORA, "LATE-NORA")))
        await again.follow(payments)
        assert "LATE-NORA" not in (await shown(again))["end_to_end_id"]


def pruned(audit: Audit, now_ns: Callable[[], int]) -> Pruning:
    """Gives what prunes a log by a clock."""
    record = RecordPruned(audit.writer, audit.log, TileModel())
    return Pruning(record, audit.parties, KeptTexts(audit.store), now_ns)


TEN_YEARS_NS = 10 * 366 * 86_400 * 10**9


async def test_texts_are_kept_as_long_as_their_class_and_proofs_for_ever(written: Audit) -> None:
    """What was found of clients goes after five years, payments after ten; each is a fact, and no leaf changes."""
    await written.publish()
    before = (await written.servicer.ListLeaves(audit_pb2.ListLeavesRequest(), CONTEXT)).leaves
    now_ns = START_NS
    pruning = pruned(written, lambda: now_ns)
    size = written.log.frontier.size
    for years, left in ((1, 7), (4.99, 7), (5.01, 5), (9.99, 5), (10.01, 0)):
        now_ns = START_NS + int(years * TEN_YEARS_NS / 10)
        await pruning.look()
        await pruning.look()
        with written.store.connection() as connection:
            row = connection.execute(b"SELECT count(*) FROM leaf_texts").fetchone()
        assert row is not None
        assert row["count"] == left
    await written.publish()
    after = (await written.servicer.ListLeaves(audit_pb2.ListLeavesRequest(), CONTEXT)).leaves
    assert [leaf.content for leaf in after[: len(before)]] == [leaf.content for leaf in before]
    facts = [read_leaf(leaf.content) for leaf in after[size:]]
    assert [fact.text("retention") for fact in facts if fact.kind == "audit.pruned.v1"] == ["DUE_DILIGENCE", "VOUCHERS"]
    report = await asyncio.to_thread(rebuild, written.store, ORIGIN, compare=True)
    assert set(report.differences.values()) == {0}


async def test_what_an_order_holds_is_kept_until_it_is_lifted(written: Audit, identity: SourceFeed) -> None:
    """Whom an order holds, his payments and what was written about these stay; without the order they go."""
    identity.add("LegalHoldPlaced.v1", erased(IVO) | {"order_reference": "3 O 17/26"})
    await written.follow(identity)
    late_ns = START_NS + 2 * TEN_YEARS_NS
    pruning = pruned(written, lambda: late_ns)
    await pruning.look()
    held = {"note": {"all well", "both of them asked"}, "end_to_end_id": {"RENT-IVO"}, "order_reference": {"3 O 17/26"}}
    assert await shown(written) == held
    identity.add("LegalHoldLifted.v1", erased(IVO) | {"order_reference": "3 O 17/26"})
    await written.follow(identity)
    await pruning.look()
    assert await shown(written) == {}


async def test_a_class_is_said_of_every_kind() -> None:
    """Who a client is, who may act, and all else, which is kept as payments are."""
    of = {
        "identity.kyc_changed.v1": Retention.DUE_DILIGENCE,
        "payment-instruction.client_blocked.v1": Retention.DUE_DILIGENCE,
        "identity.principal_suspended.v1": Retention.AUTHORITY,
        "custody.proposal_voided.v1": Retention.AUTHORITY,
        "payment-instruction.instruction.v1": Retention.VOUCHERS,
        "custody.break_stepped.v1": Retention.VOUCHERS,
    }
    assert {kind: retention(kind) for kind in of} == of
