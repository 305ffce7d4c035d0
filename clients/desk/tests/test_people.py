"""Principals: what they are, what they did, and who was the second, by facts alone."""

from uuid import UUID

from ringfence_desk.fact import Fact, Value
from ringfence_desk.people import State, principal_in, proposals_of

ADA, BEN, PLATFORM, PROPOSAL = (UUID(int=number) for number in (1, 2, 3, 4))
OLD, NEW = b"o" * 32, b"n" * 32


def fact(index: int, what: str, /, **fields: Value | UUID) -> Fact:
    """Makes a fact."""
    given = {name: each.bytes if isinstance(each, UUID) else each for name, each in fields.items()}
    return Fact(index, what, {**given, "time_ns": index * 10**9})


REGISTERED = fact(
    0,
    "identity.principal_registered.v1",
    principal_id=ADA,
    kind="OPERATOR",
    active=0,
    by_id=BEN,
    tenant_id=PLATFORM,
    until_ns=9,
    certificate_sha256=OLD,
)
ACTIVATED = fact(1, "identity.principal_activated.v1", principal_id=ADA, by_id=BEN)
MADE = fact(
    2, "custody.proposal_made.v1", principal_id=ADA, person_id=ADA, proposal_id=PROPOSAL, certificate_sha256=NEW
)
CONFIRMED = fact(3, "custody.proposal_confirmed.v1", principal_id=BEN, person_id=BEN, proposal_id=PROPOSAL)


def test_a_principal_is_what_the_facts_say_last() -> None:
    """Its role and end; it waits until it is activated, and is stopped when it was suspended."""
    waiting = principal_in(ADA, [REGISTERED], {})
    assert (waiting.kind, waiting.platform_id, waiting.is_active, waiting.until_ns) == ("OPERATOR", PLATFORM, False, 9)
    active = principal_in(ADA, [REGISTERED, ACTIVATED], {})
    assert active.is_active
    assert [each.others for each in active.decided] == [(BEN,), (BEN,)]
    suspended = fact(5, "identity.principal_suspended.v1", principal_id=ADA, by_id=BEN)
    renewed = fact(6, "identity.grant_renewed.v1", principal_id=ADA, by_id=BEN, until_ns=77)
    stopped = principal_in(ADA, [REGISTERED, ACTIVATED, suspended, renewed], {})
    assert (stopped.is_active, stopped.until_ns) == (False, 77)
    assert stopped.acts == ()
    assert [active.state(now_ns) for now_ns in (8, 9)] == [State.ACTIVE, State.ENDED]
    assert [stopped.state(now_ns) for now_ns in (76, 77)] == [State.STOPPED, State.ENDED]
    lasting = fact(7, "identity.grant_renewed.v1", principal_id=ADA, by_id=BEN, until_ns=0)
    assert principal_in(ADA, [REGISTERED, ACTIVATED, lasting], {}).state(10) is State.ACTIVE


def test_an_act_has_its_second_person_and_its_certificate() -> None:
    """The hand that confirmed what somebody proposed; without the proposal's facts nobody is said to have."""
    facts = [REGISTERED, ACTIVATED, MADE]
    assert proposals_of(ADA, facts, 5) == [PROPOSAL]
    assert proposals_of(BEN, facts, 5) == []
    found = principal_in(ADA, facts, {PROPOSAL: [MADE, CONFIRMED]})
    assert [(each.fact.index, each.certificate_sha256, each.others) for each in found.acts] == [(2, NEW, (BEN,))]
    assert principal_in(ADA, facts, {}).acts[0].others == ()
    [act] = principal_in(BEN, facts, {}).acts[:1]
    assert act.fact is REGISTERED


def test_what_was_proposed_about_somebody_is_no_act_of_theirs() -> None:
    """Nor is that a service has heard of it, nor what it was registered by."""
    about = fact(4, "identity.proposal_made.v1", principal_id=BEN, subject_id=ADA, proposal_id=PROPOSAL)
    heard = fact(5, "custody.proposer_stopped.v1", principal_id=ADA)
    found = principal_in(ADA, [about, heard], {})
    assert found.acts == ()
    assert [each.fact.index for each in found.decided] == [4]


def test_certificates_are_counted_by_use() -> None:
    """Each by the fact that brought it, with its end; reads and accesses are counted, not listed."""
    enrolled = fact(
        2, "identity.certificate_enrolled.v1", principal_id=ADA, certificate_sha256=NEW, expires_ns=99, pins=1
    )
    accesses = [
        fact(number, "identity.access_token_issued.v1", principal_id=ADA, certificate_sha256=NEW) for number in (3, 4)
    ]
    reads = [fact(5, "audit.read.v1", reader_id=ADA), fact(6, "audit.read.v1", reader_id=BEN, query_subject_id=ADA)]
    found = principal_in(ADA, [REGISTERED, enrolled, *accesses, *reads], {})
    assert [(each.sha256, each.until_ns, each.index, each.used) for each in found.certificates] == [
        (OLD, None, 0, 0),
        (NEW, 99, 2, 2),
    ]
    assert (found.reads, found.accesses, len(found.acts)) == (1, 2, 0)
