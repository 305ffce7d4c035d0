"""Values of a fact by name and type."""

from uuid import UUID, uuid4

from ringfence_desk.fact import Fact, Value


def test_values_by_type() -> None:
    party = uuid4()
    fields: dict[str, Value] = {
        "party_id": party.bytes,
        "book_id": bytes(16),
        "amount_minor": 5,
        "status": "SENT",
        "short": b"\x01",
    }
    fact = Fact(3, "custody.transfer.v1", fields, {"note": "late"})
    assert (fact.integer("amount_minor"), fact.text("status"), fact.id("party_id")) == (5, "SENT", party)
    assert fact.id("party_id") == UUID(bytes=party.bytes)
    assert fact.text("note") == "late"


def test_what_is_absent_or_of_another_type() -> None:
    fact = Fact(3, "custody.transfer.v1", {"amount_minor": 5, "zeros": bytes(16), "short": b"\x01"})
    assert (fact.integer("short"), fact.text("amount_minor"), fact.content("amount_minor")) == (None, "", b"")
    assert (fact.id("zeros"), fact.id("short"), fact.id("absent"), fact.time_ns) == (None, None, None, None)
