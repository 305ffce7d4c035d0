"""Translation: one leaf per fact from what sources describe, one for what is damaged, none for what is unknown."""

from __future__ import annotations

import struct
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ringfence_audit.log.application.pages import as_far_as_known, pages_of
from ringfence_audit.log.domain.checkpoint import SourceHead
from ringfence_audit.log.domain.leaf import Value, commitment, decode, encode
from ringfence_audit.log.domain.page import MAX_PAGE_EVENTS, SourceEvent
from ringfence_audit.translation.application.translator import PUBLISHED, Translation, Translator, splits
from ringfence_audit.translation.domain import payment
from ringfence_audit.translation.domain.accounts import Accounts
from ringfence_audit.translation.domain.rows import Cells, Table
from ringfence_audit.translation.domain.state import State
from ringfence_kernel.feed import EventUnknown
from ringfence_kernel.store import GENESIS
from ringfence_kernel.values.descriptions import Facts, Privacy
from structlog.testing import capture_logs

from .feeds import BOOK, START_NS, SourceFeed, accounts_created, identifier, kyc_changed, transfers_created


def source_event(feed: SourceFeed, position: int = -1) -> SourceEvent:
    """Gives an event of a feed as the translator takes it."""
    event = feed.events[position]
    return SourceEvent(event.position, event.stream_id, event.version, event.topic, event.state, event.hash, START_NS)


def translated(source: str, topic: str, fields: Any) -> list[tuple[str, dict[str, Value]]]:
    """Translates one event of a source by itself."""
    feed = SourceFeed(source)
    feed.add(topic, fields)
    return [decode(leaf) for leaf in Translator(source, Accounts({})).translate(source_event(feed)).leaves]


def custody_facts(*events: tuple[str, dict[str, Any]]) -> list[tuple[str, dict[str, Value]]]:
    """Translates events of custody in order."""
    feed, translator, facts = SourceFeed("custody"), Translator("custody", Accounts({})), []
    for topic, fields in events:
        feed.add(topic, fields)
        facts += [decode(leaf) for leaf in translator.translate(source_event(feed)).leaves]
    return facts


START = SourceHead("identity", 1, 0, GENESIS)
OPENED = ("AccountsCreated.v1", accounts_created("alice", "bob", owners=("owner-a", "owner-b")))


def test_each_transfer_of_a_packed_event_is_a_leaf_by_itself() -> None:
    """Accounts stand by id and owner, currency and time are filled in, and what is zero is left out."""
    facts = custody_facts(OPENED, ("TransfersCreated.v1", transfers_created("t0", "t1")))[2:]
    kind, fields = facts[1]
    assert kind == "custody.transfer.v1"
    assert fields == {
        "source": "custody", "position": 2, "ordinal": 1, "time_ns": START_NS + 6, "tenant_id": BOOK,
        "transfer_id": identifier("t1"), "debit_account_id": identifier("alice"),
        "debit_owner_id": identifier("owner-a"), "credit_account_id": identifier("bob"),
        "credit_owner_id": identifier("owner-b"), "ledger": 978,
        "amount_minor": 101, "user_data_128": identifier("mandate"), "code": 7, "flags": 0, "value_date_days": 19_000,
    }  # fmt: skip
    assert "user_data_128" not in facts[0][1]


def test_ids_that_were_refused_for_good_are_leaves_after_the_transfers() -> None:
    """A burnt id is a fact of its own, with the next ordinal of its event."""
    facts = custody_facts(OPENED, ("TransfersCreated.v1", transfers_created("t0", burnt=("t9",))))
    assert [kind for kind, _ in facts[-2:]] == ["custody.transfer.v1", "custody.transfer_refused.v1"]
    assert facts[-1][1]["transfer_id"] == identifier("t9")
    assert facts[-1][1]["ordinal"] == 1


def test_a_transfer_of_an_unknown_account_is_committed_to_as_a_whole() -> None:
    """Where an index cannot be resolved the event is one leaf with the digest of its state, not nothing."""
    [(kind, fields)] = custody_facts(("TransfersCreated.v1", transfers_created("t0", "t1")))
    assert kind == "custody.event.v1"
    assert fields["topic"] == "TransfersCreated.v1"


def test_an_owner_and_the_accounts_it_stops_are_leaves_each() -> None:
    """A change of standing is a fact about the owner, and one about each account."""
    change = {
        "timestamp_ns": START_NS, "owner_id": identifier("owner-a"), "standing": 4,
        "account": struct.pack("<2I", 2, 1), "status": b"\x02", "holds": b"\x02",
    }  # fmt: skip
    facts = custody_facts(OPENED, ("OwnerStandingChanged.v1", change))[2:]
    assert [kind for kind, _ in facts] == ["custody.owner_standing.v1"] + 2 * ["custody.account_status.v1"]
    assert [fields.get("account_id") for _, fields in facts] == [None, identifier("bob"), identifier("alice")]
    assert facts[1][1]["status"] == "ACTIVE"


@pytest.mark.parametrize("reason", ["case 4711", None])
def test_a_decision_on_an_account_is_a_leaf_with_its_reason(reason: str | None) -> None:
    """A state by decision stands by its name, with who decided it and, where it was given, why."""
    change = {"timestamp_ns": START_NS, "account": 2, "status": 3, "decided_by": identifier("operator")}
    facts = custody_facts(OPENED, ("AccountStatusChanged.v1", change | ({"reason": reason} if reason else {})))[2:]
    [(kind, fields)] = facts
    assert kind == "custody.account_status.v1"
    assert fields.get("reason") == reason
    assert (fields["account_id"], fields["status"]) == (identifier("bob"), "RESTRICTED")
    assert fields["decided_by_id"] == identifier("operator")


def test_rules_adopted_are_a_leaf_that_shows_them_whole() -> None:
    """The rules of a book stand in the log as their canonical text, with its hash and who adopted them."""
    text = "ringfence-rules/1\nversion v1\n"
    change = {
        "timestamp_ns": START_NS, "version": "v1", "document": text, "sha256": sha256(text.encode()).digest(),
        "adopted_by": identifier("operator"),
    }  # fmt: skip
    [(kind, fields)] = custody_facts(("RulesAdopted.v1", change))
    assert kind == "custody.rules_adopted.v1"
    assert fields == {
        "source": "custody", "position": 1, "ordinal": 0, "time_ns": START_NS, "tenant_id": BOOK, "version": "v1",
        "document": text, "document_sha256": sha256(text.encode()).digest(), "adopted_by_id": identifier("operator"),
    }  # fmt: skip


def test_identity_facts_commit_to_personal_data_and_leave_blind_indexes_out() -> None:
    """Sealed fields become commitments to their ciphertext; keyed indexes do not leave identity."""
    event = {
        "tenant": BOOK, "party": identifier("party"), "kind": "PERSON", "by": identifier("server"),
        "personal": {"name": b"sealed name"}, "identity_index": b"i" * 16, "digest": b"d" * 32,
    }  # fmt: skip
    [(kind, fields)] = translated("identity", "PartyRegistered.v1", event)
    assert kind == "identity.party_registered.v1"
    assert fields == {
        "source": "identity", "position": 1, "ordinal": 0, "time_ns": START_NS, "tenant_id": BOOK,
        "party_id": identifier("party"), "kind": "PERSON", "by_id": identifier("server"), "digest": b"d" * 32,
        "personal_name_commitment": commitment(b"sealed name"),
    }  # fmt: skip


def test_tokens_and_reports_stand_as_digests_only() -> None:
    """A stored authorisation and a pain.002 never appear in a leaf, only their SHA-256."""
    event = {
        "tenant": BOOK, "submission_id": identifier("batch"), "kind": 1, "instruction_count": 2, "digest": b"d" * 32,
        "maker": identifier("maker"), "authorisation": "secret.token", "authorisation_expires_ns": 5,
        "message_id": "", "status_report": b"<Document/>" * 20,
    }  # fmt: skip
    [(_, fields)] = translated("payment-instruction", "SubmissionReceived.v1", event)
    assert fields["authorisation_sha256"] == sha256(b"secret.token").digest()
    assert fields["status_report_sha256"] == sha256(b"<Document/>" * 20).digest()
    assert not {"authorisation", "status_report", "message_id"} & fields.keys()


def test_each_step_of_an_instruction_is_a_leaf_with_its_own_reason() -> None:
    """A packed event of transitions gives one leaf a row, statuses by name, reasons from their table."""
    event = {
        "tenant": BOOK, "submission_id": identifier("batch"), "cause": "screening",
        "instruction_ids": identifier("one") + identifier("two"), "indexes": struct.pack(">2I", 0, 1),
        "statuses": bytes([4, 10]), "reasons": ["", "SANCTIONS_HIT"], "reason_rows": bytes([0, 1]),
        "details": {1: "entry 77"}, "actor": b"", "evidence": b"e" * 32, "reference": "",
    }  # fmt: skip
    facts = translated("payment-instruction", "InstructionsAdvanced.v1", event)
    assert [fields["status"] for _, fields in facts] == ["SCREENED", "REJECTED"]
    assert [fields.get("reason") for _, fields in facts] == [None, "SANCTIONS_HIT"]
    assert facts[1][1]["detail"] == "entry 77"
    assert facts[1][1]["instruction_id"] == identifier("two")


def test_an_instruction_commits_to_the_sealed_data_of_both_sides() -> None:
    """Names and IBANs of an order stand as commitments; ids, amount and currency in clear."""
    event = {
        "tenant": BOOK, "submission_id": identifier("batch"), "first_index": 0, "instruction_ids": identifier("one"),
        "end_to_end_ids": ["E2E-1"], "debtor_accounts": identifier("alice"), "debtor_owners": identifier("owner-a"),
        "creditor_accounts": bytes(16), "creditor_owners": bytes(16), "creditor_indexes": b"i" * 16,
        "amounts_minor": struct.pack(">Q", 12_345), "ledgers": struct.pack(">H", 978),
        "execution_days": struct.pack(">i", 0), "debtor_sealed": [b"sealed d"], "creditor_sealed": [b"sealed c"],
    }  # fmt: skip
    [(kind, fields)] = translated("payment-instruction", "InstructionsReceived.v1", event)
    assert kind == "payment-instruction.instruction.v1"
    assert fields["creditor_commitment"] == commitment(b"sealed c")
    assert (fields["amount_minor"], fields["ledger"], fields["end_to_end_id"]) == (12_345, 978, "E2E-1")
    assert not {"creditor_account_id", "execution_day", "purpose", "mandate_id"} & fields.keys()
    fee = {"purposes": (4).to_bytes(2, "big"), "mandates": identifier("agreement")}
    [(_, fields)] = translated("payment-instruction", "InstructionsReceived.v1", event | fee)
    assert (fields["purpose"], fields["mandate_id"]) == (4, identifier("agreement"))


def test_limits_have_approvers_of_any_number() -> None:
    """A platform's limits are one leaf, be there more approvers than currencies or none."""
    for approvers in (0, 3):
        event = {
            "tenant": BOOK, "version": 1, "ledgers": b"\x03\xd2", "set_by": identifier("operator"),
            **dict.fromkeys(("payments_minor", "debtor_days_minor", "days_minor", "approvers_minor"), bytes(8)),
            "approver_ids": identifier("approver") * approvers, "approver_ledgers": b"\x03\xd2" * approvers,
            "approver_maxima_minor": bytes(8) * approvers,
        }  # fmt: skip
        [(kind, fields)] = translated("payment-instruction", "LimitsSet.v1", event)
        assert (kind.startswith("payment-instruction."), fields["version"]) == (True, 1)
        assert list(PUBLISHED["payment-instruction"]["LimitsSet.v1"].misfits(event)) == []


@given(
    st.sampled_from(
        [
            ("identity", "PartyRegistered.v1"),
            ("custody", "TransfersCreated.v1"),
            ("payment-instruction", "InstructionsAdvanced.v1"),
        ]
    ),
    st.binary(max_size=60),
)
def test_bytes_that_cannot_be_read_have_a_leaf(of: tuple[str, str], state: bytes) -> None:
    """Unreadable bytes of a known topic give one leaf that commits to the state; nothing raises."""
    source, topic = of
    feed = SourceFeed(source)
    feed.add_state(topic, state)
    [leaf] = Translator(source, Accounts({})).translate(source_event(feed)).leaves
    kind, fields = decode(leaf)
    assert kind == f"{source}.event.v1"
    assert (fields["topic"], fields["state_sha256"]) == (topic, sha256(state).digest())


def test_bytes_that_cannot_be_read_are_an_error_in_the_log_of_the_process() -> None:
    """An event that is known by its hash alone is a defect of its source, and said aloud."""
    feed = SourceFeed("custody")
    feed.add("TransfersCreated.v1", transfers_created("t0"))
    with capture_logs() as lines:
        Translator("custody", Accounts({})).translate(source_event(feed))
    [line] = [line for line in lines if line["event"] == "event_unreadable"]
    assert (line["log_level"], line["source"], line["topic"]) == ("error", "custody", "TransfersCreated.v1")


@pytest.mark.parametrize("source", ["identity", "custody", "payment-instruction", "another"])
def test_a_topic_that_is_not_described_is_no_leaf(source: str) -> None:
    """What a newer source publishes is neither passed over nor taken over as bytes: translation ends before it."""
    with pytest.raises(EventUnknown, match=rf"{source} has published Unheard\.v1"):
        translated(source, "Unheard.v1", {"tenant": BOOK})


@pytest.mark.parametrize(
    ("change", "named"),
    [({"after": "ENCHANTED"}, "the code ENCHANTED in after"), ({"birth_date": b"sealed"}, "the field birth_date")],
)
def test_a_field_or_code_that_is_not_described_is_no_leaf(change: dict[str, Any], named: str) -> None:
    """A field of which nobody knows whether it may be shown, and a code without a name, end translation."""
    assert translated("identity", "KycChanged.v1", kyc_changed())
    with pytest.raises(EventUnknown, match=named):
        translated("identity", "KycChanged.v1", kyc_changed(**change))


async def test_what_comes_before_an_unknown_event_is_taken_over() -> None:
    """Pages end before the event that is not described, and say so; with its description it goes on from there."""
    feed = SourceFeed("identity")
    for topic in ("KycChanged.v1", "KycChanged.v1", "Unheard.v1", "KycChanged.v1"):
        feed.add(topic, kyc_changed())
    taken = (await feed.page()).events
    pages, unknown = as_far_as_known(pages_of(START, taken, Translation(State()), deflating=False))
    assert [each.page.head.position for each in pages] == [2]
    assert "Unheard.v1" in str(unknown)


def test_every_packed_event_has_its_split() -> None:
    """Every topic that is described as rows is split somewhere, and none is split that is not described."""
    for source, published in PUBLISHED.items():
        rows = {topic for topic, each in published.items() if each.facts is Facts.ROWS}
        assert splits(source, Accounts({})).keys() == rows


def test_every_column_of_a_payment_is_in_its_leaf() -> None:
    """A column of a packed event is a field of the leaf, or a blind index, or what the leaf is put together from."""
    together = {"reasons", "reason_rows", "parties_rows"}
    for topic, packed in (
        ("InstructionsReceived.v1", payment.INSTRUCTIONS),
        ("InstructionsAdvanced.v1", payment.STEPS),
        ("InstructionsDirected.v1", payment.DIRECTIVES),
        ("InstructionsRescreened.v1", payment.RESCREENINGS),
        ("HitsReleased.v1", payment.RELEASES),
        ("EvidenceReceived.v1", payment.ENTRIES),
        ("EvidenceApplied.v1", payment.OUTCOMES),
    ):
        fields = PUBLISHED["payment-instruction"][topic].fields.values()
        columns = {
            each.name for each in fields if (each.packed or each.per_row) and each.privacy is not Privacy.BLIND_INDEX
        }
        assert columns - together == packed.columns.keys() - together


def received() -> dict[str, Any]:
    """Returns an event of two payments that tell no more than they must."""
    zero = bytes(16)
    return {
        "tenant": BOOK, "submission_id": identifier("s"), "first_index": 0,
        "instruction_ids": identifier("i0") + identifier("i1"), "end_to_end_ids": ["E0", "E1"],
        "debtor_accounts": zero * 2, "debtor_owners": zero * 2, "creditor_accounts": zero * 2,
        "creditor_owners": zero * 2, "creditor_indexes": zero * 2, "amounts_minor": bytes(16), "ledgers": bytes(4),
        "execution_days": bytes(8), "debtor_sealed": [b"d", b"d"], "creditor_sealed": [b"c", b"c"],
    }  # fmt: skip


def test_whom_a_payment_names_beside_its_payee_is_committed_to() -> None:
    """A row that names nobody commits to none, nor does an event of a release that kept nobody."""
    named = {"parties_sealed": {0: b"sealed"}, "parties_rows": b"\0\0\0\1"}
    for more, expected in ((named, [None, commitment(b"sealed")]), ({}, [None, None])):
        leaves = translated("payment-instruction", "InstructionsReceived.v1", {**received(), **more})
        assert [fields.get("parties_commitment") for _, fields in leaves] == expected


def test_what_banks_know_a_payment_by_is_in_its_leaf() -> None:
    """A row that came with neither has neither, nor has an event of a release that kept none."""
    known = {"uetrs": bytes(16) + identifier("u"), "instruction_identifications": ["I0", ""]}
    for more, expected in ((known, [(None, "I0"), (identifier("u"), None)]), ({}, [(None, None)] * 2)):
        leaves = translated("payment-instruction", "InstructionsReceived.v1", {**received(), **more})
        assert [(row.get("uetr"), row.get("instruction_identification")) for _, row in leaves] == expected


def test_a_payment_screened_again_and_released_are_facts() -> None:
    """Each is a leaf of its instruction: which entry it hits, and who let it go on and why."""
    rows = {
        "tenant": BOOK, "submission_id": identifier("s"), "instruction_ids": identifier("i0") + identifier("i1"),
        "indexes": bytes(7) + b"\1",
    }  # fmt: skip
    hit = {**rows, "hits": {1: "ofac 36"}, "evidence": bytes(31) + b"e"}
    leaves = translated("payment-instruction", "InstructionsRescreened.v1", hit)
    assert [(kind, fields["instruction_id"], fields.get("hit")) for kind, fields in leaves] == [
        ("payment-instruction.rescreening.v1", identifier("i0"), None),
        ("payment-instruction.rescreening.v1", identifier("i1"), "ofac 36"),
    ]
    released = {**rows, "actor": identifier("operator"), "note": "another shop"}
    leaves = translated("payment-instruction", "HitsReleased.v1", released)
    assert [(kind, fields["index"], fields["actor_id"], fields["note"]) for kind, fields in leaves] == [
        ("payment-instruction.hit_release.v1", row, identifier("operator"), "another shop") for row in range(2)
    ]


def test_an_event_too_large_for_a_leaf_is_committed_to_as_a_whole() -> None:
    """A fact of more than 64 KiB, or with a number that leaves cannot hold, does not stop the log."""
    party = {
        "tenant": BOOK, "party": identifier("party"), "kind": "PERSON", "by": identifier("server"),
        "personal": {f"field_{number}": b"sealed" for number in range(2_000)}, "identity_index": b"", "digest": b"",
    }  # fmt: skip
    key = {"principal": identifier("server"), "public_key": b"k" * 32, "older_keys_end_ns": 2**63}
    for topic, event in (("PartyRegistered.v1", party), ("KeyRotated.v1", key)):
        [(kind, _)] = translated("identity", topic, event)
        assert kind == "identity.event.v1"


CELLS = (
    st.integers(-5, 5),
    st.none() | st.binary(min_size=16, max_size=16),
    st.text("aé\u20ac", min_size=1, max_size=1),
    st.none() | st.text("aé\u20ac", max_size=3),
    st.binary(max_size=2),
    st.one_of(st.none(), st.integers(-5, 5), st.text("a", max_size=1), st.binary(max_size=1)),
)


@given(st.integers(0, 6), st.lists(st.tuples(*CELLS), max_size=100))
def test_the_fast_encoding_of_rows_equals_the_plain_one(width: int, rows: list[tuple[Value | None, ...]]) -> None:
    """Rows encoded by templates are the bytes that each row gives by itself: absent values, texts, of every length."""
    names = ("amount", "some_id", "letter", "text", "bytes", "mixed")[:width]
    columns: dict[str, Cells] = {name: [row[at] for row in rows] for at, name in enumerate(names)}
    header: dict[str, Value] = {"source": "custody", "time_ns": 7}
    leaves = list(Table("custody.transfer.v1", len(rows), columns, {"tenant_id": BOOK}).leaves(header, 3))
    assert leaves == [
        encode(
            "custody.transfer.v1",
            {**header, "tenant_id": BOOK, **dict(zip(names, cells[:width], strict=True)), "ordinal": 3 + row},
        )
        for row, cells in enumerate(rows)
    ]


@pytest.mark.parametrize(("events", "pages"), [(1, 1), (MAX_PAGE_EVENTS, 1), (MAX_PAGE_EVENTS + 1, 2)])
async def test_pages_are_bounded_in_events(events: int, pages: int) -> None:
    """A feed page of many events becomes pages that each close with a leaf under 64 KiB."""
    feed = SourceFeed("identity")
    for _ in range(events):
        feed.add("KycChanged.v1", kyc_changed())
    taken = (await feed.page()).events
    prepared = list(pages_of(START, taken, Translation(State()), deflating=False))
    assert [each.page.leaves[-1].startswith(b"\x01\x0daudit.page.v1") for each in prepared] == [True] * pages
    assert prepared[-1].page.head == SourceHead("identity", 1, events, feed.events[-1].hash)
    assert sum(len(each.page.leaves) for each in prepared) == events + pages
