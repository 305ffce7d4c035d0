"""Whoever is suspended is refused by every method of every service at once, while the token still lives."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

import pytest
from ringfence.credentials import Credentials
from ringfence.identity import CertificatePin, PrincipalKind, require_done
from ringfence.ids import new_id
from ringfence.payments import Decision
from ringfence_local_stack.sandbox.onboarding import agree
from ringfence_local_stack.scenario import Scenario
from ringfence_local_stack.scenario.ibans import new_iban
from ringfence_local_stack.scenario.payment import Status
from ringfence_local_stack.scenario.waiting import eventually
from ringfence_protos.identity.v1 import identity_pb2

from .wire import Answer, Method, Wire, methods

ALL = methods()
SERVICES = sorted({method.service for method in ALL})
WITH_TOKEN = [method for method in ALL if method.access.scope]
WITHOUT = {method.descriptor.name: method for method in ALL if method.access.certificate_only}
SUSPENDED = ("PERMISSION_DENIED", "PRINCIPAL_SUSPENDED")
ENDED = ("UNAUTHENTICATED", "TOKEN_ENDED")
OF_PLATFORMS = (PrincipalKind.PLATFORM_APPROVER, PrincipalKind.IMPORTER)
GIVEN_UP_SECONDS = 20.0
HEARD_SECONDS = 2.5
"""Every service has heard of a revocation in two seconds, without NATS too."""


@dataclass(frozen=True)
class Holder:
    """Somebody with a living token, and whose suspension stops them."""

    wire: Wire
    credentials: Credentials
    token: str
    stopped_by: UUID

    def call(self, method: Method) -> Answer:
        """Calls a method with the token."""
        return self.wire.call(method, token=self.token)


def issue(wire: Wire, credentials: Credentials) -> Answer:
    """Asks identity for a token."""
    request = identity_pb2.IssueTokenRequest(client_assertion=credentials.assertion())
    return wire.call(WITHOUT["IssueToken"], request.SerializeToString())


def holder(scenario: Scenario, kind: PrincipalKind, *, with_platform: bool = False) -> Holder:
    """Registers somebody and gets a token for them; `with_platform` it is their platform that will be suspended."""
    platform = scenario.principal(PrincipalKind.PLATFORM).credentials.principal_id if kind in OF_PLATFORMS else None
    name = new_id().hex
    scenario.sandbox.principal(name, kind, tenant_id=platform)
    credentials = scenario.sandbox.client(name).credentials
    wire = Wire(scenario.stack, credentials)
    token = identity_pb2.IssueTokenResponse.FromString(issue(wire, credentials).reply).access_token
    stopped_by = platform if with_platform and platform else credentials.principal_id
    return Holder(wire, credentials, token, stopped_by)


@pytest.fixture(scope="module")
def suspended(scenario: Scenario) -> Iterator[dict[str, Holder]]:
    """Everybody with a token that was good everywhere, suspended since, which all services have heard."""
    made = {kind.name: holder(scenario, kind) for kind in PrincipalKind}
    made["of a suspended platform"] = holder(scenario, PrincipalKind.PLATFORM_APPROVER, with_platform=True)
    for each in made.values():
        assert SUSPENDED[1] not in {each.call(method).reason for method in WITH_TOKEN}
    suspend(scenario, *made.values())
    for each in made.values():
        await_refused(each)
    yield made
    for each in made.values():
        each.wire.close()


def suspend(scenario: Scenario, *holders: Holder) -> None:
    """One operator stops them."""
    require_done(scenario.operators[0].identity.suspend_principals([each.stopped_by for each in holders], "test"))


def await_refused(who: Holder, reason: str = SUSPENDED[1]) -> None:
    """Returns once no service answers."""
    end = time.monotonic() + GIVEN_UP_SECONDS
    for service in SERVICES:
        method = next(method for method in WITH_TOKEN if method.service == service)
        while who.call(method).reason != reason:
            assert time.monotonic() < end, service
            time.sleep(0.02)


@pytest.mark.parametrize("who", [*PrincipalKind.__members__, "of a suspended platform"])
@pytest.mark.parametrize("method", WITH_TOKEN, ids=str)
def test_a_living_token_opens_no_method(suspended: dict[str, Holder], method: Method, who: str) -> None:
    """Reads and commands, streams among them, with the scope for it or without: one reason, nothing else is told."""
    answer = suspended[who].call(method)
    assert (answer.code, answer.reason) == SUSPENDED


def pin(scenario: Scenario, who: Holder) -> None:
    """Two operators pin the certificate and the key that it acts by."""
    held = who.credentials
    key = held.signing_key.public_key().public_bytes_raw()
    new = CertificatePin(principal_id=held.principal_id, certificate_sha256=held.certificate_sha256, public_key=key)
    agree(scenario.operators[1], scenario.operators[0].identity.pin_certificates([new]))


def stop_for_a_while(scenario: Scenario, who: Holder) -> None:
    """It is suspended, and two operators lift that at once."""
    suspend(scenario, who)
    agree(scenario.operators[1], scenario.operators[0].identity.confirm_principals([who.stopped_by]))


@pytest.fixture(scope="module")
def renewed(scenario: Scenario) -> Iterator[dict[str, tuple[Holder, str]]]:
    """Somebody with a pin, or activated again, with a token from before and one since."""
    made = {}
    for change in (pin, stop_for_a_while):
        who = holder(scenario, PrincipalKind.OPERATOR)
        change(scenario, who)
        reply = issue(who.wire, who.credentials).reply
        made[change.__name__] = who, identity_pb2.IssueTokenResponse.FromString(reply).access_token
        await_refused(who, ENDED[1])
    yield made
    for who, _ in made.values():
        who.wire.close()


@pytest.mark.parametrize("change", [pin.__name__, stop_for_a_while.__name__])
@pytest.mark.parametrize("method", WITH_TOKEN, ids=str)
def test_a_token_from_before_opens_no_method(
    renewed: dict[str, tuple[Holder, str]], method: Method, change: str
) -> None:
    """Of who has another certificate, or was suspended and is not any more; one issued right after it does."""
    who, token = renewed[change]
    answer = who.call(method)
    assert (answer.code, answer.reason) == ENDED
    assert who.wire.call(method, token=token).reason not in (ENDED[1], SUSPENDED[1])


def test_no_method_without_a_token_gives_one_to_whoever_is_suspended(suspended: dict[str, Holder]) -> None:
    """Three ask for a certificate alone: two look for themselves whom the request names, one gives public keys."""
    assert set(WITHOUT) == {"IssueToken", "Enrol", "GetJwks"}
    for each in suspended.values():
        assert issue(each.wire, each.credentials).code == "PERMISSION_DENIED"
        assert each.call(WITHOUT["Enrol"]).code != "OK"


@pytest.fixture
def silent(scenario: Scenario) -> Iterator[None]:
    """NATS is away."""
    scenario.processes.nats.stop()
    yield
    scenario.processes.nats.start()


@pytest.mark.usefixtures("silent")
def test_without_rings_every_service_hears_of_it(scenario: Scenario) -> None:
    """They look for themselves, the log too."""
    who = holder(scenario, PrincipalKind.OPERATOR)
    suspend(scenario, who)
    await_refused(who)
    who.wire.close()


def test_one_authorisation_is_revoked(scenario: Scenario) -> None:
    """Its submission stops before custody is asked, approved or not; another of the same maker goes on."""
    name = f"Mia {new_id().hex}"
    platform = scenario.platform(name)
    customer = platform.customer(name)
    platform.bank.deposit(customer, 10_000_000)
    revoked, other = (platform.pay(customer, new_iban(), "Ove Lind", amount) for amount in (1_100_000, 1_200_000))
    for each in (revoked, other):
        each.wait_for(Status.HELD)
    submission = revoked.look().submission_id
    platform.client.identity.revoke_authorisation(platform.id, submission, "sent by mistake")
    time.sleep(HEARD_SECONDS)
    for each in (other, revoked):
        platform.approver.payments.decide([each.id], Decision.APPROVE, "")
    other.wait_for(Status.SENT, Status.SETTLED, Status.RECONCILED)
    assert eventually(lambda: revoked.look().state.reason == "AUTHORISATION_REVOKED", GIVEN_UP_SECONDS)
    assert revoked.look().state.status is Status.HELD
    platform.approver.payments.decide([revoked.id], Decision.REJECT, "")
    revoked.wait_for(Status.REJECTED)
