"""The running service on real PostgreSQL and OpenBao: parties, aliases, keys, erasure, a sealed vault."""

import json
import time
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from ringfence_kernel.rpc.errors import RemoteError
from ringfence_kernel.values.ids import ZERO_ID, new_id
from ringfence_protos.common.v1 import proposals_pb2 as proposals
from ringfence_protos.common.v1 import proposals_pb2_grpc as proposals_rpc
from ringfence_protos.custody.v1 import custody_pb2 as custody
from ringfence_protos.identity.v1 import identity_pb2 as pb
from ringfence_protos.identity.v1 import identity_pb2_grpc as rpc

PARTIES = rpc.PartyServiceStub
DAY_NS = 86_400 * 10**9
IBAN, OTHER_IBAN = "CZ6508000000192000145399", "NL91ABNA0417164300"


def personal(number: str = "", name: str = "Anna Svobodová") -> pb.PersonalData:
    """Returns personal data with an identity number of its own."""
    return pb.PersonalData(
        name=name,
        identity_number=number or new_id().hex(),
        date_of_birth="1985-04-12",
        address="Dlouhá 5, Praha",
        country="CZ",
    )


def register(platform: Any, *parties: pb.NewParty) -> list[str]:
    """Registers parties and returns their reasons."""
    reasons: list[str] = platform.reasons(PARTIES, "RegisterParties", pb.RegisterPartiesRequest(parties=parties))
    return reasons


def new_party(data: pb.PersonalData | None = None) -> pb.NewParty:
    """Describes a person."""
    return pb.NewParty(id=new_id(), kind=pb.PARTY_KIND_PERSON, personal_data=data or personal())


def get(client: Any, *ids: bytes, tenant: bytes = b"") -> list[pb.Party]:
    """Reads parties."""
    reply = client.call(PARTIES, "GetParties", pb.GetPartiesRequest(tenant_id=tenant, party_ids=ids))
    return list(reply.parties)


def decide(operator: Any, tenant: bytes, party: bytes, to: int, decision: bytes = b"") -> str:
    """Decides on one party and returns the reason."""
    request = pb.DecideKycRequest(
        tenant_id=tenant, decisions=[pb.KycDecision(party_id=party, to=to, note="why", id=decision)]
    )
    (reason,) = operator.reasons(PARTIES, "DecideKyc", request)
    return str(reason)


def erase(identity: Any, tenant: bytes, *parties: bytes) -> list[str]:
    """Has two operators erase parties and returns what the first was answered."""
    request = pb.ErasePartiesRequest(tenant_id=tenant, party_ids=parties)
    results = identity.operators[0].call(PARTIES, "EraseParties", request).results
    proposed = {each.proposal_id for each in results if each.proposal_id}
    assert [decide_proposal(identity.operators[1], each) for each in proposed] == [""] * len(proposed)
    return [each.reason for each in results]


def alias(
    identity: Any, client: Any, iban: str, owner: bytes, *, tenant: bytes = b"", feed: bytes = b"", account: bytes = b""
) -> str:
    """Claims an IBAN for an account (a new one of the owner), or proposes a bank mirror, and returns the reason."""
    account_class = custody.ACCOUNT_CLASS_BANK_MIRROR if feed else custody.ACCOUNT_CLASS_CLIENT
    account = account or identity.known.account(tenant or client.id, owner, account_class)
    new = pb.Alias(iban=iban, account_id=account, owner_id=owner, bank_mirror=bool(feed), bank_feed_id=feed)
    request = pb.RegisterAliasesRequest(tenant_id=tenant, aliases=[new])
    reply = client.call(PARTIES, "RegisterAliases", request)
    if reply.results[0].proposal_id:
        assert decide_proposal(identity.operators[1], reply.results[0].proposal_id) == ""
    return str(reply.results[0].reason)


def decide_proposal(operator: Any, proposal: bytes, verdict: int = proposals.PROPOSAL_VERDICT_CONFIRM) -> str:
    """Decides a proposal and returns the reason."""
    decision = proposals.ProposalDecision(proposal_id=proposal, verdict=proposals.ProposalVerdict.ValueType(verdict))
    request = proposals.DecideProposalsRequest(decisions=[decision])
    (reason,) = operator.reasons(proposals_rpc.ProposalServiceStub, "DecideProposals", request)
    return str(reason)


def change(identity: Any, tenant: bytes, action: int, owner: bytes, *ibans: str, confirm: bool = True) -> list[str]:
    """Has two operators change IBANs on a document, and returns what the first was answered."""
    changes = [pb.AliasChange(iban=iban, owner_id=owner) for iban in ibans]
    request = pb.ChangeAliasesRequest(
        tenant_id=tenant, action=pb.AliasAction.ValueType(action), changes=changes, document_sha256=b"d" * 32
    )
    reply = identity.operators[0].call(PARTIES, "ChangeAliases", request)
    proposed = {each.proposal_id for each in reply.results if each.proposal_id} if confirm else set()
    assert [decide_proposal(identity.operators[1], each) for each in proposed] == [""] * len(proposed)
    return [each.reason for each in reply.results]


def resolve(workload: Any, *ibans: str) -> list[pb.ResolvedAlias]:
    """Looks IBANs up."""
    request = pb.ResolveAliasesRequest(ibans=ibans)
    return list(workload.call(PARTIES, "ResolveAliases", request, token="").aliases)


def fetch_keys(workload: Any, *subjects: bytes, create: bool = False) -> pb.FetchDataKeysResponse:
    """Fetches data keys."""
    request = pb.FetchDataKeysRequest(subject_ids=subjects, create=create)
    reply: pb.FetchDataKeysResponse = workload.call(PARTIES, "FetchDataKeys", request, token="")
    return reply


@pytest.fixture
def unsealed(identity: Any) -> Iterator[None]:
    """Leaves OpenBao unsealed, whatever the test did."""
    yield
    identity.openbao.unseal()


def test_party_is_registered_once_and_read_back(identity: Any) -> None:
    """What was registered is read back in clear by its platform; repeating is done, other data is refused."""
    platform, party = identity.platform(), new_party()
    assert register(platform, party, party) == ["", ""]
    (read,) = get(platform, party.id)
    assert read.personal_data == party.personal_data
    assert read.kyc_status == pb.KYC_STATUS_SUBMITTED
    party.personal_data.address = "elsewhere"
    assert register(platform, party) == ["EXISTS_WITH_DIFFERENT_DATA"]
    assert register(platform, new_party(personal(party.personal_data.identity_number))) == ["IDENTITY_NUMBER_TAKEN"]


def test_batch_answers_each_item(identity: Any) -> None:
    """A malformed item is named and does not spoil the others; an empty batch is an empty answer."""
    platform, good, bad = identity.platform(), new_party(), new_party(personal(name=""))
    assert register(platform, bad, good) == ["INVALID_ARGUMENT", ""]
    assert register(platform) == []
    with pytest.raises(RemoteError, match="INVALID_ARGUMENT"):
        register(platform, *[good] * 1001)


def test_kyc_goes_the_listed_ways_only(identity: Any) -> None:
    """An operator leads a party through KYC; an unlisted step is refused; two operators lead it out of BLOCKED."""
    platform, (alice, bob), party = identity.platform(), identity.operators, new_party()
    register(platform, party)
    go = (platform.id, party.id)
    assert decide(alice, *go, pb.KYC_STATUS_VERIFIED) == "KYC_TRANSITION_REFUSED"
    decision = new_id()
    assert decide(alice, *go, pb.KYC_STATUS_CHECKING, decision) == ""
    assert decide(alice, *go, pb.KYC_STATUS_VERIFIED) == ""
    assert decide(alice, *go, pb.KYC_STATUS_CHECKING, decision) == ""
    assert get(platform, party.id)[0].kyc_status == pb.KYC_STATUS_VERIFIED
    assert decide(alice, *go, pb.KYC_STATUS_BLOCKED) == ""
    assert decide(alice, *go, pb.KYC_STATUS_REVIEW) == "APPROVAL_PENDING"
    assert decide(alice, *go, pb.KYC_STATUS_REVIEW) == "APPROVAL_PENDING"
    assert decide(bob, *go, pb.KYC_STATUS_REVIEW) == "APPROVAL_PENDING"
    assert get(platform, party.id)[0].kyc_status == pb.KYC_STATUS_BLOCKED
    with pytest.raises(RemoteError, match="SCOPE_MISSING"):
        decide(platform, *go, pb.KYC_STATUS_VERIFIED)


def test_foreign_party_is_answered_as_missing(identity: Any) -> None:
    """Another tenant's party, tenant and owner get the very answers of those that do not exist."""
    mine, other, party = identity.platform(), identity.platform(), new_party()
    register(mine, party)
    assert get(other, party.id) == get(other, new_id()) == []
    assert get(other, party.id, tenant=mine.id) == get(other, party.id, tenant=new_id()) == []
    assert alias(identity, other, IBAN, party.id) == alias(identity, other, IBAN, new_id()) == "PARTY_NOT_FOUND"
    refusals = []
    for tenant in (mine.id, new_id()):
        with pytest.raises(RemoteError) as refusal:
            alias(identity, other, IBAN, party.id, tenant=tenant)
        refusals.append((refusal.value.code, refusal.value.reason, refusal.value.message, refusal.value.metadata))
    assert refusals[0] == refusals[1]
    operator = identity.operators[0]
    assert decide(operator, other.id, party.id, pb.KYC_STATUS_CHECKING) == "PARTY_NOT_FOUND"
    assert erase(identity, other.id, party.id) == ["PARTY_NOT_FOUND"]


@pytest.mark.parametrize("service", ["custody", "audit"])
def test_data_keys_are_for_the_service_that_seals_with_them(identity: Any, service: str) -> None:
    """A workload that reads every event of identity, yet seals nothing, cannot have the keys that open them."""
    platform, party = identity.platform(), new_party()
    register(platform, party)
    with pytest.raises(RemoteError) as refusal:
        fetch_keys(identity.workload(service), party.id)
    assert (refusal.value.code, refusal.value.reason) == ("PERMISSION_DENIED", "WORKLOAD_NOT_ADMITTED")


def test_aliases_resolve_to_tenant_and_account(identity: Any) -> None:
    """A confirmed IBAN resolves for payment-instruction, a claimed one does not; an erased client's stays taken."""
    platform, payments, party = identity.platform(), identity.workload("payment-instruction"), new_party()
    register(platform, party)
    assert alias(identity, platform, "CZ6608000000192000145399", party.id) == "IBAN_INVALID"
    assert alias(identity, platform, IBAN, party.id) == "PENDING"
    assert resolve(payments, IBAN) == [pb.ResolvedAlias()]
    assert alias(identity, platform, IBAN, party.id) == "EXISTS_WITH_DIFFERENT_DATA"
    assert change(identity, platform.id, pb.ALIAS_ACTION_CONFIRM, party.id, IBAN) == ["APPROVAL_PENDING"]
    feed = identity.register(pb.PRINCIPAL_KIND_BANK_FEED)
    operator = identity.operators[0]
    assert alias(identity, platform, OTHER_IBAN, ZERO_ID, feed=feed.id) == "OPERATOR_REQUIRED"
    assert alias(identity, operator, OTHER_IBAN, ZERO_ID, tenant=platform.id, feed=platform.id) == "PRINCIPAL_NOT_FOUND"
    assert alias(identity, operator, OTHER_IBAN, ZERO_ID, tenant=platform.id, feed=feed.id) == "APPROVAL_PENDING"
    found, mirror, unknown, nonsense = resolve(payments, IBAN, OTHER_IBAN, "DE89370400440532013000", "no iban")
    assert (found.tenant_id, found.owner_id, found.bank_mirror) == (platform.id, party.id, False)
    assert (mirror.tenant_id, mirror.owner_id, mirror.bank_mirror) == (platform.id, ZERO_ID, True)
    assert (found.bank_feed_id, mirror.bank_feed_id) == (b"", feed.id)
    assert unknown == nonsense == pb.ResolvedAlias()
    with pytest.raises(RemoteError, match="WORKLOAD_NOT_ADMITTED"):
        resolve(platform, IBAN)
    identity.restart_after_kill()
    assert resolve(payments, IBAN) == [found]
    erase(identity, platform.id, party.id)
    assert resolve(payments, IBAN) == [pb.ResolvedAlias(erased=True, tenant_id=platform.id)]


def test_no_personal_data_stands_in_clear(identity: Any) -> None:
    """Neither events nor the key table nor the log hold a name, a number, an address or an IBAN."""
    platform, party = identity.platform(), new_party()
    register(platform, party)
    alias(identity, platform, "GB29NWBK60161331926819", party.id)
    secrets = [party.personal_data.identity_number, "Svobodov", "Dlouh", "1985-04-12", "GB29NWBK60161331926819"]
    with identity.postgres.superuser(identity.database.name) as connection:
        states = b"".join(row[0] for row in connection.execute("SELECT state FROM stored_events").fetchall())
        keys = str(connection.execute("SELECT * FROM data_keys").fetchall())
    log = (identity.folder / "identity.log").read_text()
    for secret in secrets:
        assert secret.encode() not in states
        assert secret not in keys + log


def test_data_keys_stay_the_same(identity: Any) -> None:
    """A party's key is the same at every call and after a restart; strangers have none; platforms may not ask."""
    platform, payments, party = identity.platform(), identity.workload("payment-instruction"), new_party()
    register(platform, party)
    first = fetch_keys(payments, party.id, platform.id, new_id(), create=True)
    assert [len(key.key) for key in first.keys] == [32, 32, 0]
    assert len(first.blind_index_key) == 32
    identity.restart_after_kill()
    again = fetch_keys(payments, party.id, platform.id)
    assert list(again.keys) == list(first.keys[:2])
    assert again.blind_index_key == first.blind_index_key
    with pytest.raises(RemoteError, match="WORKLOAD_NOT_ADMITTED"):
        fetch_keys(platform, party.id)


def test_erasure_is_for_good_even_after_a_restore(identity: Any) -> None:
    """An erased party is gone for every reader, and a key table restored from before is emptied again at the start."""
    platform, payments, party = identity.platform(), identity.workload("payment-instruction"), new_party()
    operator = identity.operators[0]
    register(platform, party)
    backup = wrapped_key(identity, party.id)
    assert erase(identity, platform.id, party.id, party.id) == ["APPROVAL_PENDING"] * 2
    assert erase(identity, platform.id, party.id) == [""]
    assert wrapped_key(identity, party.id) is None
    identity.stop()
    with identity.postgres.superuser(identity.database.name) as connection:
        connection.execute(
            "UPDATE data_keys SET wrapped = %s, destroyed_at = NULL WHERE subject = %s", (backup, party.id.hex())
        )
    report = identity.run("rebuild", "--verify")
    assert json.loads(report.stdout)["differences"]["data_keys"] == 1
    identity.start()
    assert wrapped_key(identity, party.id) is None
    (key,) = fetch_keys(payments, party.id, create=True).keys
    assert (key.key, key.destroyed) == (b"", True)
    (read,) = get(platform, party.id)
    assert (read.erased, read.HasField("personal_data")) == (True, False)
    assert register(platform, party) == ["SUBJECT_ERASED"]
    assert decide(operator, platform.id, party.id, pb.KYC_STATUS_CHECKING) == "SUBJECT_ERASED"
    assert alias(identity, platform, OTHER_IBAN, party.id) == "SUBJECT_ERASED"


def test_what_stands_against_an_erasure_is_named(identity: Any) -> None:
    """Everything that custody, payment-instruction and identity know against it is told, until nothing is left."""
    platform, party = identity.platform(), new_party()
    register(platform, party)
    request = pb.ErasePartiesRequest(tenant_id=platform.id, party_ids=[party.id])
    known, operator = identity.known, identity.operators[0]

    def told() -> dict[str, str]:
        (result,) = operator.call(PARTIES, "EraseParties", request).results
        assert result.reason == ("ERASURE_REFUSED" if result.metadata else "APPROVAL_PENDING")
        return dict(result.metadata)

    known.holdings[party.id] = custody.Holdings(
        accounts=3, with_balance=1, with_pending=1, held=1, last_movement_ns=time.time_ns() - 1000 * DAY_NS
    )
    known.open_payments[party.id] = 2
    hold = pb.SetLegalHoldRequest(tenant_id=platform.id, party_ids=[party.id], held=True, order_reference="7 Cs 1/26")
    assert operator.reasons(PARTIES, "SetLegalHold", hold) == [""]
    until = date.today() + timedelta(days=1827)  # from the registration, which came after the last movement
    assert told()["causes"] == "BALANCE,RESERVATION,ACCOUNT_HELD,OPEN_PAYMENT,RETENTION,LEGAL_HOLD"
    assert date.fromisoformat(told()["retained_until"]) - until in (timedelta(0), timedelta(days=1))
    known.holdings[party.id] = custody.Holdings(accounts=3)
    known.open_payments.clear()
    assert told() == {"causes": "LEGAL_HOLD"}
    hold.held = False
    (lifted,) = operator.call(PARTIES, "SetLegalHold", hold).results
    assert told() == {"causes": "LEGAL_HOLD"}
    assert decide_proposal(identity.operators[1], lifted.proposal_id) == ""
    (waits,) = operator.call(PARTIES, "EraseParties", request).results
    known.open_payments[party.id] = 1
    assert decide_proposal(identity.operators[1], waits.proposal_id) == "ERASURE_REFUSED"
    assert not get(platform, party.id)[0].erased


def wrapped_key(identity: Any, party: bytes) -> str | None:
    """Returns what stands in the key table."""
    with identity.postgres.superuser(identity.database.name) as connection:
        row = connection.execute("SELECT wrapped FROM data_keys WHERE subject = %s", (party.hex(),)).fetchone()
    assert row is not None
    wrapped: str | None = row[0]
    return wrapped


@pytest.mark.usefixtures("unsealed")
def test_sealed_vault_refuses_by_name_and_recovers_by_itself(identity: Any) -> None:
    """While OpenBao is sealed whatever needs a key is refused, the rest goes on, and unsealing is all it takes."""
    platform, operator, party = identity.platform(), identity.operators[0], new_party()
    register(platform, party)
    operator.issue()
    assertion, payments = platform.assertion(), identity.workload("payment-instruction")
    identity.openbao.seal()
    assert resolve(payments, "DE89370400440532013000") == [pb.ResolvedAlias()]
    for refused in (lambda: platform.issue(assertion), lambda: register(platform, new_party())):
        with pytest.raises(RemoteError, match=r"^UNAVAILABLE KEYS_UNAVAILABLE$"):
            refused()
    assert platform.call(rpc.TokenServiceStub, "GetJwks", pb.GetJwksRequest(), token="").jwks_json
    assert decide(operator, platform.id, party.id, pb.KYC_STATUS_CHECKING) == ""
    assert get(platform, party.id)[0].personal_data == party.personal_data
    identity.openbao.unseal()
    assert register(platform, new_party()) == [""]
    platform.issue(assertion)


def test_a_start_takes_up_its_snapshot_and_never_a_spoiled_one(identity: Any) -> None:
    """After a stop nothing is replayed; from a snapshot with one bit changed everything is; both answer alike."""
    platform, party = identity.platform(), new_party()
    register(platform, party)
    before = get(platform, party.id)
    identity.stop()
    identity.start()
    assert identity.events_replayed() == 0
    assert get(platform, party.id) == before
    assert decide(identity.operators[0], platform.id, party.id, pb.KYC_STATUS_CHECKING) == ""
    identity.stop()
    file = identity.folder / "snapshots" / "identity.snapshot"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    identity.start()
    assert identity.events_replayed() > 10
    assert decide(identity.operators[0], platform.id, party.id, pb.KYC_STATUS_VERIFIED) == ""
    assert [each.personal_data for each in get(platform, party.id)] == [each.personal_data for each in before]


def test_state_is_rebuilt_from_events_alone(identity: Any) -> None:
    """The rebuilt state has the digest that the service stored when it stopped, and a changed event is found."""
    identity.stop()
    report = identity.run("rebuild", "--verify")
    outcome = json.loads(report.stdout)
    assert report.returncode == 0, report.stderr
    assert outcome["same"]
    assert outcome["events"] > 10
    with identity.postgres.superuser(identity.database.name) as connection:
        flip = "UPDATE stored_events SET state = set_bit(state, 77, 1 - get_bit(state, 77)) WHERE notification_id = 3"
        connection.execute(flip)
        assert identity.run("rebuild", "--verify").returncode != 0
        connection.execute(flip)
        connection.execute("UPDATE state_digests SET digest = sha256(digest)")
    spoiled = identity.run("rebuild", "--verify")
    assert (spoiled.returncode, json.loads(spoiled.stdout)["differences"]["state"]) == (1, 1)
    identity.start()
