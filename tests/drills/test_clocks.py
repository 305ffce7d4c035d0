"""A clock that is wrong for seconds does no damage that lasts, and the service writes again by itself."""

from __future__ import annotations

import time
from collections.abc import Iterator

import grpc
import jwt
import pytest
from ringfence.credentials import Credentials
from ringfence.ids import new_id
from ringfence.ledger import AccountClass, NewTransfer, Purpose, TransferFlag
from ringfence.payments import Decision
from ringfence_local_stack.scenario import Platform, Scenario
from ringfence_local_stack.scenario.payment import Status
from ringfence_local_stack.scenario.waiting import eventually
from ringfence_local_stack.stack.health import is_serving
from ringfence_protos.identity.v1.identity_pb2 import IssueTokenRequest
from ringfence_protos.identity.v1.identity_pb2_grpc import TokenServiceStub

from .clocks import Clocks, clocked, last_event_is_dated_now

HOUR_SECONDS = 3_600
DAY_SECONDS = 86_400
WRONG_SECONDS = 5.0
ABROAD = "LU219990000012345678"
ABOVE_LIMIT_MINOR = 1_100_000


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Scenario, Clocks]]:
    """A stack whose clocks can be set, and a sanctions list."""
    with clocked() as (scenario, clocks):
        scenario.import_list(["Nobody At All"])
        yield scenario, clocks


@pytest.fixture(scope="module")
def scenario(running: tuple[Scenario, Clocks]) -> Scenario:
    """The stack."""
    return running[0]


@pytest.fixture(scope="module")
def clocks(running: tuple[Scenario, Clocks]) -> Clocks:
    """Its clocks."""
    return running[1]


@pytest.fixture(scope="module")
def platform(scenario: Scenario) -> Platform:
    """A platform with one rich client."""
    made = scenario.platform("Anna")
    made.bank.deposit(made.customer("Anna"), 10 * ABOVE_LIMIT_MINOR)
    return made


def issue(scenario: Scenario, credentials: Credentials, ahead_seconds: int) -> str:
    """Asks once for a token, as a client whose own clock is ahead; returns "OK" or the status with its details."""
    now, principal = int(time.time()) + ahead_seconds, str(credentials.principal_id)
    claims = {"iss": principal, "sub": principal, "aud": "ringfence-identity", "iat": now, "exp": now + 120}
    assertion = jwt.encode({**claims, "jti": str(new_id())}, credentials.signing_key, algorithm="EdDSA")
    own = credentials.certificate_key_pem, credentials.certificate_chain_pem
    channel_credentials = grpc.ssl_channel_credentials(credentials.server_ca_pem, *own)
    with grpc.secure_channel(scenario.stack.listens["identity"], channel_credentials) as channel:
        try:
            TokenServiceStub(channel).IssueToken(IssueTokenRequest(client_assertion=assertion), timeout=10)
        except grpc.RpcError as error:
            return f"{error.code().name} {error.details()}"
    return "OK"


def test_identity_an_hour_ahead(scenario: Scenario, clocks: Clocks) -> None:
    """Who asks for a token while identity's clock is ahead gets none; everybody does again when it is right."""
    credentials = scenario.operators[0].credentials
    assert issue(scenario, credentials, 0) == "OK"
    with clocks.wrong("identity", HOUR_SECONDS):
        answer = issue(scenario, credentials, HOUR_SECONDS)
        time.sleep(WRONG_SECONDS)
    assert eventually(lambda: issue(scenario, credentials, 0) == "OK")
    assert answer.startswith("UNAVAILABLE")
    scenario.processes.restart("identity")
    assert eventually(lambda: issue(scenario, credentials, 0) == "OK")
    assert last_event_is_dated_now(scenario, "identity")


def test_custody_thirty_days_ahead(scenario: Scenario, clocks: Clocks, platform: Platform) -> None:
    """No pending transfer expires early, and later transfers are dated right."""
    mirror, client = platform.bank.mirror, platform.account(AccountClass.SUSPENSE)

    def transfer(flags: TransferFlag, timeout_seconds: int = 0) -> str:
        """Creates one transfer; returns its result."""
        new = NewTransfer(
            id=new_id(),
            amount_minor=100,
            currency="EUR",
            code=Purpose.DEPOSIT,
            debit_account_id=mirror.id,
            credit_account_id=client.id,
            user_data_128=client.id,
            timeout_seconds=timeout_seconds,
            flags=flags,
        )
        (result,) = platform.importer.custody.create_transfers(platform.id, [new])
        return result.status

    assert transfer(TransferFlag.PENDING, DAY_SECONDS) == "created"
    pending = client.balances().credits_pending_minor
    assert pending == 100
    with clocks.wrong("custody", 30 * DAY_SECONDS):
        time.sleep(WRONG_SECONDS)
    assert transfer(TransferFlag(0)) == "created"
    assert client.balances().credits_pending_minor == pending
    assert last_event_is_dated_now(scenario, "custody")


def test_payment_instruction_forty_days_ahead(scenario: Scenario, clocks: Clocks, platform: Platform) -> None:
    """A held payment stays held and a sent one sent, and both go on."""
    anna = platform.customer("Anna")
    held = platform.pay(anna, ABROAD, "Moselle Books", ABOVE_LIMIT_MINOR)
    sent = platform.pay(anna, ABROAD, "Moselle Books", 100)
    held.wait_for(Status.HELD)
    sent.wait_for(Status.SENT)
    with clocks.wrong("payment-instruction", 40 * DAY_SECONDS):
        time.sleep(WRONG_SECONDS)
    assert [each.look().state.status for each in (held, sent)] == [Status.HELD, Status.SENT]
    platform.approver.payments.decide([held.id], Decision.APPROVE, "as ordered")
    held.wait_for(Status.SENT)
    assert platform.bank.answer(sent, "ACSC") == "archive"
    sent.wait_for(Status.SETTLED)
    assert last_event_is_dated_now(scenario, "payment-instruction")


@pytest.mark.parametrize("service", ["identity", "custody", "payment-instruction", "audit"])
def test_health_tells_of_a_wrong_clock(scenario: Scenario, clocks: Clocks, service: str) -> None:
    """A service whose clock is behind says so, and is well again by itself when it is right."""
    stack = scenario.stack
    probe = stack.issue_service_certificate("custody")

    def is_well() -> bool:
        """Asks."""
        return is_serving(stack.listens[service], stack.workload_ca_file, probe)

    assert eventually(is_well)
    with clocks.wrong(service, -10):
        assert eventually(lambda: not is_well())
    assert eventually(is_well)
    assert '"event":"clock_wrong"' in stack.log_file(service).read_text()
