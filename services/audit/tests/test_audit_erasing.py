"""What is about somebody erased is found whatever names it, whenever it comes, and however much it is."""

from __future__ import annotations

from typing import Any

import pytest
from ringfence_audit.log.adapters.bundle_reader import BundleReader
from ringfence_audit.log.adapters.stored_leaves import ChainedLeaves
from ringfence_audit.log.adapters.tile_reader import TileReader
from ringfence_audit.log.api.taken_over import TakenOverServicer
from ringfence_audit.log.application.commands import LogStanding
from ringfence_audit.log.application.queries import Queries
from ringfence_audit.log.domain.events import EVENTS
from ringfence_audit.texts.adapters import text_rows
from ringfence_audit.texts.adapters.erasures import erasures
from ringfence_audit.texts.adapters.text_rows import KeptTexts
from ringfence_audit.texts.application import erasing as erasing_module
from ringfence_audit.texts.application.erasing import Erasing
from ringfence_audit.translation.application.translator import PUBLISHED
from ringfence_audit.translation.domain.links import link_in, tenant_in
from ringfence_kernel.access.caller import Caller, calling
from ringfence_kernel.store import GENESIS, ChainBroken
from ringfence_kernel.store.codec import EventCodec
from ringfence_local_stack.servers.database import Database
from ringfence_protos.audit.v1.taken_over_pb2 import GetTakenOverRequest

from .conftest import Audit
from .events import made_up
from .feeds import BOOK, START_NS, SourceFeed, identifier, kyc_changed
from .rights.readers import registered
from .test_audit_log import as_owner
from .test_audit_texts import IVO, NORA, OTHERS, PAYMENT, TEN_YEARS_NS, directed, erased, pruned, received, shown

BATCH, ENTRY = identifier("batch"), identifier("entry")
FILE = {
    "tenant": BOOK, "submission_id": BATCH, "kind": 2, "instruction_count": 2, "digest": b"d" * 32,
    "maker": identifier("maker"), "authorisation": "token", "authorisation_expires_ns": 1, "message_id": "OF-THE-FILE",
    "status_report": b"",
}  # fmt: skip
RELEASED = {
    "tenant": BOOK, "entry": ENTRY, "findings": b"", "document_sha256": b"s" * 32, "note": "of the entry", "actor": IVO,
}  # fmt: skip
WORKED_OFF = {
    "tenant": BOOK, "exception": identifier("e"), "outcome": 1, "instruction": PAYMENT, "document_sha256": b"s" * 32,
    "note": "of hers", "actor": IVO,
}  # fmt: skip


@pytest.fixture
def payments() -> SourceFeed:
    """A feed of payment-instruction."""
    return SourceFeed("payment-instruction")


def entry(owner: bytes, instruction: bytes) -> dict[str, Any]:
    """Gives a bank entry as it was taken in, without a word."""
    made = made_up(PUBLISHED["payment-instruction"]["EvidenceReceived.v1"], "")
    ids = {"entry_ids": ENTRY, "owners": owner, "instruction_ids": instruction}
    return made | ids | {"tenant": BOOK, "message_id": "", "references": [""], "entry_digests": bytes(32)}


def confirmed(subject: bytes, note: str) -> dict[str, Any]:
    """Gives what somebody writes on what two people do about a subject."""
    made = made_up(PUBLISHED["payment-instruction"]["ProposalConfirmed.v1"], note)
    return made | {"tenant": BOOK, "subject": subject, "note": note}


def kept(audit: Audit) -> set[bytes]:
    """Gives all that is in the table."""
    with audit.store.connection() as connection:
        rows = connection.execute(b"SELECT content FROM leaf_texts WHERE content IS NOT NULL").fetchall()
    return {bytes(row["content"]) for row in rows}


def erasing(audit: Audit) -> Erasing:
    """Gives what erases in the process that leads."""
    store = audit.store
    queries = Queries(TileReader(store), ChainedLeaves(store, EventCodec(EVENTS)), BundleReader(store))

    async def size() -> int:
        return audit.log.frontier.size

    return Erasing(audit.parties, KeptTexts(store), queries, link_in, tenant_in, size)


async def test_the_number_of_a_file_goes_though_its_payments_come_later(
    audit: Audit, identity: SourceFeed, payments: SourceFeed
) -> None:
    """The tombstone comes first, then the file, then whose payments are in it: the file's number does not stay."""
    identity.add("PartyErased.v1", erased(NORA))
    await audit.follow(identity)
    payments.add("SubmissionReceived.v1", FILE)
    await audit.follow(payments)
    assert kept(audit) == {b"OF-THE-FILE"}
    payments.add("InstructionsReceived.v1", received((PAYMENT, NORA, ""), (OTHERS, IVO, "RENT-IVO")))
    await audit.follow(payments)
    assert kept(audit) == {b"RENT-IVO"}


ABOUT = {
    "a decision on a payment without a word": [("InstructionsDirected.v1", directed(PAYMENT, note="of hers"))],
    "what two people do about a payment": [("ProposalConfirmed.v1", confirmed(PAYMENT, "of hers"))],
    "what two people do about an entry": [
        ("EvidenceReceived.v1", entry(NORA, bytes(16))),
        ("ProposalConfirmed.v1", confirmed(ENTRY, "of hers")),
    ],
    "an entry of a payment": [("EvidenceReceived.v1", entry(bytes(16), PAYMENT)), ("SuspendedReleased.v1", RELEASED)],
    "an entry of another's": [("EvidenceReceived.v1", entry(IVO, PAYMENT)), ("SuspendedReleased.v1", RELEASED)],
    "an entry that is hers": [
        ("EvidenceReceived.v1", entry(NORA, identifier("unknown"))),
        ("SuspendedReleased.v1", RELEASED),
    ],
    "an answer that was worked off": [("AnswerWorkedOff.v1", WORKED_OFF)],
}  # fmt: skip
LISTED = {
    "BankMovements.v1": {"entry_ids": ENTRY, "references": b"r" * 16, "part_references": b""},
    "EntryHeld.v1": {"entry_ids": ENTRY, "references": b"r" * 16},
    "MovementsToldAgain.v1": {"entry_ids": ENTRY, "references": b"r" * 16},
    "MovementsTold.v1": {"part_clients": NORA, "references": b"r" * 16},
}
for _topic, _listed in LISTED.items():
    made = made_up(PUBLISHED["payment-instruction"][_topic], "")
    ABOUT[_topic] = [("EvidenceReceived.v1", entry(NORA, PAYMENT)), (_topic, made | {"tenant": BOOK, **_listed})]


@pytest.mark.parametrize("is_late", [False, True])
@pytest.mark.parametrize("what", ABOUT)
async def test_what_names_a_payment_or_an_entry_goes_with_whose_it_is(
    audit: Audit, identity: SourceFeed, payments: SourceFeed, what: str, is_late: bool
) -> None:
    """Whether it was there at the erasure, or comes after it; what is of nobody erased stays."""
    payments.add("InstructionsReceived.v1", received((PAYMENT, NORA, ""), (OTHERS, IVO, "RENT-IVO")))
    payments.add("InstructionsDirected.v1", directed(OTHERS, note="of his"))
    identity.add("PartyErased.v1", erased(NORA))
    if is_late:
        await audit.follow(identity)
    for topic, event in ABOUT[what]:
        payments.add(topic, event)
    await audit.follow(payments)
    stays = {b"RENT-IVO", b"of his"}
    assert is_late or kept(audit) > stays
    await audit.follow(identity)
    assert kept(audit) == stays


async def test_an_order_holds_what_was_written_on_a_payment_without_a_word(
    audit: Audit, identity: SourceFeed, payments: SourceFeed
) -> None:
    """Pruning finds it by the same link, with the number of the file that the payment came in."""
    payments.add("SubmissionReceived.v1", FILE)
    payments.add("InstructionsReceived.v1", received((PAYMENT, NORA, ""), (OTHERS, IVO, "")))
    payments.add("EvidenceReceived.v1", entry(bytes(16), PAYMENT))
    payments.add("SuspendedReleased.v1", RELEASED)
    payments.add("InstructionsDirected.v1", directed(PAYMENT, note="of hers"))
    payments.add("InstructionsDirected.v1", directed(OTHERS, note="of his"))
    await audit.follow(payments)
    identity.add("LegalHoldPlaced.v1", erased(NORA) | {"order_reference": ""})
    await audit.follow(identity)
    await pruned(audit, lambda: START_NS + 2 * TEN_YEARS_NS).look()
    assert kept(audit) == {b"OF-THE-FILE", b"of the entry", b"of hers"}


@pytest.mark.parametrize("is_done", [False, True])
async def test_a_payment_that_another_release_took_over_is_found(
    audit: Audit, identity: SourceFeed, payments: SourceFeed, audit_database: Database, is_done: bool
) -> None:
    """Its leaf is in the log, and no link: whoever leads fills them, also for whom nothing was left to wipe."""
    identity.add("PartyErased.v1", erased(NORA))
    payments.add("InstructionsReceived.v1", received((PAYMENT, NORA, ""), (OTHERS, IVO, "RENT-IVO")))
    payments.add("EvidenceReceived.v1", entry(NORA, PAYMENT))
    await audit.follow(payments)
    links = rows(audit, "SELECT * FROM text_links ORDER BY leaf")
    assert len(links) == 3
    as_owner(audit_database, "DELETE FROM text_links")
    as_owner(audit_database, "INSERT INTO erased_clients VALUES (%s, %s, %s)", BOOK, NORA, None if is_done else 0)
    payments.add("InstructionsDirected.v1", directed(PAYMENT, note="of hers"))
    await audit.follow(payments)
    await audit.follow(identity)
    assert kept(audit) == {b"of hers", b"RENT-IVO"}
    leads = erasing(audit)
    await leads.begin(audit.log.frontier.size)
    await leads.look()
    assert rows(audit, "SELECT * FROM text_links ORDER BY leaf") == links
    assert kept(audit) == {b"RENT-IVO"}
    assert KeptTexts(audit.store).reached() == audit.log.frontier.size


async def test_leaves_that_have_brought_their_links_are_not_looked_through_by_the_next_term(
    audit: Audit, payments: SourceFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How far they went a look ago is noted now and then; a term reads what came after that."""
    monkeypatch.setattr(erasing_module, "LEAVES_AT_ONCE", 3)
    leads, after, read = erasing(audit), erasing(audit), list[int]()
    for each in (leads, after):
        monkeypatch.setattr(each, "link_in", lambda index, leaf: read.append(index))
    await leads.begin(audit.log.frontier.size)
    payments.add("InstructionsReceived.v1", received((PAYMENT, NORA, ""), (OTHERS, IVO, "RENT-IVO")))
    await audit.follow(payments)
    size = audit.log.frontier.size
    await leads.look()
    assert KeptTexts(audit.store).reached() == 0
    await leads.look()
    assert KeptTexts(audit.store).reached() == size
    payments.add("InstructionsDirected.v1", directed(PAYMENT, note="of hers"))
    await audit.follow(payments)
    await leads.look()
    assert KeptTexts(audit.store).reached() == size < audit.log.frontier.size
    assert read == []
    await after.begin(audit.log.frontier.size)
    await after.look()
    assert read == list(range(size, audit.log.frontier.size))


def rows(audit: Audit, query: str) -> list[Any]:
    """Gives what a query finds."""
    with audit.store.connection() as connection:
        return connection.execute(query.encode()).fetchall()


async def test_a_release_that_keeps_no_texts_has_taken_the_tombstone_over(
    audit: Audit, identity: SourceFeed, payments: SourceFeed, audit_database: Database
) -> None:
    """Whoever begins to lead shows nothing of the erased any more, before it wipes; and does so once."""
    identity.add("KycChanged.v1", kyc_changed("nora", note="her passport has ended"))
    await audit.follow(identity)
    texts = rows(audit, "SELECT leaf, salt, content FROM leaf_texts")
    identity.add("PartyErased.v1", erased(NORA))
    await audit.follow(identity)
    as_owner(audit_database, "DELETE FROM erased_clients")
    for row in texts:
        change = "UPDATE leaf_texts SET salt = %s, content = %s WHERE leaf = %s"
        as_owner(audit_database, change, row["salt"], row["content"], row["leaf"])
    assert await shown(audit) == {"note": {"her passport has ended"}}
    leads = erasing(audit)
    await leads.begin(audit.log.frontier.size)
    assert await shown(audit) == {}
    assert kept(audit) == {b"her passport has ended"}
    await leads.look()
    assert kept(audit) == set()
    await leads.begin(audit.log.frontier.size)
    assert not KeptTexts(audit.store).wipe_some()


async def test_many_payments_are_wiped_in_parts_and_shown_no_more_at_once(
    audit: Audit, identity: SourceFeed, payments: SourceFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The transaction of the tombstone wipes a bounded part; nothing of the rest is shown while it waits."""
    hers = [(identifier(f"payment {number}"), NORA, f"NORA-{number}") for number in range(7)]
    payments.add("InstructionsReceived.v1", received(*hers, (OTHERS, IVO, "RENT-IVO")))
    payments.add("InstructionsDirected.v1", directed(*(each for each, _, _ in hers), note="of hers"))
    await audit.follow(payments)
    assert len(kept(audit)) == 9
    monkeypatch.setattr(text_rows, "LINKS_AT_ONCE", 3)
    identity.add("PartyErased.v1", erased(NORA))
    await audit.follow(identity)
    assert kept(audit) == {b"NORA-3", b"NORA-4", b"NORA-5", b"NORA-6", b"of hers", b"RENT-IVO"}
    assert await shown(audit) == {"end_to_end_id": {"RENT-IVO"}}
    texts = KeptTexts(audit.store)
    parts = 0
    while texts.wipe_some():
        parts += 1
    assert parts == 3 + 1, "three of hers, and none by the id that is another's"
    assert kept(audit) == {b"RENT-IVO"}


async def test_what_was_erased_leaves_the_files_of_the_table_soon(audit: Audit) -> None:
    """PostgreSQL vacuums the table, and what it keeps aside, after any change, whatever their size."""
    (table,) = rows(audit, "SELECT reloptions, reltoastrelid FROM pg_class WHERE relname = 'leaf_texts'")
    (aside,) = rows(audit, f"SELECT reloptions FROM pg_class WHERE oid = {table['reltoastrelid']}")
    for options in (table["reloptions"], aside["reloptions"]):
        assert sorted(options) == ["autovacuum_vacuum_scale_factor=0", "autovacuum_vacuum_threshold=0"]


async def test_whoever_lost_the_register_has_the_erased_from_leaves(
    audit: Audit, identity: SourceFeed, audit_database: Database
) -> None:
    """Every tombstone with its tenant and where it stands, and nothing else; a log that was changed lists nobody."""
    for topic, event in (("KycChanged.v1", kyc_changed()), ("PartyErased.v1", erased(NORA))) * 2:
        identity.add(topic, event)
    assert erasures(audit.store) == []
    await audit.follow(identity)
    assert erasures(audit.store) == [
        {"tenant": BOOK.hex(), "party": NORA.hex(), "position": position, "taken": False} for position in ("2", "4")
    ]
    as_owner(audit_database, "ALTER TABLE stored_events DISABLE TRIGGER ALL")
    as_owner(audit_database, "UPDATE stored_events SET state = state || %s WHERE notification_id = 1", b"x")
    with pytest.raises(ChainBroken):
        erasures(audit.store)


@pytest.mark.parametrize(
    ("claims", "taken"),
    [
        (("ours",), False),
        (("ours", "theirs", "a principal"), False),
        (("theirs", "ours"), True),
        (("a principal", "ours"), True),
    ],
)
async def test_the_log_tells_whose_ids_were_anothers_before(
    audit: Audit, identity: SourceFeed, claims: tuple[str, ...], taken: bool
) -> None:
    """Whoever had the id first is the subject of that id; a client of the same id is another, whatever is restored."""
    other = identifier("another platform")
    facts = {
        "ours": ("PartyRegistered.v1", registered_party(BOOK, NORA)),
        "theirs": ("PartyRegistered.v1", registered_party(other, NORA)),
        "a principal": ("PrincipalRegistered.v1", registered(NORA)),
    }
    for topic, event in (*(facts[each] for each in claims), ("PartyErased.v1", erased(NORA))):
        identity.add(topic, event)
    await audit.follow(identity)
    (found,) = erasures(audit.store)
    assert (found["party"], found["taken"]) == (NORA.hex(), taken)


def registered_party(tenant: bytes, party: bytes) -> dict[str, Any]:
    """Gives the registration of a client."""
    fields = {"tenant": tenant, "party": party, "kind": "PERSON", "personal": {}, "identity_index": b"i" * 32}
    return {**fields, "digest": b"d" * 32, "by": identifier("operator")}


async def test_a_source_is_told_how_far_it_is_signed(audit: Audit, identity: SourceFeed) -> None:
    """What is taken over counts once a checkpoint covers it; who calls is told of its own feed alone."""
    asking = TakenOverServicer(LogStanding(audit.writer, audit.log))

    async def told(service: str) -> tuple[int, bytes]:
        with calling(Caller(f"spiffe://ringfence.local/service/{service}", service, bytes(16), "thumbprint")):
            said = await asking.GetTakenOver(GetTakenOverRequest(), None)
        return said.position, said.hash

    assert await told("identity") == (0, GENESIS)
    first = identity.add("KycChanged.v1", kyc_changed())
    await audit.follow(identity)
    assert await told("identity") == (0, GENESIS)
    await audit.publish()
    identity.add("PartyErased.v1", erased(NORA))
    await audit.follow(identity)
    assert await told("identity") == (1, first.hash)
    assert await told("custody") == (0, GENESIS)
