"""Who gets in: every way to come without the right certificate or token ends in exactly one named refusal."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from ringfence_kernel.access.control import AccessRuleMissing, rules_of
from ringfence_kernel.access.peer_certificates import PeerCertificates
from ringfence_kernel.access.refusals import CertificateRequired, TlsVersionRefused
from ringfence_kernel.certificates.trust import TrustBundle
from ringfence_kernel.rpc.errors import RemoteError, remote_error
from ringfence_kernel.values.clock import NANOSECONDS, SystemClock

from ..authorities import KEY_ID, TRUST_DOMAIN, Issued, TestAuthority
from ..authorities import token as signed_token
from ..probe_service import UNRULED_SERVICE, Text
from ..rpc_world import World, bearer


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A served probe."""
    made = World()
    async with made.served():
        yield made


async def call(
    world: World, client: Issued | None, method: str = "Write", text: str = "caller", metadata: Any = ()
) -> str:
    """Calls the probe and returns its answer; raises RemoteError."""
    async with world.stub(client) as stub:
        try:
            answer = await getattr(stub, method)(Text(text=text), metadata=metadata, timeout=5)
        except grpc.aio.AioRpcError as error:
            raise remote_error(error) from None
        return str(answer.text)


async def refusal(world: World, client: Issued | None, method: str = "Write", metadata: Any = ()) -> tuple[str, str]:
    """Returns code and reason of a call that must be refused, and proves that it never reached the servicer."""
    with pytest.raises(RemoteError) as caught:
        await call(world, client, method, metadata=metadata)
    assert world.probe.calls == 0
    return caught.value.code, caught.value.reason


async def test_a_bound_token_with_the_scope_is_admitted(world: World) -> None:
    """The servicer sees the caller that certificate and token name."""
    client = world.client_ca.principal()
    answer = await call(world, client, metadata=bearer(world.token_for(client)))
    assert answer.startswith(f"spiffe://{TRUST_DOMAIN}/principal/")
    assert answer.endswith("['test.read', 'test.write']")


async def test_without_a_certificate_there_is_no_connection(world: World) -> None:
    """The handshake fails before any metadata is read."""
    assert await refusal(world, None) == ("UNAVAILABLE", "")


async def test_an_expired_certificate_makes_no_connection(world: World) -> None:
    """The handshake refuses a certificate whose time is over."""
    from datetime import timedelta

    expired = world.client_ca.issue(f"spiffe://{TRUST_DOMAIN}/principal/x", lifetime=timedelta(minutes=-1))
    assert await refusal(world, expired) == ("UNAVAILABLE", "")


async def test_a_certificate_that_expires_on_an_open_connection_is_refused(world: World) -> None:
    """The certificate's times are compared on every call, not only when the connection is made."""
    client = world.client_ca.principal()
    async with world.stub(client) as stub:
        await stub.Open(Text(text="x"))
        world.clock.offset_ns = 2 * 3600 * NANOSECONDS
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.Open(Text(text="x"))
    assert remote_error(caught.value).reason == "CERTIFICATE_REQUIRED"


@pytest.mark.parametrize(
    "uris",
    [
        (),
        ("spiffe://elsewhere.example/principal/5f9c3a1e-5d8e-4a3b-9a57-0d6a0f6f2f11",),
        (f"spiffe://{TRUST_DOMAIN}/principal/not-a-uuid",),
        (f"spiffe://{TRUST_DOMAIN}/infrastructure/nats",),
        (
            f"spiffe://{TRUST_DOMAIN}/principal/5f9c3a1e-5d8e-4a3b-9a57-0d6a0f6f2f11",
            f"spiffe://{TRUST_DOMAIN}/principal/5f9c3a1e-5d8e-4a3b-9a57-0d6a0f6f2f12",
        ),
    ],
)
async def test_a_certificate_without_one_identity_of_this_domain_is_refused(
    world: World, uris: tuple[str, ...]
) -> None:
    """A genuine issuer is not enough: the certificate must name exactly one known identity."""
    client = world.client_ca.issue(*uris, dns=("somebody",))
    assert await refusal(world, client, "Open") == ("UNAUTHENTICATED", "CERTIFICATE_REQUIRED")


async def test_the_client_issuer_cannot_make_a_service(world: World) -> None:
    """A service id signed by the issuer of client certificates is refused."""
    impostor = world.client_ca.service("custody")
    assert await refusal(world, impostor, "Follow") == ("UNAUTHENTICATED", "CERTIFICATE_REQUIRED")


async def test_the_workload_issuer_cannot_make_a_principal(world: World) -> None:
    """A principal id signed by the issuer of workload certificates is refused."""
    assert await refusal(world, world.workload_ca.principal(), "Open") == ("UNAUTHENTICATED", "CERTIFICATE_REQUIRED")


async def test_an_unknown_issuer_makes_no_connection(world: World) -> None:
    """A certificate from somewhere else fails the handshake."""
    assert await refusal(world, TestAuthority("clients").principal()) == ("UNAVAILABLE", "")


def test_anything_older_than_tls_1_3_is_refused() -> None:
    """A connection that negotiated TLS 1.2 is refused whatever its certificate says."""
    workloads, clients = TestAuthority("workloads"), TestAuthority("clients")
    peers = PeerCertificates(TrustBundle(workloads.pem), TrustBundle(clients.pem), TRUST_DOMAIN, SystemClock())
    pem = clients.principal().bundle.certificate_chain_pem
    assert peers.identify({"ssl_tls_version": [b"TLSv1.3"], "x509_pem_cert": [pem]}).kind == "principal"
    with pytest.raises(TlsVersionRefused):
        peers.identify({"ssl_tls_version": [b"TLSv1.2"], "x509_pem_cert": [pem]})
    with pytest.raises(CertificateRequired):
        peers.identify({"x509_pem_cert": [pem]})


@pytest.mark.parametrize(
    "metadata",
    [
        (),
        (("authorization", "Bearer "),),
        (("authorization", "Basic eDp5"),),
        (("authorization", "Bearer a.b.c"), ("authorization", "Bearer a.b.c")),
    ],
)
async def test_without_one_bearer_token_the_call_is_refused(world: World, metadata: Any) -> None:
    """None, an empty one, another scheme and two tokens are all TOKEN_MISSING."""
    client = world.client_ca.principal()
    assert await refusal(world, client, metadata=metadata) == ("UNAUTHENTICATED", "TOKEN_MISSING")


@pytest.mark.parametrize("text", ["x", "a.b.c", "e30.e30.", "." * 100, "eyJhbGciOiJub25lIn0.e30."])
async def test_a_malformed_token_is_refused(world: World, text: str) -> None:
    """What is no JWT signed with EdDSA is TOKEN_INVALID."""
    client = world.client_ca.principal()
    assert await refusal(world, client, metadata=bearer(text)) == ("UNAUTHENTICATED", "TOKEN_INVALID")


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "somebody"},
        {"aud": "elsewhere"},
        {"sub": "no uuid"},
        {"sub": None},
        {"jti": None},
        {"exp": None},
        {"exp": "soon"},
        {"iat": 2**40},
        {"cnf": None},
        {"cnf": "x"},
        {"roles": "operator"},
        {"scope": ["test.write"]},
        {"tenant": "no uuid"},
    ],
)
async def test_a_token_with_wrong_claims_is_refused(world: World, claims: dict[str, Any]) -> None:
    """A genuine signature does not help claims that are missing, foreign or of the wrong kind."""
    client = world.client_ca.principal()
    metadata = bearer(world.token_for(client, **claims))
    assert await refusal(world, client, metadata=metadata) == ("UNAUTHENTICATED", "TOKEN_INVALID")


@pytest.mark.parametrize("kind", ["JWT", "", "secevent+jwt"])
async def test_a_jwt_of_another_type_is_no_access_token(world: World, kind: str) -> None:
    """What the same key signs for another purpose is refused by its type (RFC 9068 section 4)."""
    client = world.client_ca.principal()
    text = world.token_for(client, kind=kind)
    assert await refusal(world, client, metadata=bearer(text)) == ("UNAUTHENTICATED", "TOKEN_INVALID")


async def test_a_token_signed_by_another_key_is_refused(world: World) -> None:
    """Neither a foreign key under a known id nor an unknown id is believed."""
    client = world.client_ca.principal()
    foreign = Ed25519PrivateKey.generate()
    for key_id in (KEY_ID, "identity-token.v9"):
        text = signed_token(foreign, client, now_ns=world.clock.now_ns(), key_id=key_id)
        assert await refusal(world, client, metadata=bearer(text)) == ("UNAUTHENTICATED", "TOKEN_INVALID")


async def test_an_expired_token_is_refused_even_after_it_was_believed(world: World) -> None:
    """A remembered token ends with its `exp`."""
    client = world.client_ca.principal()
    metadata = bearer(world.token_for(client))
    await call(world, client, metadata=metadata)
    world.clock.offset_ns = 301 * NANOSECONDS
    world.probe.calls = 0
    assert await refusal(world, client, metadata=metadata) == ("UNAUTHENTICATED", "TOKEN_EXPIRED")


async def test_a_stolen_token_is_refused_even_after_its_owner_used_it(world: World) -> None:
    """A token presented over another certificate is TOKEN_NOT_BOUND."""
    owner, thief = world.client_ca.principal(), world.client_ca.principal()
    metadata = bearer(world.token_for(owner))
    await call(world, owner, metadata=metadata)
    world.probe.calls = 0
    assert await refusal(world, thief, metadata=metadata) == ("UNAUTHENTICATED", "TOKEN_NOT_BOUND")


async def test_a_token_for_a_workload_works_for_that_workload_only(world: World) -> None:
    """A token bound by SPIFFE id is the workload's own, and nobody else's."""
    holder = {"spiffe": f"spiffe://{TRUST_DOMAIN}/service/payment-instruction"}
    metadata = bearer(world.token_for(None, cnf=holder))
    await call(world, world.workload_ca.service("payment-instruction"), metadata=metadata)
    world.probe.calls = 0
    for other in (world.workload_ca.service("custody"), world.client_ca.principal()):
        assert await refusal(world, other, metadata=metadata) == ("UNAUTHENTICATED", "TOKEN_NOT_BOUND")


async def test_a_token_bound_in_an_unknown_or_double_way_is_refused(world: World) -> None:
    """Only the two known confirmation methods count, one at a time."""
    client = world.client_ca.principal()
    for confirmation in ({}, {"jkt": client.thumbprint}, {"x5t#S256": client.thumbprint, "jkt": "x"}):
        metadata = bearer(world.token_for(None, cnf=confirmation))
        assert await refusal(world, client, metadata=metadata) == ("UNAUTHENTICATED", "TOKEN_NOT_BOUND")


async def test_a_missing_scope_is_refused(world: World) -> None:
    """A genuine, bound token without the method's scope is PERMISSION_DENIED."""
    client = world.client_ca.principal()
    metadata = bearer(world.token_for(client))
    assert await refusal(world, client, "Admin", metadata) == ("PERMISSION_DENIED", "SCOPE_MISSING")


async def test_a_remembered_token_falls_with_its_key(world: World) -> None:
    """Once its key is no longer published, a token that was believed before is refused."""
    client = world.client_ca.principal()
    metadata = bearer(world.token_for(client))
    await call(world, client, metadata=metadata)
    world.keys.replace({})
    world.probe.calls = 0
    assert await refusal(world, client, metadata=metadata) == ("UNAUTHENTICATED", "TOKEN_INVALID")


async def test_a_workload_method_admits_the_named_workload_only(world: World) -> None:
    """Other services and all principals, with or without a token, are refused."""
    await call(world, world.workload_ca.service("custody"), "Follow")
    world.probe.calls = 0
    client = world.client_ca.principal()
    for other in (world.workload_ca.service("audit"), client):
        metadata = bearer(world.token_for(other))
        assert await refusal(world, other, "Follow", metadata) == ("PERMISSION_DENIED", "WORKLOAD_NOT_ADMITTED")


async def test_a_handler_without_a_rule_is_closed(world: World) -> None:
    """A method that somehow got served without a rule is refused to everybody."""
    client = world.workload_ca.service("custody")
    assert await refusal(world, client, "Hidden") == ("PERMISSION_DENIED", "METHOD_NOT_OPEN")


def test_a_proto_method_without_the_option_stops_start_up() -> None:
    """The rules of a service cannot be read while one method has none."""
    with pytest.raises(AccessRuleMissing, match="Anything"):
        rules_of([UNRULED_SERVICE])
