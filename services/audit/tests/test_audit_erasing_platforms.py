"""Ids are a platform's own: an erasure or an order of one touches nothing of another's under the same ids."""

from __future__ import annotations

from typing import Any

import pytest
from ringfence_audit.texts.domain.state import clients
from ringfence_audit.translation.application.translator import PUBLISHED
from ringfence_local_stack.servers.database import Database

from .conftest import Audit
from .events import made_up
from .feeds import BOOK, START_NS, SourceFeed, identifier, kyc_changed
from .test_audit_erasing import ENTRY, FILE, confirmed, entry, erasing, kept, rows
from .test_audit_log import as_owner
from .test_audit_texts import NORA, OTHERS, PAYMENT, TEN_YEARS_NS, directed, erased, pruned, received, shown

THEIRS = identifier("another platform")


WRITTEN = {
    "a decision on a client": [("KycChanged.v1", kyc_changed("nora", note="{}"))],
    "a confirmation": [("ProposalConfirmed.v1", confirmed(NORA, "{}"))],
}
PAID = {
    "an end-to-end id": [("InstructionsReceived.v1", received((PAYMENT, NORA, "{}")))],
    "a decision on a payment": [
        ("InstructionsDirected.v1", directed(PAYMENT, note="{}")),
        ("InstructionsReceived.v1", received((PAYMENT, NORA, ""))),
    ],
    "what two people do about an entry": [
        ("EvidenceReceived.v1", entry(NORA, bytes(16))),
        ("ProposalConfirmed.v1", confirmed(ENTRY, "{}")),
    ],
    "the number of a file": [
        ("SubmissionReceived.v1", FILE | {"message_id": "{}"}),
        ("InstructionsReceived.v1", received((PAYMENT, NORA, ""))),
    ],
}  # fmt: skip


@pytest.fixture
def payments() -> SourceFeed:
    """A feed of payment-instruction."""
    return SourceFeed("payment-instruction")


def says(event: dict[str, Any], text: str) -> dict[str, Any]:
    """Gives an event with a text in the place of {}."""
    listed = {
        name: [text if each == "{}" else each for each in value] for name, value in event.items() if value == ["{}"]
    }
    return event | listed | {name: text for name, value in event.items() if value == "{}"}


@pytest.mark.parametrize("is_late", [False, True])
@pytest.mark.parametrize("what", [*WRITTEN, *PAID])
async def test_what_another_platform_has_under_the_same_ids_stays(
    audit: Audit, identity: SourceFeed, payments: SourceFeed, what: str, is_late: bool
) -> None:
    """Ids are a platform's own: hers goes, whatever a client, a payment, an entry or a file of another is called."""
    if is_late:
        identity.add("PartyErased.v1", erased(NORA))
        await audit.follow(identity)
    feed = identity if what in WRITTEN else payments
    for tenant, text in ((BOOK, "ours"), (THEIRS, "theirs")):
        for topic, event in (WRITTEN | PAID)[what]:
            feed.add(topic, says(event, text) | {"tenant": tenant})
    await audit.follow(feed)
    assert is_late or kept(audit) == {b"ours", b"theirs"}
    if not is_late:
        identity.add("PartyErased.v1", erased(NORA))
        await audit.follow(identity)
    assert kept(audit) == {b"theirs"}
    assert list((await shown(audit, THEIRS)).values()) == [{"theirs"}]
    assert await shown(audit) == {}


async def test_an_order_of_another_platform_holds_nothing(
    audit: Audit, identity: SourceFeed, payments: SourceFeed
) -> None:
    """What is too old goes, where an order holds a client of another platform by the same id; his own is held."""
    for tenant, text in ((BOOK, "ours"), (THEIRS, "theirs")):
        for topic, event in (*PAID["a decision on a payment"], *WRITTEN["a confirmation"]):
            payments.add(topic, says(event, text) | {"tenant": tenant})
    await audit.follow(payments)
    identity.add("LegalHoldPlaced.v1", erased(NORA) | {"order_reference": "", "tenant": THEIRS})
    await audit.follow(identity)
    await pruned(audit, lambda: START_NS + 2 * TEN_YEARS_NS).look()
    assert rows(audit, "SELECT DISTINCT content FROM leaf_texts") == [{"content": b"theirs"}]


async def test_what_names_a_client_by_the_id_of_her_stream_goes(
    audit: Audit, identity: SourceFeed, payments: SourceFeed
) -> None:
    """Where another had her id before, payments and two people's acts name her by an id that nobody has (ADR 23)."""
    (_, (_, stream)) = clients(BOOK, NORA)
    payments.add("InstructionsReceived.v1", received((PAYMENT, stream, "RENT-NORA"), (OTHERS, NORA, "")))
    payments.add("ProposalConfirmed.v1", confirmed(stream, "of hers"))
    await audit.follow(payments)
    assert kept(audit) == {b"RENT-NORA", b"of hers"}
    identity.add("PartyErased.v1", erased(NORA))
    await audit.follow(identity)
    assert kept(audit) == set()


async def test_whose_texts_of_a_release_before_are_is_read_from_their_leaves(
    audit: Audit, identity: SourceFeed, payments: SourceFeed, audit_database: Database
) -> None:
    """Until then nothing is shown that may be hers, nothing is wiped that may be another's, and orders hold both."""
    for tenant, text in ((BOOK, "ours"), (THEIRS, "theirs")):
        for topic, event in (*PAID["a decision on a payment"], *WRITTEN["a confirmation"]):
            payments.add(topic, says(event, text) | {"tenant": tenant})
    await audit.follow(payments)
    for table in ("leaf_texts", "text_links"):
        as_owner(audit_database, f"UPDATE {table} SET tenant = NULL")
    identity.add("PartyErased.v1", erased(NORA))
    identity.add("LegalHoldPlaced.v1", erased(NORA) | {"order_reference": "", "tenant": THEIRS})
    await audit.follow(identity)
    assert kept(audit) >= {b"ours", b"theirs"}
    assert (await shown(audit), await shown(audit, THEIRS)) == ({}, {})
    await pruned(audit, lambda: START_NS + 2 * TEN_YEARS_NS).look()
    assert kept(audit) >= {b"ours", b"theirs"}
    of_the_house = made_up(PUBLISHED["payment-instruction"]["SanctionsListRetired.v1"], "ended")
    payments.add("SanctionsListRetired.v1", of_the_house)
    await audit.follow(payments)
    as_owner(audit_database, "UPDATE leaf_texts SET tenant = NULL")
    leads = erasing(audit)
    await leads.begin(audit.log.frontier.size)
    await leads.look()
    assert kept(audit) == {b"theirs", b"ended note"}
    assert rows(audit, "SELECT leaf FROM leaf_texts WHERE tenant IS NULL") == []
    assert rows(audit, "SELECT leaf FROM text_links WHERE tenant IS NULL") == []
