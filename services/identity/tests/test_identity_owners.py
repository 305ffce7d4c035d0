"""Owners of companies, and parties that a list names: decided in memory, and served by the running service."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from ringfence_identity.parties.application.owners import CompanyOwners, Owner, exact_share, opened_owners
from ringfence_identity.parties.application.personal import PersonalData
from ringfence_identity.parties.domain import blocking, owners, parties
from ringfence_identity.parties.domain.blocking import PartyBlock
from ringfence_identity.parties.domain.errors import NotACompany, PartyNotFound, SharesExceedWhole, SubjectErased
from ringfence_identity.parties.domain.events import KycChanged, PartyBlocked
from ringfence_identity.parties.domain.kyc import TRANSITIONS, KycState, PartyKind
from ringfence_identity.parties.domain.owners import NewOwners
from ringfence_identity.parties.domain.parties import KycDecision
from ringfence_identity.parties.domain.state import Decided
from ringfence_kernel.rpc.errors import RemoteError
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_kernel.values.ids import new_id
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.writing.recent import LookedUp
from ringfence_protos.identity.v1 import identity_pb2 as pb
from ringfence_protos.identity.v1 import identity_pb2_grpc as rpc

PARTIES = rpc.PartyServiceStub
NORA, ACME = b"party-nora......", b"party-acme......"
OWNER_IDS = [b"owner-%02d........" % number for number in range(40)]


def owner(number: int, share: Fraction, controls: bool = False) -> Owner:
    """Describes a person who owns a part."""
    return Owner(OWNER_IDS[number], PersonalData(f"Owner {number}", f"N{number}", "", "", "DE"), share, controls)


def new_owners(digest: bytes = b"digest-1........") -> NewOwners:
    """Describes Acme's owners."""
    return NewOwners(ACME, 1, digest, lambda version: {"name": b"sealed at %d" % version})


@pytest.fixture
def acme(world: Any) -> None:
    """Acme is a company, Nora a person, both of the first platform."""
    for party, kind in ((NORA, PartyKind.PERSON), (ACME, PartyKind.COMPANY)):
        new = world.party(party, party.decode(), kind=kind)
        world.happens(parties.register(*world.of_parties, new, world.server(world.platform)))


@pytest.mark.parametrize("parts", [3, 7, 30])
def test_shares_are_exact(parts: int) -> None:
    """As many equal parts as one likes are the whole, and a hair more is refused."""
    share = exact_share(1, parts)
    CompanyOwners(ACME, tuple(owner(number, share) for number in range(parts)))
    hair = owner(parts, exact_share(1, 2**53))
    with pytest.raises(SharesExceedWhole):
        CompanyOwners(ACME, (*(owner(number, share) for number in range(parts)), hair))


@pytest.mark.parametrize(("numerator", "denominator"), [(1, 0), (1, 2**53 + 1), (0, 2**64 - 1)])
def test_what_is_no_fraction_is_named(numerator: int, denominator: int) -> None:
    """A share without a denominator, or with one that is out of bounds, is malformed."""
    with pytest.raises(InvalidArgument) as refusal:
        exact_share(numerator, denominator)
    assert refusal.value.metadata == {"field": "owners.share_denominator"}


def test_single_share_beyond_the_whole_is_refused() -> None:
    """Nobody owns more than all."""
    with pytest.raises(SharesExceedWhole):
        exact_share(101, 100)


def test_control_stands_apart_from_shares() -> None:
    """Somebody may control without a share; somebody with neither is no owner; nobody is named twice."""
    controlling = owner(0, Fraction(), controls=True)
    CompanyOwners(ACME, (controlling, owner(1, Fraction(1))))
    with pytest.raises(InvalidArgument):
        owner(0, Fraction())
    with pytest.raises(InvalidArgument):
        CompanyOwners(ACME, (controlling, controlling))


def test_sealed_owners_open_to_the_same() -> None:
    """What was sealed for a version opens with that version, exact shares and control included."""
    company = CompanyOwners(ACME, (owner(0, Fraction(1, 3), controls=True), owner(1, Fraction(2, 3))))
    sealed = company.sealed(b"k" * 32, ACME, 4)
    assert tuple(opened_owners(b"k" * 32, ACME, 4, sealed)) == company.owners
    assert company.digest(b"k" * 32) == CompanyOwners(ACME, company.owners[::-1]).digest(b"k" * 32)


@pytest.mark.usefixtures("acme")
def test_owners_are_replaced_as_a_whole(world: Any) -> None:
    """The same owners record nothing; others are the next number, sealed for the version they stand at."""
    actor = world.server(world.platform)
    asked = (world.parties, world.principal_queries)
    (first,) = world.happens(owners.record(*asked, new_owners(), actor))
    assert owners.record(*asked, new_owners(), actor) == []
    (second,) = world.happens(owners.record(*asked, new_owners(b"digest-2........"), actor))
    assert [first.number, second.number] == [1, 2]
    assert second.personal == {"name": b"sealed at %d" % world.versions[ACME]}
    assert world.parties.owners[ACME].version == world.parties.parties[ACME].version == world.versions[ACME]


@pytest.mark.usefixtures("acme")
def test_only_a_company_of_ones_own_has_owners(world: Any) -> None:
    """A person has none, another tenant's company is as missing, an erased one is closed."""
    asked = (world.parties, world.principal_queries)
    with pytest.raises(NotACompany):
        owners.record(*asked, NewOwners(NORA, 0, bytes(16), lambda version: {}), world.server(world.platform))
    with pytest.raises(PartyNotFound):
        owners.record(*asked, new_owners(), world.server(world.other))
    world.happens(owners.record(*asked, new_owners(), world.server(world.platform)))
    world.happens(parties.erase(*world.of_parties, world.platform, ACME, world.alice))
    assert not world.parties.owners
    with pytest.raises(SubjectErased):
        owners.record(*asked, new_owners(), world.server(world.platform))


def listed(world: Any, party: bytes = NORA) -> PartyBlock:
    """Describes a hit."""
    return PartyBlock(world.platform, party, "OFAC SDN 12345", b"e" * 32, b"v" * 32)


@pytest.mark.usefixtures("acme")
@pytest.mark.parametrize("state", [each for each in TRANSITIONS if each is not KycState.BLOCKED])
def test_a_list_blocks_from_any_state(world: Any, state: KycState) -> None:
    """Wherever a party stands, a hit blocks it with its evidence, once."""
    moved = KycChanged(world.platform, NORA, KycState.SUBMITTED, state, "", b"", world.alice)
    world.happens([moved])
    blocked, changed = world.happens(blocking.block(world.parties, listed(world), b"workload........"))
    assert (blocked.list_reference, blocked.entry_sha256, blocked.evidence_sha256) == (
        "OFAC SDN 12345",
        b"e" * 32,
        b"v" * 32,
    )
    assert (changed.before, changed.after, world.parties.parties[NORA].kyc) == (
        state,
        KycState.BLOCKED,
        KycState.BLOCKED,
    )
    assert blocking.block(world.parties, listed(world), b"workload........") == []


@pytest.mark.usefixtures("acme")
def test_a_hit_on_a_blocked_party_counts_while_its_release_waits(world: Any) -> None:
    """It is recorded then, since it makes the party another than the one whose release was proposed."""
    world.happens(blocking.block(world.parties, listed(world), b"workload........"))
    before = world.parties.parties[NORA].version
    (again,) = world.happens(blocking.block(world.parties, listed(world), b"workload........", release_waits=True))
    assert isinstance(again, PartyBlocked)
    assert (world.parties.parties[NORA].kyc, world.parties.parties[NORA].version) == (KycState.BLOCKED, before + 1)


@pytest.mark.usefixtures("acme")
def test_a_release_names_every_finding_that_was_told(world: Any) -> None:
    """Another entry is recorded though the party is blocked already; whoever is blocked anew starts with none."""
    hits = [
        listed(world),
        replace(listed(world), list_reference="UN/1"),
        replace(listed(world), entry_sha256=b"f" * 32),
    ]
    told = [world.happens(blocking.block(world.parties, each, b"workload........"))[0] for each in hits]
    for each in hits:
        assert blocking.block(world.parties, each, b"workload........") == []
    findings = b"".join(each.finding for each in told)
    assert len({each.finding for each in told}) == len(hits)
    decision = KycDecision(world.platform, NORA, KycState.REVIEW, "somebody else", b"")
    nothing: LookedUp[Decided] = LookedUp(0)
    decided = parties.decide_kyc(world.parties, world.principal_queries, decision, world.alice, nothing)
    (released,) = world.happens(decided)
    assert (released.after, released.findings) == (KycState.REVIEW, findings)
    world.happens(blocking.block(world.parties, hits[1], b"workload........"))
    assert world.parties.findings[NORA] == (told[1].finding,)
    world.happens(parties.erase(*world.of_parties, world.platform, NORA, world.alice))
    assert world.parties.findings == {}


@pytest.mark.usefixtures("acme")
def test_a_block_names_its_evidence() -> None:
    """A block without reference or with hashes that are none is malformed."""
    for changed in ({"list_reference": " "}, {"entry_sha256": b"e" * 31}, {"evidence_sha256": b""}):
        fields: dict[str, Any] = {
            "tenant": bytes(16),
            "party": NORA,
            "list_reference": "L",
            "entry_sha256": b"e" * 32,
            "evidence_sha256": b"v" * 32,
            **changed,
        }
        with pytest.raises(InvalidArgument):
            PartyBlock(**fields)


def test_state_of_shared_ids_is_kept_by_stream(world: Any) -> None:
    """Two tenants' parties of one id live side by side: what happens to one leaves the other alone."""
    world.happens(parties.register(*world.of_parties, world.party(NORA), world.server(world.platform)))
    subject = parties.subject_of(*world.of_parties, world.other, NORA)
    states = world.modules.states()
    new = parties.NewParty(NORA, subject, PartyKind.PERSON, b"i" * 16, b"d" * 16, lambda version: {})
    for version, event in enumerate(parties.register(*world.of_parties, new, world.server(world.other)), 1):
        states.apply(Recorded(0, subject, version, event, 0, ""), world.journal)
    assert parties.find(world.parties, world.other, NORA).id == subject
    assert parties.find(world.parties, world.platform, NORA).id == NORA
    (erased,) = parties.erase(*world.of_parties, world.other, NORA, world.alice)
    states.apply(Recorded(0, subject, 3, erased, 0, ""), world.journal)
    assert parties.find(world.parties, world.platform, NORA).id == NORA
    with pytest.raises(SubjectErased):
        parties.find(world.parties, world.other, NORA)


def person(name: str) -> pb.PersonalData:
    """Returns personal data of somebody new."""
    return pb.PersonalData(name=name, identity_number=new_id().hex(), country="CZ")


def register(platform: Any, kind: int, identifier: bytes = b"", name: str = "Acme s.r.o.") -> bytes:
    """Registers a party, and returns its id."""
    identifier = identifier or new_id()
    new = pb.NewParty(id=identifier, kind=kind, personal_data=person(name))
    assert platform.reasons(PARTIES, "RegisterParties", pb.RegisterPartiesRequest(parties=[new])) == [""]
    return identifier


def record(platform: Any, company: bytes, *owned: pb.BeneficialOwner) -> str:
    """Records owners and returns the reason."""
    request = pb.RecordOwnersRequest(companies=[pb.CompanyOwners(party_id=company, owners=owned)])
    (reason,) = platform.reasons(PARTIES, "RecordOwners", request)
    return str(reason)


def get(client: Any, party: bytes) -> pb.Party:
    """Reads one party."""
    (read,) = client.call(PARTIES, "GetParties", pb.GetPartiesRequest(party_ids=[party])).parties
    return read


def test_owners_are_read_back_by_their_platform_and_by_screening(identity: Any) -> None:
    """Owners come back in clear with exact shares, to the platform and to who screens; a restart changes nothing."""
    platform, payments = identity.platform(), identity.workload("payment-instruction")
    company = register(platform, pb.PARTY_KIND_COMPANY)
    third = pb.BeneficialOwner(
        id=b"1" * 16, personal_data=person("Ada Ortiz"), share_numerator=1, share_denominator=3, controls=True
    )
    rest = pb.BeneficialOwner(id=b"2" * 16, personal_data=person("Bo Lind"), share_numerator=2, share_denominator=3)
    assert record(platform, company, third, rest) == record(platform, company, rest, third) == ""
    identity.restart_after_kill()
    read = get(platform, company)
    assert (list(read.owners), read.owners_version) == ([third, rest], 1)
    keys = [pb.PartyKey(tenant_id=platform.id, party_id=each) for each in (company, new_id())]
    screened = payments.call(PARTIES, "ReadParties", pb.ReadPartiesRequest(parties=keys), token="").parties
    assert list(screened) == [read, pb.Party()]
    assert record(platform, company, third) == ""
    assert (list(get(platform, company).owners), get(platform, company).owners_version) == ([third], 2)
    rest.share_numerator = 4
    assert record(platform, company, rest) == "SHARES_EXCEED_WHOLE"
    assert record(platform, register(platform, pb.PARTY_KIND_PERSON), third) == "NOT_A_COMPANY"
    with identity.postgres.superuser(identity.database.name) as connection:
        states = b"".join(row[0] for row in connection.execute("SELECT state FROM stored_events").fetchall())
    for secret in ("Ada Ortiz", "Bo Lind", third.personal_data.identity_number):
        assert secret.encode() not in states


def test_who_screens_blocks_and_nobody_else(identity: Any) -> None:
    """payment-instruction blocks a party by its certificate alone; a platform, or another service, may not."""
    platform, payments = identity.platform(), identity.workload("payment-instruction")
    party = register(platform, pb.PARTY_KIND_PERSON)
    block = pb.PartyBlock(
        tenant_id=platform.id,
        party_id=party,
        list_reference="UN QDi.1",
        entry_sha256=b"e" * 32,
        evidence_sha256=b"v" * 32,
    )
    stranger = pb.PartyBlock(
        tenant_id=platform.id, party_id=new_id(), list_reference="-", entry_sha256=b"e" * 32, evidence_sha256=b"v" * 32
    )
    request = pb.BlockPartiesRequest(blocks=[block, stranger, block, pb.PartyBlock()])
    answered = [each.reason for each in payments.call(PARTIES, "BlockParties", request, token="").results]
    assert answered == ["", "PARTY_NOT_FOUND", "", "INVALID_ARGUMENT"]
    assert get(platform, party).kyc_status == pb.KYC_STATUS_BLOCKED
    for caller, token in ((platform, None), (identity.workload("custody"), "")):
        with pytest.raises(RemoteError, match="WORKLOAD_NOT_ADMITTED"):
            caller.call(PARTIES, "BlockParties", request, token=token)


def test_a_new_hit_voids_a_release_that_was_proposed(identity: Any) -> None:
    """Who confirms after another hit confirms nothing: the release was proposed before it was known."""
    platform, payments = identity.platform(), identity.workload("payment-instruction")
    party = register(platform, pb.PARTY_KIND_PERSON)
    block = pb.PartyBlock(
        tenant_id=platform.id, party_id=party, list_reference="L1", entry_sha256=b"e" * 32, evidence_sha256=b"v" * 32
    )
    hit = pb.BlockPartiesRequest(blocks=[block])
    decision = pb.KycDecision(party_id=party, to=pb.KYC_STATUS_REVIEW, note="false match")
    release = pb.DecideKycRequest(tenant_id=platform.id, decisions=[decision])
    alice, bob = identity.operators
    payments.call(PARTIES, "BlockParties", hit, token="")
    assert alice.reasons(PARTIES, "DecideKyc", release) == ["APPROVAL_PENDING"]
    payments.call(PARTIES, "BlockParties", hit, token="")
    (proposed,) = bob.call(PARTIES, "DecideKyc", release).results
    (again,) = alice.call(PARTIES, "DecideKyc", release).results
    assert (again.reason, again.proposal_id) == ("APPROVAL_PENDING", proposed.proposal_id)
    assert get(platform, party).kyc_status == pb.KYC_STATUS_BLOCKED
    assert identity.confirm(proposed.proposal_id, alice) == [""]
    assert get(platform, party).kyc_status == pb.KYC_STATUS_REVIEW


def test_no_platform_learns_of_another_ones_ids(identity: Any) -> None:
    """An id that another platform's party, or any principal, has is registered, read, decided on and sealed as any."""
    first, second = identity.platform(), identity.platform()
    payments, operator = identity.workload("payment-instruction"), identity.operators[0]
    shared = register(first, pb.PARTY_KIND_PERSON, name="Of the first")
    for taken in (shared, operator.id, second.id):
        register(second, pb.PARTY_KIND_PERSON, taken, name="Of the second")
        assert get(second, taken).personal_data.name == "Of the second"
        decision = pb.KycDecision(party_id=taken, to=pb.KYC_STATUS_CHECKING, note="why")
        request = pb.DecideKycRequest(tenant_id=second.id, decisions=[decision])
        assert operator.reasons(PARTIES, "DecideKyc", request) == [""]
        assert get(second, taken).kyc_status == pb.KYC_STATUS_CHECKING
    identity.restart_after_kill()
    assert (get(first, shared).personal_data.name, get(first, shared).kyc_status) == (
        "Of the first",
        pb.KYC_STATUS_SUBMITTED,
    )
    assert get(second, shared).id == shared
    keys = payments.call(PARTIES, "FetchDataKeys", pb.FetchDataKeysRequest(subject_ids=[shared]), token="").keys
    assert [len(each.key) for each in keys] == [32]
