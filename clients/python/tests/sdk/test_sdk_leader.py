"""A client of two servers, of which one leads: it finds the leader and follows a takeover."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from ringfence import Addresses, Client, Patience, RingfenceError, new_id
from ringfence_protos.custody.v1 import custody_pb2_grpc
from ringfence_protos.identity.v1 import identity_pb2_grpc
from ringfence_protos.payment_instruction.v1 import payment_instruction_pb2_grpc, statements_pb2_grpc

from .authority import TestAuthority
from .conftest import credentials_of
from .gathered import transfer
from .services import Instructions, Ledger, Statements, Tokens

NAME = "ringfence.custody.v1.CustodyService"
PAYMENTS = "ringfence.payment_instruction.v1.PaymentInstructionService"
FOLLOWED_SECONDS = 1.5
FILE = bytes(range(256)) * 4_097
"""More than one part."""
PATIENT = Patience(call_seconds=5, retry_seconds=10)


class Node:
    """One of the two servers: what it serves, and the health that says whether it leads."""

    def __init__(self, authority: TestAuthority) -> None:
        self.ledger, self.instructions, self._health = Ledger(), Instructions(), health.HealthServicer()
        self.statements = Statements()
        self._server = grpc.server(ThreadPoolExecutor(8))
        identity_pb2_grpc.add_TokenServiceServicer_to_server(Tokens(), self._server)
        custody_pb2_grpc.add_CustodyServiceServicer_to_server(self.ledger, self._server)
        payment_instruction_pb2_grpc.add_PaymentInstructionServiceServicer_to_server(self.instructions, self._server)
        statements_pb2_grpc.add_StatementServiceServicer_to_server(self.statements, self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        tls = grpc.ssl_server_credentials([authority.server()], authority.pem, require_client_auth=True)
        self.port = self._server.add_secure_port("127.0.0.1:0", tls)
        self.leads(False)
        self._server.start()

    def leads(self, leads: bool) -> None:
        """Says SERVING or NOT_SERVING from now on, and refuses as a standby does while it does not lead."""
        status = health_pb2.HealthCheckResponse.SERVING if leads else health_pb2.HealthCheckResponse.NOT_SERVING
        self.ledger.refusals = [] if leads else [("UNAVAILABLE", "NOT_LEADER")] * 10_000
        self.statements.refusals = [] if leads else [("UNAVAILABLE", "NOT_LEADER")] * 10_000
        for name in (NAME, PAYMENTS):
            self._health.set(name, status)

    def stop(self) -> None:
        """Ends at once, with its connections."""
        self._server.stop(None).wait()


@pytest.fixture
def nodes(authority: TestAuthority) -> Iterator[list[Node]]:
    """Two servers, of which the first leads."""
    nodes = [Node(authority), Node(authority)]
    nodes[0].leads(True)
    yield nodes
    for each in nodes:
        each.stop()


def client_of(
    nodes: list[Node], authority: TestAuthority, patience: Patience = PATIENT, host: str = "127.0.0.1"
) -> Client:
    """A client that knows both servers."""
    both = ",".join(f"{host}:{each.port}" for each in nodes)
    addresses = Addresses(identity=f"{host}:{nodes[1].port}", custody=both, payment_instruction=both, audit=both)
    return Client(addresses, credentials_of(authority), patience)


@pytest.fixture(params=["127.0.0.1", "localhost"])
def client(nodes: list[Node], authority: TestAuthority, request: pytest.FixtureRequest) -> Iterator[Client]:
    """A client that knows both servers, by address and by name."""
    with client_of(nodes, authority, host=request.param) as client:
        yield client


@pytest.mark.parametrize("leader", [0, 1])
def test_leader_is_found_wherever_it_stands(nodes: list[Node], client: Client, leader: int) -> None:
    """Whichever address is the leader's, calls go there, and the standby is not asked."""
    nodes[0].leads(False)
    nodes[leader].leads(True)
    for _ in range(5):
        assert client.custody.create_transfers(new_id(), [transfer()])
    assert len(nodes[leader].ledger.requests) == 5
    assert not nodes[1 - leader].ledger.requests


def test_takeover_is_followed_there_and_back(nodes: list[Node], client: Client) -> None:
    """When the health of the two changes places, the next call goes to the new leader."""
    for leader in (0, 1, 0, 1):
        nodes[1 - leader].leads(False)
        nodes[leader].leads(True)
        started, before = time.monotonic(), len(nodes[leader].ledger.requests)
        client.custody.totals()
        assert time.monotonic() - started < FOLLOWED_SECONDS
        assert len(nodes[leader].ledger.requests) == before + 1


def test_caller_waits_through_an_interregnum(nodes: list[Node], client: Client) -> None:
    """While nobody leads a call waits, and it is answered within a second or so of the takeover."""
    client.custody.totals()
    nodes[0].leads(False)
    taken_over = list[float]()

    def take_over() -> None:
        nodes[1].leads(True)
        taken_over.append(time.monotonic())

    timer = threading.Timer(2.0, take_over)
    timer.start()
    client.custody.totals()
    assert time.monotonic() - taken_over[0] < FOLLOWED_SECONDS


def test_death_of_the_leader_is_followed(nodes: list[Node], client: Client) -> None:
    """When the leader's server is gone and the standby leads, calls go there."""
    client.custody.totals()
    nodes[0].stop()
    nodes[1].leads(True)
    started = time.monotonic()
    client.custody.totals()
    assert time.monotonic() - started < FOLLOWED_SECONDS


def test_standby_that_seems_healthy_is_left(nodes: list[Node], client: Client) -> None:
    """A server that says SERVING, and yet that it does not lead, is left for the other within the same call."""
    nodes[0].ledger.refusals = [("UNAVAILABLE", "NOT_LEADER")]
    nodes[1].leads(True)
    client.custody.totals()
    client.custody.totals()
    assert (len(nodes[0].ledger.requests), len(nodes[1].ledger.requests)) == (1, 2)


def test_refusal_of_the_leader_is_not_taken_elsewhere(nodes: list[Node], client: Client) -> None:
    """A refusal that has nothing to do with leading is the answer."""
    nodes[1].leads(True)
    nodes[0].ledger.refusals = [("PERMISSION_DENIED", "SCOPE_MISSING")]
    with pytest.raises(RingfenceError, match="SCOPE_MISSING"):
        client.custody.totals()
    assert not nodes[1].ledger.requests


def test_reason_of_the_leader_is_the_one_raised(nodes: list[Node], authority: TestAuthority) -> None:
    """When the leader cannot, and the standby may not, the caller reads why the leader cannot."""
    nodes[0].ledger.refusals = [("UNAVAILABLE", "STORE_UNAVAILABLE")] * 100
    with client_of(nodes, authority, Patience(retry_seconds=0)) as client, pytest.raises(RingfenceError) as refused:
        client.custody.totals()
    assert refused.value.reason == "STORE_UNAVAILABLE"


def test_leader_that_hangs_is_left(nodes: list[Node], authority: TestAuthority) -> None:
    """A server that takes calls and never answers is left after one deadline, though its health looks good."""
    nodes[0].ledger.may_answer.clear()
    nodes[1].leads(True)
    with client_of(nodes, authority, Patience(call_seconds=0.5)) as client:
        client.custody.totals()
    nodes[0].ledger.may_answer.set()
    assert len(nodes[0].ledger.requests) == len(nodes[1].ledger.requests) == 1


def test_closing_cuts_a_call_off_everywhere(nodes: list[Node], authority: TestAuthority) -> None:
    """A call that the closing of its client ends is not made at the next address."""
    nodes[0].ledger.may_answer.clear()
    with client_of(nodes, authority, PATIENT) as client, ThreadPoolExecutor() as threads:
        under_way = threads.submit(client.custody.totals)
        while not nodes[0].ledger.requests:
            time.sleep(0.01)
        client.close()
        nodes[0].ledger.may_answer.set()
        with pytest.raises(RingfenceError) as refused:
            under_way.result()
    assert refused.value.reason == "CLOSED_UNANSWERED"
    assert not nodes[1].ledger.requests


def test_stream_goes_on_at_the_new_leader(nodes: list[Node], client: Client) -> None:
    """A stream that the old leader breaks is resumed at the new one, after the last position."""
    changes = client.payments.watch()
    assert [each.position for each in islice(changes, 2)] == [1, 2]
    nodes[0].leads(False)
    nodes[1].leads(True)
    assert [each.position for each in islice(changes, 2)] == [3, 4]
    assert nodes[1].instructions.asked_after == [2]


@pytest.mark.parametrize("leader", [0, 1])
def test_file_in_parts_goes_to_the_leader_whole(nodes: list[Node], client: Client, leader: int) -> None:
    """A call of many requests is made at the leader's address, wherever that is, and after a takeover at the other."""
    for leads in (leader, 1 - leader):
        nodes[1 - leads].leads(False)
        nodes[leads].leads(True)
        assert client.statements.submit(FILE).credited == 2
    assert [each.statements.files for each in nodes] == [[FILE], [FILE]]


def test_file_in_parts_leaves_a_standby_that_seems_healthy(nodes: list[Node], client: Client) -> None:
    """What a server that does not lead has read of it is sent again to the other, from the beginning."""
    nodes[0].statements.refusals = [("UNAVAILABLE", "NOT_LEADER")]
    nodes[1].leads(True)
    assert client.statements.submit(FILE).credited == 2
    assert [each.statements.files for each in nodes] == [[], [FILE]]
