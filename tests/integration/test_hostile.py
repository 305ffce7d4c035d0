"""Hostile requests: whatever is sent, the answer is a named refusal, and it comes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ringfence.identity import PrincipalKind
from ringfence_local_stack.sandbox.sandbox import Sandbox
from ringfence_protos.identity.v1 import identity_pb2

from .hostile_messages import requests
from .test_access import ALL, ISSUE_TOKEN
from .wire import Method, Wire

NEVER = {"INTERNAL", "UNKNOWN", "DEADLINE_EXCEEDED", "UNAVAILABLE", "DATA_LOSS", "CANCELLED"}
KINDS = {
    "platform": PrincipalKind.PLATFORM,
    "approver": PrincipalKind.PLATFORM_APPROVER,
    "importer": PrincipalKind.IMPORTER,
}
EXAMPLES = 25


@pytest.fixture(scope="module")
def callers(sandbox: Sandbox) -> Iterator[list[tuple[Wire, str, set[str]]]]:
    """Every kind of principal with its wire, token and scopes."""
    names = ["operator-1", "regulator", "bank-feed"]
    platform = sandbox.principal("hostile-platform", PrincipalKind.PLATFORM)
    for kind in KINDS:
        tenant = None if kind == "platform" else platform.principal_id
        names.append(sandbox.principal(f"hostile-{kind}", KINDS[kind], tenant_id=tenant).name)
    found = []
    for name in names:
        credentials = sandbox.client(name).credentials
        wire = Wire(sandbox.stack, credentials)
        request = identity_pb2.IssueTokenRequest(client_assertion=credentials.assertion())
        reply = identity_pb2.IssueTokenResponse.FromString(wire.call(ISSUE_TOKEN, request.SerializeToString()).reply)
        found.append((wire, reply.access_token, set(reply.scopes)))
    yield found
    for wire, _, _ in found:
        wire.close()


def caller_of(method: Method, callers: list[tuple[Wire, str, set[str]]]) -> tuple[Wire, str]:
    """Returns a caller who is let in, or any where nobody but a workload is."""
    return next(((wire, token) for wire, token, scopes in callers if method.access.scope in scopes), callers[0][:2])


@pytest.mark.parametrize("method", ALL, ids=str)
def test_no_request_makes_a_service_fail(method: Method, callers: list[tuple[Wire, str, set[str]]]) -> None:
    """Malformed and hostile requests by a caller with the right scope are answered, never by INTERNAL, never late."""
    wire, token = caller_of(method, callers)

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def attack(data: st.DataObject) -> None:
        request = data.draw(requests(method.descriptor.input_type))
        answer = wire.call(method, request, token)
        assert answer.code not in NEVER, answer

    attack()


def test_every_scope_has_somebody(callers: list[tuple[Wire, str, set[str]]]) -> None:
    """The attack above is made from inside: each scoped method is tried by somebody who has the scope."""
    scopes = set().union(*(scopes for _, _, scopes in callers))
    assert {method.access.scope for method in ALL if method.access.scope} <= scopes
