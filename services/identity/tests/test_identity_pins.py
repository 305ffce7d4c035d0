"""Who signs certificates makes nobody: a principal acts by what two people have pinned for it (ADR 0028)."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from ringfence_identity.principals.domain import principals
from ringfence_identity.principals.domain.principals import NewPin, NewPrincipal
from ringfence_identity.principals.domain.roles import Kind
from ringfence_identity.tokens.adapters.statements import read_statements
from ringfence_identity.tokens.application.declared import Declared, read_statement
from ringfence_identity.tokens.application.measures import two_certified_until_ns
from ringfence_identity.tokens.domain import enrolment
from ringfence_identity.tokens.domain.assertions import check_claims
from ringfence_identity.tokens.domain.bearers import Presented, require_bearer
from ringfence_identity.tokens.domain.errors import CertificateMismatch
from ringfence_identity.tokens.domain.state import State as TokenState
from ringfence_kernel.rpc.errors import RemoteError
from ringfence_kernel.values.clock import DAY_NS, NANOSECONDS
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_kernel.values.ids import new_id, show
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.values.settings import InvalidSetting
from ringfence_kernel.writing.journal import Journal
from ringfence_protos.identity.v1 import identity_pb2 as pb
from ringfence_protos.identity.v1 import identity_pb2_grpc as rpc

from .client import Client
from .conftest import Identity
from .test_identity_service_tokens import certificate_request, submission

KINDS = [kind for kind in pb.PrincipalKind.values() if kind]
OF_PLATFORM = {pb.PRINCIPAL_KIND_PLATFORM_APPROVER, pb.PRINCIPAL_KIND_IMPORTER}
OLD = b"old-principal..."
OWN, FORGED = b"o" * 32, b"f" * 32


def signed_anew(identity: Identity, principal: Client) -> Client:
    """What Vault's operator makes of a principal: a certificate in its name, validly signed, and here its key too."""
    return identity.client(principal.id, principal.key)


def pinned(identity: Identity, principal: Client, certificate: bytes, public_key: bytes = b"") -> list[pb.ItemResult]:
    """Has one operator propose what a principal acts by."""
    pin = pb.CertificatePin(principal_id=principal.id, certificate_sha256=certificate, public_key=public_key)
    request = pb.PinCertificatesRequest(pins=[pin])
    return list(identity.operators[0].call(rpc.TokenServiceStub, "PinCertificates", request).results)


def enrolled(principal: Client) -> pb.EnrolResponse:
    """Renews a principal's certificate."""
    csr = certificate_request(f"spiffe://ringfence.local/principal/{show(principal.id)}")
    request = pb.EnrolRequest(client_assertion=principal.assertion(), certificate_request_pem=csr)
    reply: pb.EnrolResponse = principal.call(rpc.TokenServiceStub, "Enrol", request, token="")
    return reply


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: pb.PrincipalKind.Name(kind))
def test_who_signs_certificates_becomes_nobody(identity: Identity, kind: int) -> None:
    """A validly signed certificate in somebody's name gets neither a token nor another one, even beside the key."""
    tenant = identity.platform().id if kind in OF_PLATFORM else b""
    principal = identity.register(kind, tenant)
    principal.issue()
    forged = signed_anew(identity, principal)
    with pytest.raises(RemoteError, match="UNAUTHENTICATED CERTIFICATE_MISMATCH"):
        forged.issue()
    with pytest.raises(RemoteError, match="UNAUTHENTICATED CERTIFICATE_MISMATCH"):
        enrolled(forged)
    with pytest.raises(RemoteError, match="UNAUTHENTICATED CERTIFICATE_MISMATCH"):
        forged.issue(principal.assertion())
    principal.issue()


def test_who_signs_certificates_becomes_none_of_the_first(identity: Identity) -> None:
    """Operators of the bootstrap file are known by their certificates as well."""
    with pytest.raises(RemoteError, match="CERTIFICATE_MISMATCH"):
        signed_anew(identity, identity.operators[0]).issue()


def test_without_a_pin_nobody_is_let_in(identity: Identity) -> None:
    """Registered without a certificate, a principal waits for two people to pin one; one of them does not do."""
    client = identity.client()
    new = pb.NewPrincipal(
        id=client.id, kind=pb.PRINCIPAL_KIND_REGULATOR, name="no certificate yet", public_key=client.public_key
    )
    request = pb.RegisterPrincipalsRequest(principals=[new])
    (answer,) = identity.operators[0].call(rpc.TokenServiceStub, "RegisterPrincipals", request).results
    assert identity.confirm(answer.proposal_id, identity.operators[1]) == [""]
    with pytest.raises(RemoteError, match="CERTIFICATE_MISMATCH"):
        client.issue()
    (proposed,) = pinned(identity, client, client.certificate_sha256)
    assert proposed.reason == "APPROVAL_PENDING"
    assert identity.confirm(proposed.proposal_id, identity.operators[0]) == ["SECOND_PERSON_REQUIRED"]
    with pytest.raises(RemoteError, match="CERTIFICATE_MISMATCH"):
        client.issue()
    assert identity.confirm(proposed.proposal_id, identity.operators[1]) == [""]
    client.issue()
    identity.restart_after_kill()
    client.issue()


def test_a_lost_certificate_and_key_are_replaced_by_two(identity: Identity) -> None:
    """From the second confirmation on the old certificate, what was enrolled by it, and the old key are nothing."""
    lost = identity.platform()
    stolen = enrolled(lost)
    found = identity.client(lost.id, Ed25519PrivateKey.generate())
    (proposed,) = pinned(identity, lost, found.certificate_sha256, found.public_key)
    lost.issue()
    assert identity.confirm(proposed.proposal_id, identity.operators[1]) == [""]
    with pytest.raises(RemoteError, match="ASSERTION_INVALID"):
        lost.issue()
    thief = replace(lost, key=found.key)
    with pytest.raises(RemoteError, match="CERTIFICATE_MISMATCH"):
        thief.issue()
    assert stolen.certificate_pem
    found.issue()


@pytest.mark.parametrize("is_suspended", [False, True])
def test_a_token_from_before_a_pin_ends_with_it(identity: Identity, is_suspended: bool) -> None:
    """Whoever holds the old certificate changes no key and has nothing authorised; the new one serves at once."""
    lost = identity.platform()
    payments, authorising = identity.workload("payment-instruction"), submission(lost, lost.id)
    stolen = replace(lost, access_token=authorising.access_token)
    found = identity.client(lost.id, Ed25519PrivateKey.generate())
    (first, second), proposals = identity.operators[:2], []
    if is_suspended:
        ids = [lost.id]
        first.call(rpc.TokenServiceStub, "SuspendPrincipals", pb.SuspendPrincipalsRequest(principal_ids=ids, note="x"))
    proposals += pinned(identity, lost, found.certificate_sha256, found.public_key)
    assert identity.confirm(proposals[0].proposal_id, second) == [""]
    if is_suspended:
        request = pb.ConfirmPrincipalsRequest(principal_ids=[lost.id])
        (lifting,) = first.call(rpc.TokenServiceStub, "ConfirmPrincipals", request).results
        assert identity.confirm(lifting.proposal_id, second) == [""]
    token = found.issue().access_token
    rotating = pb.RotateKeyRequest(public_key=stolen.public_key, overlap_seconds=0)
    with pytest.raises(RemoteError, match="UNAUTHENTICATED TOKEN_ENDED"):
        stolen.call(rpc.TokenServiceStub, "RotateKey", rotating)
    with pytest.raises(RemoteError, match="SUBMISSION_REFUSED"):
        payments.call(rpc.TokenServiceStub, "AuthoriseSubmission", authorising, token="")
    with pytest.raises(RemoteError, match="ASSERTION_INVALID"):
        stolen.issue()
    payments.call(rpc.TokenServiceStub, "AuthoriseSubmission", submission(found, found.id), token="")
    found.call(rpc.TokenServiceStub, "RotateKey", rotating, token=token)


def test_what_two_people_read_of_a_pin_is_whole(identity: Identity) -> None:
    """The second person sees whose certificate is replaced by which, and the digest of the key."""
    principal = identity.platform()
    (proposed,) = pinned(identity, principal, FORGED, principal.public_key)
    waiting = identity.operators[1].waiting()
    (shown,) = [each.description for each in waiting if each.id == proposed.proposal_id]
    told = (FORGED.hex(), principal.certificate_sha256.hex(), show(principal.id), "and no other")
    assert [each for each in told if each not in shown] == []


@pytest.mark.parametrize(("field", "certificate", "key"), [("certificate_sha256", b"", b""), ("public_key", OWN, b"x")])
def test_a_malformed_pin_is_refused(field: str, certificate: bytes, key: bytes) -> None:
    """A pin is a SHA-256, and a key an Ed25519 key."""
    with pytest.raises(InvalidArgument, match=field):
        NewPin(OLD, certificate, key)


def old_principal(world: Any) -> None:
    """Registers a platform as v0.1.0 did."""
    new = world.principal(OLD, Kind.PLATFORM, certificate=b"")
    world.happens(principals.register(*world.of_principals, new, world.alice, world.now_ns))


def assertion_of(world: Any, principal: bytes, jti: str = "one") -> Any:
    """Returns a good assertion."""
    named = show(principal)
    claims = {"iss": named, "sub": named, "aud": "ringfence-identity", "exp": world.now_ns // 10**9 + 300, "jti": jti}
    return check_claims(claims, b"k" * 32, world.now_ns)


def test_a_pin_by_enrolment_ends_with_its_certificate(world: Any) -> None:
    """Renewal needs the certificate that counts, and lasts as long as the new one does."""
    assertion, held = assertion_of(world, world.platform), Presented(world.platform, b"c" * 32)
    ends_ns = world.now_ns + 60 * 10**9
    world.happens(enrolment.enrol(*world.of_tokens, assertion, held, OWN, ends_ns, world.now_ns))
    renewed = Presented(world.platform, OWN)
    require_bearer(*world.of_tokens, assertion, renewed, ends_ns - 1)
    with pytest.raises(CertificateMismatch):
        require_bearer(*world.of_tokens, assertion, renewed, ends_ns)


def test_renewals_leave_a_few_certificates(world: Any) -> None:
    """The newest, the one presented and what two people have pinned; in a state that was saved in between as well."""
    ends_ns, in_use = world.now_ns + 10**15, b"i" * 32
    restored, new = TokenState(), b""

    def renew(number: int, presented: bytes, certificate: bytes) -> None:
        assertion = assertion_of(world, world.platform, f"renewal {number}")
        held = Presented(world.platform, presented)
        events = enrolment.enrol(*world.of_tokens, assertion, held, certificate, ends_ns + number, world.now_ns)
        if number > 20:
            for each in events:
                restored.apply(Recorded(0, each.stream, 1, each, world.now_ns, ""), Journal())
        world.happens(events)

    renew(0, b"c" * 32, in_use)
    for number in range(1, 40):
        new = number.to_bytes(32, "big")
        if number == 21:
            restored.restore({name: memoryview(content) for name, content in world.tokens.save()})
        renew(number, in_use, new)
    newest = [number.to_bytes(32, "big") for number in range(32, 40)]
    assert set(world.tokens.pinned[world.platform]) == {b"c" * 32, in_use, *newest}
    assert restored.pinned[world.platform] == world.tokens.pinned[world.platform]
    renew(40, new, b"n" * 32)
    assert len(world.tokens.pinned[world.platform]) == 10
    assert {b"c" * 32, new, b"n" * 32} < set(world.tokens.pinned[world.platform])


def test_what_is_declared_of_whom_a_pin_stands_for_is_not_asked(world: Any) -> None:
    """Two signatures are verified for nobody who has long had a certificate pinned."""
    signer = Signer(world)
    texts = [signer.signed(each, {world.platform: b"c" * 32, OLD: OWN}) for each in (signer.first, signer.second)]
    declared = Declared(world.tokens, world.principal_queries, tuple(map(read_statement, texts)))
    presented = Presented(world.platform, b"c" * 32)
    assert declared.look_up(presented, world.now_ns) == presented
    assert declared.look_up(Presented(OLD, OWN), world.now_ns).declared


def test_certificates_of_two_operators_last_as_long_as_the_second_last_persons(world: Any) -> None:
    """Pinned ones count thirty days, enrolled ones to their end; suspended, lapsed and a person's second do not add."""
    begin_ns = world.now_ns

    def seconds() -> int:
        until_ns = two_certified_until_ns(world.tokens, world.principal_queries, world.now_ns)
        return (until_ns - begin_ns) // NANOSECONDS

    carol, again = new_id(), new_id()
    for operator, person in ((carol, b""), (again, carol)):
        new = NewPrincipal(operator, Kind.OPERATOR, "operator", b"", world.a_key(operator), person, 0, OWN)
        world.happens(principals.register(*world.of_principals, new, world.alice, world.now_ns))
    world.happens(principals.suspend(world.principals, world.bob, "left", world.alice))
    month = 30 * DAY_NS // NANOSECONDS
    assert seconds() == month
    world.happens(principals.pin(world.principals, NewPin(world.alice, OWN), world.bob))
    held, ends_ns = Presented(world.alice, OWN), begin_ns + 40 * DAY_NS
    world.happens(enrolment.enrol(*world.of_tokens, assertion_of(world, world.alice), held, FORGED, ends_ns, begin_ns))
    assert seconds() == month
    world.now_ns = begin_ns + 31 * DAY_NS
    assert seconds() == world.now_ns // NANOSECONDS - begin_ns // NANOSECONDS
    world.happens(principals.pin(world.principals, NewPin(again, OWN), world.alice))
    assert seconds() == (ends_ns - begin_ns) // NANOSECONDS
    restored = TokenState()
    restored.restore({name: memoryview(content) for name, content in world.tokens.save()})
    assert restored.certificates_end_ns(again) == world.now_ns + 30 * DAY_NS
    world.happens(principals.suspend(world.principals, again, "left", world.alice))
    assert seconds() == (world.now_ns - begin_ns) // NANOSECONDS


def test_two_people_end_what_was_enrolled(world: Any) -> None:
    """A pin leaves nothing of what stood before it."""
    assertion, held = assertion_of(world, world.platform), Presented(world.platform, b"c" * 32)
    later_ns = world.now_ns + 10**12
    world.happens(enrolment.enrol(*world.of_tokens, assertion, held, FORGED, later_ns, world.now_ns))
    world.happens(principals.pin(world.principals, NewPin(world.platform, OWN), world.alice))
    for gone in (b"c" * 32, FORGED):
        with pytest.raises(CertificateMismatch):
            require_bearer(*world.of_tokens, assertion, Presented(world.platform, gone), world.now_ns)
    require_bearer(*world.of_tokens, assertion, Presented(world.platform, OWN), world.now_ns)


class Signer:
    """Operators with keys that can sign, known to a world."""

    def __init__(self, world: Any) -> None:
        """Registers three operators."""
        self.world = world
        self.keys = {bytes([number]) * 16: Ed25519PrivateKey.generate() for number in (101, 102, 103)}
        for operator, key in self.keys.items():
            public = key.public_key().public_bytes_raw()
            new = NewPrincipal(operator, Kind.OPERATOR, "operator", b"", public)
            world.happens(principals.register(*world.of_principals, new, world.alice, world.now_ns))
        self.first, self.second, self.third = self.keys

    def signed(self, by: bytes, pins: dict[bytes, bytes], key: bytes = b"") -> str:
        """Returns what an operator says of certificates."""
        claims = {
            "iss": show(by),
            "aud": "ringfence-identity-pins",
            "pins": {show(principal): digest.hex() for principal, digest in pins.items()},
        }
        return jwt.encode(claims, self.keys[key or by], algorithm="EdDSA")

    def counts(self, *texts: str, principal: bytes = OLD, certificate: bytes = OWN) -> bool:
        """Tells whether a certificate is let in on the strength of statements."""
        declared = Declared(self.world.tokens, self.world.principal_queries, tuple(map(read_statement, texts)))
        presented = declared.look_up(Presented(principal, certificate), self.world.now_ns)
        try:
            require_bearer(*self.world.of_tokens, assertion_of(self.world, principal), presented, self.world.now_ns)
        except CertificateMismatch:
            return False
        return True


def test_who_never_had_a_pin_is_declared_by_two_operators(world: Any) -> None:
    """After an upgrade two operators' signed word lets a principal in by that certificate, one's does not."""
    old_principal(world)
    signer = Signer(world)
    one, other = (signer.signed(each, {OLD: OWN}) for each in (signer.first, signer.second))
    assert not signer.counts()
    assert not signer.counts(one)
    assert not signer.counts(one, one)
    assert not signer.counts(one, signer.signed(signer.second, {OLD: FORGED}))
    assert not signer.counts(one, signer.signed(signer.second, {OLD: OWN}, key=signer.first))
    assert not signer.counts(one, other, certificate=FORGED)
    assert signer.counts(one, other)
    own = [signer.signed(each, {signer.first: OWN}) for each in (signer.first, signer.second)]
    assert signer.counts(*own, principal=signer.first)


def test_a_statement_ends_with_its_signer_and_with_the_first_pin(world: Any) -> None:
    """A suspended operator's word is none, and what two people pinned is not undone by an old file."""
    old_principal(world)
    signer = Signer(world)
    both = [signer.signed(each, {OLD: OWN}) for each in (signer.first, signer.second)]
    world.happens(principals.suspend(world.principals, signer.second, "left", world.alice))
    assert not signer.counts(*both)
    both.append(signer.signed(signer.third, {OLD: OWN}))
    assert signer.counts(*both)
    world.happens(principals.pin(world.principals, NewPin(OLD, FORGED), world.alice))
    assert not signer.counts(*both)


def test_one_person_with_two_principals_is_one_signer(world: Any) -> None:
    """Two operators' principals of one person are not two people."""
    old_principal(world)
    signer = Signer(world)
    further = bytes([104]) * 16
    signer.keys[further] = Ed25519PrivateKey.generate()
    public = signer.keys[further].public_key().public_bytes_raw()
    new = NewPrincipal(further, Kind.OPERATOR, "operator", b"", public, signer.first)
    world.happens(principals.register(*world.of_principals, new, world.alice, world.now_ns))
    assert not signer.counts(*(signer.signed(each, {OLD: OWN}) for each in (signer.first, further)))


def test_who_was_declared_renews_and_is_pinned(world: Any) -> None:
    """An enrolment on the strength of statements pins both certificates: the file is needed no more."""
    old_principal(world)
    declared = Presented(OLD, OWN, declared=True)
    later_ns = world.now_ns + 10**12
    assertion = assertion_of(world, OLD)
    world.happens(enrolment.enrol(*world.of_tokens, assertion, declared, FORGED, later_ns, world.now_ns))
    for certificate in (OWN, FORGED):
        require_bearer(*world.of_tokens, assertion, Presented(OLD, certificate), world.now_ns)


def test_operators_alone_sign(world: Any) -> None:
    """Two platforms' word about certificates is nobody's."""
    old_principal(world)
    signer = Signer(world)
    for number in (105, 106):
        platform, key = bytes([number]) * 16, Ed25519PrivateKey.generate()
        signer.keys[platform] = key
        new = NewPrincipal(platform, Kind.PLATFORM, "platform", b"", key.public_key().public_bytes_raw())
        world.happens(principals.register(*world.of_principals, new, world.alice, world.now_ns))
    assert not signer.counts(*(signer.signed(bytes([each]) * 16, {OLD: OWN}) for each in (105, 106)))


@pytest.mark.parametrize("content", ["nonsense", "a.b.c", "\xe9"])
def test_a_file_of_no_statements_stops_the_start(tmp_path: Path, content: str) -> None:
    """A line that is no statement is named, and nothing is served."""
    file = tmp_path / "statements"
    file.write_text(content)
    with pytest.raises(InvalidSetting, match="RINGFENCE_PIN_STATEMENTS_FILE"):
        read_statements(file)


def test_an_assertion_is_no_statement(world: Any) -> None:
    """What opens a call cannot be read as a word about certificates."""
    signer = Signer(world)
    claims = {"iss": show(signer.first), "aud": "ringfence-identity", "pins": {show(new_id()): OWN.hex()}}
    with pytest.raises(ValueError, match="no statement"):
        read_statement(jwt.encode(claims, signer.keys[signer.first], algorithm="EdDSA"))
