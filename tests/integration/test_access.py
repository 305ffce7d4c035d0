"""Who is let in: every door of every service, tried from outside."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import hvac
import pytest
from ringfence.identity import PrincipalKind
from ringfence.ids import new_id
from ringfence_local_stack.sandbox.sandbox import Sandbox
from ringfence_local_stack.stack.local_stack import LocalStack
from ringfence_protos.custody.v1 import custody_pb2
from ringfence_protos.identity.v1 import identity_pb2

from .wire import Method, Wire, methods

ALL = methods()
SCOPED = [method for method in ALL if method.access.scope]
WORKLOADS_ONLY = [method for method in ALL if method.access.workloads]
ISSUE_TOKEN = next(method for method in ALL if method.descriptor.name == "IssueToken")
GET_ACCOUNTS = next(method for method in ALL if method.descriptor.name == "GetAccounts")
LIST_ACCOUNTS = next(method for method in ALL if method.descriptor.name == "ListAccounts")
CREATE_TRANSFERS = next(method for method in ALL if method.descriptor.name == "CreateTransfers")


@pytest.fixture(scope="module")
def platforms(sandbox: Sandbox) -> tuple[str, str]:
    """Two platforms that know nothing of each other."""
    for name in ("access-a", "access-b"):
        sandbox.principal(name, PrincipalKind.PLATFORM)
    return "access-a", "access-b"


@pytest.fixture(scope="module")
def wire(sandbox: Sandbox, platforms: tuple[str, str]) -> Iterator[Wire]:
    """Calls as the first platform."""
    opened = Wire(sandbox.stack, sandbox.client(platforms[0]).credentials)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def token(sandbox: Sandbox, platforms: tuple[str, str], wire: Wire) -> str:
    """A good token of the first platform."""
    return issue(wire, sandbox.client(platforms[0]).credentials.assertion())


def issue(wire: Wire, assertion: str) -> str:
    """Gets a token for an assertion."""
    request = identity_pb2.IssueTokenRequest(client_assertion=assertion)
    answer = wire.call(ISSUE_TOKEN, request.SerializeToString())
    assert answer.code == "OK", answer
    return identity_pb2.IssueTokenResponse.FromString(answer.reply).access_token


@pytest.fixture(scope="module")
def signer(stack: LocalStack) -> hvac.Client:
    """Vault as identity itself sees it: nobody else may sign with its key, not even the administrator."""
    environment = stack.running.environment("identity")
    vault = hvac.Client(url=environment["VAULT_ADDR"], verify=environment["VAULT_CACERT"])
    vault.token = Path(environment["RINGFENCE_VAULT_WRAPPED_SECRET_ID_FILE"]).read_text().strip()
    secret_id = vault.sys.unwrap()["data"]["secret_id"]
    vault.auth.approle.login(environment["RINGFENCE_VAULT_ROLE_ID"], secret_id)
    return vault


def sign(signer: hvac.Client, claims: dict[str, object], kid: str) -> str:
    """Signs a token with identity's own key."""
    parts = [json.dumps(part).encode() for part in ({"alg": "EdDSA", "typ": "at+jwt", "kid": kid}, claims)]
    signed = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
    answer = signer.secrets.transit.sign_data("identity-token", base64.b64encode(signed.encode()).decode())
    signature = base64.b64decode(answer["data"]["signature"].split(":")[2])
    return f"{signed}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def opened(token: str) -> tuple[dict[str, str], dict[str, object]]:
    """Returns header and claims without checking anything."""
    header, claims, _ = token.split(".")
    return tuple(json.loads(base64.urlsafe_b64decode(part + "==")) for part in (header, claims))  # type: ignore[return-value]


@pytest.mark.parametrize("service", ["identity", "custody", "payment-instruction", "audit"])
def test_call_without_a_certificate_ends_in_the_handshake(stack: LocalStack, service: str) -> None:
    """Who shows no client certificate is not connected at all."""
    running = stack.running
    tls = grpc.ssl_channel_credentials(running.workload_ca_file.read_bytes())
    options = [("grpc.ssl_target_name_override", service)]
    with grpc.secure_channel(running.addresses[service], tls, options) as channel:
        method = next(m for m in ALL if m.service == service)
        with pytest.raises(grpc.RpcError) as refused:
            channel.unary_unary(method.path)(b"", timeout=5)
    assert refused.value.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


@pytest.mark.parametrize("method", SCOPED, ids=str)
def test_method_with_a_scope_needs_a_token(wire: Wire, method: Method) -> None:
    """A certificate alone opens no method that asks for a scope."""
    answer = wire.call(method)
    assert (answer.code, answer.reason) == ("UNAUTHENTICATED", "TOKEN_MISSING")


@pytest.mark.parametrize("method", WORKLOADS_ONLY, ids=str)
def test_method_for_workloads_refuses_a_platform(wire: Wire, token: str, method: Method) -> None:
    """What services say to each other is closed to everybody else, with or without a token."""
    for shown in (None, token):
        answer = wire.call(method, token=shown)
        assert (answer.code, answer.reason) == ("PERMISSION_DENIED", "WORKLOAD_NOT_ADMITTED")


@pytest.mark.parametrize("method", SCOPED, ids=str)
def test_missing_scope_is_refused(wire: Wire, token: str, method: Method) -> None:
    """A platform's token opens exactly the methods whose scope it has."""
    granted = str(opened(token)[1]["scope"]).split()
    answer = wire.call(method, token=token)
    if method.access.scope in granted:
        assert answer.code not in ("UNAUTHENTICATED", "PERMISSION_DENIED"), answer
    else:
        assert (answer.code, answer.reason) == ("PERMISSION_DENIED", "SCOPE_MISSING")


def test_platform_cannot_post_to_custody(wire: Wire, token: str) -> None:
    """A platform instructs; it never posts."""
    answer = wire.call(CREATE_TRANSFERS, token=token)
    assert (answer.code, answer.reason) == ("PERMISSION_DENIED", "SCOPE_MISSING")


def test_stolen_token_is_useless_under_another_certificate(
    sandbox: Sandbox, platforms: tuple[str, str], token: str
) -> None:
    """A token shown with a certificate it was not issued to is refused (RFC 8705 section 3)."""
    thief = Wire(sandbox.stack, sandbox.client(platforms[1]).credentials)
    answer = thief.call(GET_ACCOUNTS, token=token)
    thief.close()
    assert (answer.code, answer.reason) == ("UNAUTHENTICATED", "TOKEN_NOT_BOUND")


def test_expired_token_is_refused(signer: hvac.Client, wire: Wire, token: str) -> None:
    """A token past its time is refused although the right key signed it."""
    header, claims = opened(token)
    now = int(time.time())
    good = sign(signer, claims | {"iat": now, "exp": now + 60}, header["kid"])
    assert wire.call(LIST_ACCOUNTS, token=good).code == "OK"
    expired = sign(signer, claims | {"iat": now - 900, "exp": now - 600}, header["kid"])
    answer = wire.call(GET_ACCOUNTS, token=expired)
    assert (answer.code, answer.reason) == ("UNAUTHENTICATED", "TOKEN_EXPIRED")


@pytest.mark.parametrize(
    "change",
    [{"aud": "somebody"}, {"iss": "somebody"}, {"sub": "not a uuid"}, {"exp": "soon"}, {"cnf": {}}],
    ids=lambda change: next(iter(change)),
)
def test_token_with_a_foreign_claim_is_refused(
    signer: hvac.Client, wire: Wire, token: str, change: dict[str, object]
) -> None:
    """A token for another audience, of another issuer, or without its binding is refused."""
    header, claims = opened(token)
    answer = wire.call(GET_ACCOUNTS, token=sign(signer, claims | change, header["kid"]))
    assert answer.code == "UNAUTHENTICATED"


@pytest.mark.parametrize("broken", ["", "x", "a.b.c", "é", "." * 5_000])
def test_garbage_token_is_refused(wire: Wire, broken: str) -> None:
    """What is no token is refused as one that is not valid."""
    shown = broken if broken.isascii() else base64.b64encode(broken.encode()).decode()
    answer = wire.call(GET_ACCOUNTS, token=shown)
    assert (answer.code, answer.reason) in {("UNAUTHENTICATED", "TOKEN_INVALID"), ("UNAUTHENTICATED", "TOKEN_MISSING")}


def test_replayed_assertion_gives_no_second_token(sandbox: Sandbox, platforms: tuple[str, str], wire: Wire) -> None:
    """A client assertion is used once, also when identity is killed and restarted in between."""
    assertion = sandbox.client(platforms[0]).credentials.assertion()
    issue(wire, assertion)
    request = identity_pb2.IssueTokenRequest(client_assertion=assertion).SerializeToString()
    answer = wire.call(ISSUE_TOKEN, request)
    assert answer.code in ("UNAUTHENTICATED", "PERMISSION_DENIED", "INVALID_ARGUMENT")
    assert answer.reason


def test_foreign_account_looks_exactly_like_a_missing_one(
    sandbox: Sandbox, platforms: tuple[str, str], wire: Wire, token: str
) -> None:
    """Asking for another tenant's book or for one that does not exist gets the same answer to the last byte."""
    other = sandbox.client(platforms[1]).credentials.principal_id
    answers = []
    for book in (other.bytes, new_id().bytes):
        request = custody_pb2.GetAccountsRequest(book_id=book, account_ids=[b"a" * 16])
        answers.append(wire.call(GET_ACCOUNTS, request.SerializeToString(), token))
    assert answers[0] == answers[1]
    assert answers[0].code in ("NOT_FOUND", "PERMISSION_DENIED")
