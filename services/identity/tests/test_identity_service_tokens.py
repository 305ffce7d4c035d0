"""The running service on real PostgreSQL and OpenBao: tokens, certificates, keys and principals."""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from ringfence_kernel.access.token_keys import parse_key_set
from ringfence_kernel.rpc.errors import RemoteError
from ringfence_kernel.values.ids import new_id, show
from ringfence_protos.common.v1 import proposals_pb2, proposals_pb2_grpc
from ringfence_protos.identity.v1 import identity_pb2 as pb
from ringfence_protos.identity.v1 import identity_pb2_grpc as rpc

READ = pb.GetPartiesRequest(party_ids=[])


def published_keys(client: Any) -> dict[str, Any]:
    """Returns the key set as every service reads it."""
    reply = client.call(rpc.TokenServiceStub, "GetJwks", pb.GetJwksRequest(), token="")
    return parse_key_set(reply.jwks_json)


def claims_of(client: Any, token: str) -> dict[str, Any]:
    """Verifies a token offline and returns what it says."""
    key = published_keys(client)[jwt.get_unverified_header(token)["kid"]]
    claims: dict[str, Any] = jwt.decode(
        token, key, algorithms=["EdDSA"], audience="ringfence", issuer="ringfence-identity"
    )
    return claims


def certificate_request(uri: str) -> str:
    """Returns a PKCS #10 request for a fresh P-256 key with one URI name."""
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)])
    builder = x509.CertificateSigningRequestBuilder(x509.Name([])).add_extension(names, critical=True)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def submission(client: Any, tenant: bytes, **changes: Any) -> pb.AuthoriseSubmissionRequest:
    """Describes a submission as payment-instruction received it."""
    certificate = x509.load_pem_x509_certificate(client.certificate.certificate.read_bytes())
    made: dict[str, Any] = {
        "access_token": client.issue().access_token,
        "submission_id": new_id(),
        "digest": b"d" * 32,
        "tenant_id": tenant,
        "certificate_sha256": certificate.fingerprint(hashes.SHA256()),
    }
    return pb.AuthoriseSubmissionRequest(**{**made, **changes})


def test_token_is_bound_short_lived_and_verifiable_offline(identity: Any) -> None:
    """A platform's token verifies with the published key, lives five minutes and opens its methods."""
    platform = identity.platform()
    reply = platform.issue()
    claims = claims_of(platform, reply.access_token)
    assert claims["exp"] - claims["iat"] == reply.expires_in_seconds == 300
    assert claims["tenant"] == claims["sub"] == show(platform.id)
    assert set(claims["scope"].split()) == set(reply.scopes) >= {"payments.submit", "identity.parties.write"}
    platform.call(rpc.PartyServiceStub, "GetParties", READ, token=reply.access_token)
    narrow = platform.issue(scopes=["payments.read"]).access_token
    with pytest.raises(RemoteError, match="SCOPE_MISSING"):
        platform.call(rpc.PartyServiceStub, "GetParties", READ, token=narrow)
    with pytest.raises(RemoteError, match="SCOPE_NOT_HELD"):
        platform.issue(scopes=["identity.admin"])


def test_replayed_assertion_is_refused_also_after_a_crash(identity: Any) -> None:
    """A jti is used once, whether the service was killed in between or not."""
    platform = identity.platform()
    assertion = platform.assertion()
    platform.issue(assertion)
    with pytest.raises(RemoteError, match="UNAUTHENTICATED ASSERTION_REPLAYED"):
        platform.issue(assertion)
    identity.restart_after_kill()
    with pytest.raises(RemoteError, match="UNAUTHENTICATED ASSERTION_REPLAYED"):
        platform.issue(assertion)
    platform.issue()


def test_one_assertion_sent_many_times_at_once_gives_one_token(identity: Any) -> None:
    """Concurrent uses of a jti pass the first check together; the commit lets one through."""
    platform = identity.platform()
    assertion = platform.assertion()

    def use(_: int) -> str:
        try:
            return "issued" if platform.issue(assertion).access_token else ""
        except RemoteError as refusal:
            return refusal.reason

    with ThreadPoolExecutor(16) as threads:
        outcomes = Counter(threads.map(use, range(16)))
    assert outcomes == {"issued": 1, "ASSERTION_REPLAYED": 15}


def test_each_token_serves_in_its_own_place_only(identity: Any) -> None:
    """An access token is no assertion, an assertion no access token, and an authorisation begets no authorisation."""
    platform, payments = identity.platform(), identity.workload("payment-instruction")
    access = platform.issue().access_token
    with pytest.raises(RemoteError, match="ASSERTION_INVALID"):
        platform.issue(access)
    with pytest.raises(RemoteError, match="TOKEN_INVALID"):
        platform.call(rpc.PartyServiceStub, "GetParties", READ, token=platform.assertion())
    request = submission(platform, platform.id)
    authorised = payments.call(rpc.TokenServiceStub, "AuthoriseSubmission", request, token="")
    for wrong in (authorised.authorisation_token, platform.assertion()):
        again = submission(platform, platform.id, access_token=wrong)
        with pytest.raises(RemoteError, match="SUBMISSION_REFUSED"):
            payments.call(rpc.TokenServiceStub, "AuthoriseSubmission", again, token="")
    with pytest.raises(RemoteError, match="SCOPE_MISSING"):
        payments.call(rpc.PartyServiceStub, "GetParties", READ, token=authorised.authorisation_token)


def test_stolen_token_and_stolen_assertion_are_worthless(identity: Any) -> None:
    """Neither a token nor an unused assertion serves anybody with another certificate."""
    victim, thief = identity.platform(), identity.platform()
    token = victim.issue().access_token
    with pytest.raises(RemoteError, match="TOKEN_NOT_BOUND"):
        thief.call(rpc.PartyServiceStub, "GetParties", READ, token=token)
    with pytest.raises(RemoteError, match="CERTIFICATE_MISMATCH"):
        thief.issue(victim.assertion())


@pytest.mark.parametrize("changes", [{"aud": "ringfence"}, {"jti": None}, {"sub": show(new_id())}, {"exp": None}])
def test_unfit_assertions_are_refused_alike(identity: Any, changes: dict[str, object]) -> None:
    """What is wrong with an assertion is not told."""
    with pytest.raises(RemoteError, match=r"^UNAUTHENTICATED ASSERTION_INVALID$"):
        identity.operators[0].issue(identity.operators[0].assertion(**changes))


def test_unknown_principal_and_wrong_key_are_told_nothing(identity: Any) -> None:
    """A stranger with a certificate cannot find out who is registered."""
    platform = identity.platform()
    impostor = identity.client(platform.id, Ed25519PrivateKey.generate())
    for stranger in (impostor, identity.client()):
        with pytest.raises(RemoteError) as refusal:
            stranger.issue()
        assert (refusal.value.reason, refusal.value.metadata) == ("ASSERTION_INVALID", {})


def test_tokens_of_both_versions_verify_after_a_rotation_in_vault(identity: Any) -> None:
    """After the token key is rotated, new tokens name the new version and old ones go on."""
    platform = identity.platform()
    old = platform.issue().access_token
    identity.openbao.admin().write("transit/keys/identity-token/rotate")
    new = platform.issue().access_token
    assert jwt.get_unverified_header(old)["kid"] != jwt.get_unverified_header(new)["kid"]
    for token in (old, new):
        assert claims_of(platform, token)["sub"] == show(platform.id)
        platform.call(rpc.PartyServiceStub, "GetParties", READ, token=token)


def test_assertion_keys_overlap_when_they_rotate(identity: Any) -> None:
    """Within the overlap old and new key serve; a rotation without overlap ends the older ones at once."""
    platform = identity.platform()
    old, new, newest = platform.key, Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()

    def rotate(key: Ed25519PrivateKey, overlap_seconds: int) -> int:
        public = key.public_key().public_bytes_raw()
        request = pb.RotateKeyRequest(public_key=public, overlap_seconds=overlap_seconds)
        ends_ns: int = platform.call(rpc.TokenServiceStub, "RotateKey", request).older_keys_end_ns
        return ends_ns

    assert rotate(new, 600) > 0
    for key in (old, new):
        platform.key = key
        platform.issue()
    rotate(newest, 0)
    for key in (old, new):
        platform.key = key
        with pytest.raises(RemoteError, match="ASSERTION_INVALID"):
            platform.issue()
    platform.key = newest
    platform.issue()


def test_importer_needs_two_operators(identity: Any) -> None:
    """An importer gets no token until another operator than its proposer has confirmed it."""
    platform, (alice, bob) = identity.platform(), identity.operators
    importer, proposed = identity.propose(pb.PRINCIPAL_KIND_IMPORTER, platform.id)
    assert proposed.reason == "APPROVAL_PENDING"
    with pytest.raises(RemoteError, match="UNAUTHENTICATED ASSERTION_INVALID"):
        importer.issue()
    assert identity.confirm(proposed.proposal_id, alice) == ["SECOND_PERSON_REQUIRED"]
    assert identity.confirm(proposed.proposal_id, bob) == [""]
    claims = claims_of(importer, importer.issue().access_token)
    assert "custody.transfers.create" in claims["scope"].split()
    assert claims["tenant"] == show(platform.id)


def test_suspended_platform_gets_no_token_until_another_operator_agrees(identity: Any) -> None:
    """Suspension works at once, survives a restart, and is lifted by two operators."""
    platform, (alice, bob) = identity.platform(), identity.operators
    suspend = pb.SuspendPrincipalsRequest(principal_ids=[platform.id], note="order 7")
    assert alice.reasons(rpc.TokenServiceStub, "SuspendPrincipals", suspend) == [""]
    identity.restart_after_kill()
    with pytest.raises(RemoteError, match="PRINCIPAL_NOT_ACTIVE"):
        platform.issue()
    confirm = pb.ConfirmPrincipalsRequest(principal_ids=[platform.id])
    found = set()
    for by in (alice, alice, bob):
        (answer,) = by.call(rpc.TokenServiceStub, "ConfirmPrincipals", confirm).results
        found.add((answer.reason, answer.proposal_id))
        with pytest.raises(RemoteError, match="PRINCIPAL_NOT_ACTIVE"):
            platform.issue()
    ((reason, proposal),) = found
    assert reason == "APPROVAL_PENDING"
    assert identity.confirm(proposal, bob) == [""]
    platform.issue()


def test_what_waits_is_listed_and_decided(identity: Any) -> None:
    """Over the wire: a proposal survives a restart, is shown to operators, and one of them confirms or refuses it."""
    alice, bob = identity.operators
    (wanted, first), (unwanted, second) = (identity.propose(pb.PRINCIPAL_KIND_REGULATOR) for _ in range(2))
    identity.restart_after_kill()
    listed = {each.id: each for each in waiting(bob)}
    assert {first.proposal_id, second.proposal_id} <= listed.keys()
    shown = listed[first.proposal_id]
    assert (shown.effect, shown.subject_id) == ("identity.RegisterPrincipal", wanted.id)
    assert (shown.proposer_id, shown.proposer_person_id) == (alice.id, alice.id)
    assert wanted.public_key.hex() in shown.description
    decisions = [
        proposals_pb2.ProposalDecision(proposal_id=first.proposal_id, verdict=proposals_pb2.PROPOSAL_VERDICT_CONFIRM),
        proposals_pb2.ProposalDecision(proposal_id=second.proposal_id, verdict=proposals_pb2.PROPOSAL_VERDICT_REFUSE),
        proposals_pb2.ProposalDecision(proposal_id=new_id(), verdict=proposals_pb2.PROPOSAL_VERDICT_REFUSE),
        proposals_pb2.ProposalDecision(proposal_id=first.proposal_id),
    ]
    request = proposals_pb2.DecideProposalsRequest(decisions=decisions)
    reasons = bob.reasons(proposals_pb2_grpc.ProposalServiceStub, "DecideProposals", request)
    assert reasons == ["", "", "PROPOSAL_NOT_FOUND", "INVALID_ARGUMENT"]
    wanted.issue()
    with pytest.raises(RemoteError, match="ASSERTION_INVALID"):
        unwanted.issue()
    assert not {first.proposal_id, second.proposal_id} & {each.id for each in waiting(bob)}


def test_a_page_of_proposals_is_followed_by_the_next(identity: Any) -> None:
    """Pages of one hold all that waits, in the order in which it was proposed."""
    made = [identity.propose(pb.PRINCIPAL_KIND_REGULATOR)[1].proposal_id for _ in range(3)]
    found, token = [], ""
    while True:
        request = proposals_pb2.ListProposalsRequest(page_size=1, page_token=token)
        page = identity.operators[1].call(proposals_pb2_grpc.ProposalServiceStub, "ListProposals", request)
        found += [each.id for each in page.proposals]
        token = page.next_page_token
        if not token:
            break
    assert found[-3:] == made


def waiting(by: Any) -> list[Any]:
    """Returns what somebody is shown of proposals."""
    request = proposals_pb2.ListProposalsRequest()
    return list(by.call(proposals_pb2_grpc.ProposalServiceStub, "ListProposals", request).proposals)


def test_platform_administers_nobody(identity: Any) -> None:
    """A platform's token lacks the scope of operators."""
    platform = identity.platform()
    with pytest.raises(RemoteError, match="SCOPE_MISSING"):
        platform.call(
            rpc.TokenServiceStub, "ConfirmPrincipals", pb.ConfirmPrincipalsRequest(principal_ids=[platform.id])
        )


def test_certificate_is_renewed_for_the_own_name_only(identity: Any) -> None:
    """Enrolment signs a request for the principal's SPIFFE id and refuses anybody else's."""
    platform, other = identity.platform(), identity.platform()
    name = f"spiffe://ringfence.local/principal/{show(platform.id)}"
    request = pb.EnrolRequest(client_assertion=platform.assertion(), certificate_request_pem=certificate_request(name))
    reply = platform.call(rpc.TokenServiceStub, "Enrol", request, token="")
    names = x509.load_pem_x509_certificate(reply.certificate_pem.encode()).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert names.value.get_values_for_type(x509.UniformResourceIdentifier) == [name]
    with pytest.raises(RemoteError, match="ASSERTION_REPLAYED"):
        platform.call(rpc.TokenServiceStub, "Enrol", request, token="")
    foreign = pb.EnrolRequest(client_assertion=other.assertion(), certificate_request_pem=certificate_request(name))
    with pytest.raises(RemoteError, match="INVALID_ARGUMENT"):
        other.call(rpc.TokenServiceStub, "Enrol", foreign, token="")
    nonsense = pb.EnrolRequest(client_assertion=other.assertion(), certificate_request_pem="-----BEGIN")
    with pytest.raises(RemoteError, match="INVALID_ARGUMENT"):
        other.call(rpc.TokenServiceStub, "Enrol", nonsense, token="")


def test_submission_is_authorised_for_the_workload_alone(identity: Any) -> None:
    """payment-instruction gets a token for one tenant and submission; nobody else may ask."""
    platform, payments = identity.platform(), identity.workload("payment-instruction")
    request = submission(platform, platform.id)
    reply = payments.call(rpc.TokenServiceStub, "AuthoriseSubmission", request, token="")
    claims = claims_of(platform, reply.authorisation_token)
    assert claims["cnf"] == {"spiffe": "spiffe://ringfence.local/service/payment-instruction"}
    assert (claims["tenant"], claims["txn"]) == (show(platform.id), show(request.submission_id))
    assert claims["scope"] == "custody.transfers.create custody.book.read"
    assert claims["exp"] * 10**9 == reply.expires_ns
    with pytest.raises(RemoteError, match="TOKEN_NOT_BOUND"):
        platform.call(rpc.PartyServiceStub, "GetParties", READ, token=reply.authorisation_token)
    for stranger in (platform, identity.workload("custody")):
        with pytest.raises(RemoteError, match="WORKLOAD_NOT_ADMITTED"):
            stranger.call(rpc.TokenServiceStub, "AuthoriseSubmission", request, token="")


def test_submission_with_a_wrong_token_or_digest_is_refused(identity: Any) -> None:
    """A token of another certificate or tenant authorises nothing, nor does a second digest under the same id."""
    platform, payments = identity.platform(), identity.workload("payment-instruction")
    other = identity.platform()
    for wrong in (
        submission(platform, other.id),
        submission(platform, platform.id, certificate_sha256=b"x" * 32),
        submission(platform, platform.id, access_token="not.a.token"),
    ):
        with pytest.raises(RemoteError, match="PERMISSION_DENIED SUBMISSION_REFUSED"):
            payments.call(rpc.TokenServiceStub, "AuthoriseSubmission", wrong, token="")
    first = submission(platform, platform.id)
    payments.call(rpc.TokenServiceStub, "AuthoriseSubmission", first, token="")
    payments.call(rpc.TokenServiceStub, "AuthoriseSubmission", first, token="")
    first.digest = b"e" * 32
    with pytest.raises(RemoteError, match="EXISTS_WITH_DIFFERENT_DATA"):
        payments.call(rpc.TokenServiceStub, "AuthoriseSubmission", first, token="")


def test_an_authorisation_is_known_after_a_kill(identity: Any) -> None:
    """Killed between the commit and the retry, the service authorises the same again and nothing else under the id."""
    platform, payments = identity.platform(), identity.workload("payment-instruction")
    request = submission(platform, platform.id)
    payments.call(rpc.TokenServiceStub, "AuthoriseSubmission", request, token="")
    identity.restart_after_kill()
    payments.call(rpc.TokenServiceStub, "AuthoriseSubmission", request, token="")
    request.digest = b"e" * 32
    with pytest.raises(RemoteError, match="EXISTS_WITH_DIFFERENT_DATA"):
        payments.call(rpc.TokenServiceStub, "AuthoriseSubmission", request, token="")


def test_bootstrap_file_counts_once(identity: Any) -> None:
    """A file that gained an operator after the first start gives that operator nothing."""
    late = identity.client()
    file = identity.folder / "first.json"
    entries = json.loads(file.read_text())
    file.write_text(json.dumps([{**entries[0], "id": show(late.id)}]))
    identity.restart_after_kill()
    with pytest.raises(RemoteError, match="ASSERTION_INVALID"):
        late.issue()
