"""For the tests of the domain a small world in memory; for the others the real service beside real servers."""

import base64
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from ringfence_identity.aliases.domain.state import State as AliasState
from ringfence_identity.aliases.queries import AliasQueries
from ringfence_identity.modules import Modules
from ringfence_identity.parties.domain.kyc import PartyKind
from ringfence_identity.parties.domain.parties import NewParty
from ringfence_identity.parties.domain.state import State as PartyState
from ringfence_identity.parties.queries import PartyQueries
from ringfence_identity.principals.domain import principals
from ringfence_identity.principals.domain.principals import Actor, FirstPrincipal, NewPrincipal
from ringfence_identity.principals.domain.roles import ROLE_OF_KIND, Kind
from ringfence_identity.principals.domain.state import State as PrincipalState
from ringfence_identity.principals.queries import PrincipalQueries
from ringfence_identity.tokens.domain.state import State as TokenState
from ringfence_kernel.values.ids import new_id, show
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.writing.journal import Journal
from ringfence_local_stack.processes.files import private_folder, write_private
from ringfence_local_stack.processes.ports import free_ports
from ringfence_local_stack.processes.process import Process
from ringfence_local_stack.servers.certificates import CertificateFiles
from ringfence_local_stack.servers.database import Database
from ringfence_local_stack.servers.openbao import OpenBaoServer
from ringfence_local_stack.servers.postgres import PostgresServer
from ringfence_local_stack.stack.health import is_serving
from ringfence_protos.common.v1 import feed_pb2, feed_pb2_grpc, proposals_pb2, proposals_pb2_grpc
from ringfence_protos.identity.v1 import identity_pb2 as pb
from ringfence_protos.identity.v1 import identity_pb2_grpc as rpc

from .client import Client
from .naming import a_key, numbered
from .neighbours import Neighbours, neighbours

START_NS = 1_800_000_000 * 10**9
CERTIFICATE = b"c" * 32
"""The SHA-256 of everybody's, unless told otherwise."""


@dataclass
class World:
    """The states of all modules, with two operators and two platforms, and a clock in `now_ns`."""

    modules: Modules = field(default_factory=Modules)
    versions: dict[bytes, int] = field(default_factory=dict)
    journal: Journal = field(default_factory=Journal)
    now_ns: int = START_NS

    alice, bob = numbered(1), numbered(2)
    platform, other = numbered(11), numbered(12)

    @property
    def principals(self) -> PrincipalState:
        """What is kept of principals."""
        return self.modules.principals

    @property
    def tokens(self) -> TokenState:
        """What is kept of tokens."""
        return self.modules.tokens

    @property
    def parties(self) -> PartyState:
        """What is kept of parties."""
        return self.modules.parties

    @property
    def aliases(self) -> AliasState:
        """What is kept of aliases."""
        return self.modules.aliases

    @property
    def principal_queries(self) -> PrincipalQueries:
        """Answers about principals."""
        return self.modules.principal_queries

    @property
    def party_queries(self) -> PartyQueries:
        """Answers about parties."""
        return self.modules.party_queries

    @property
    def alias_queries(self) -> AliasQueries:
        """Answers about aliases."""
        return self.modules.alias_queries

    @property
    def of_principals(self) -> tuple[PrincipalState, PartyQueries]:
        """What registering principals rests on."""
        return self.principals, self.party_queries

    @property
    def of_parties(self) -> tuple[PartyState, PrincipalQueries]:
        """What decisions about parties rest on."""
        return self.parties, self.principal_queries

    @property
    def of_aliases(self) -> tuple[AliasState, PrincipalQueries, PartyQueries]:
        """What decisions about aliases rest on."""
        return self.aliases, self.principal_queries, self.party_queries

    @property
    def of_tokens(self) -> tuple[TokenState, PrincipalQueries]:
        """What decisions about tokens rest on."""
        return self.tokens, self.principal_queries

    @property
    def of_authorisations(self) -> tuple[TokenState, PrincipalQueries, AliasQueries]:
        """What decisions about authorisations rest on."""
        return self.tokens, self.principal_queries, self.alias_queries

    def happens(self, events: Sequence[Any]) -> list[Any]:
        """Applies events and returns them."""
        states = self.modules.states()
        for event in events:
            version = self.versions.get(event.stream, 0) + 1
            self.versions[event.stream] = version
            states.apply(Recorded(0, event.stream, version, event, self.now_ns, ""), self.journal)
        return list(events)

    def first(self, principal: bytes, kind: Kind, certificate: bytes = CERTIFICATE) -> None:
        """Registers by the bootstrap file."""
        new = self.principal(principal, kind, certificate=certificate)
        self.happens(principals.bootstrap(self.principals, FirstPrincipal(new, (ROLE_OF_KIND[kind],)), self.now_ns))

    @staticmethod
    def a_key(of: bytes) -> bytes:
        """Returns a public key, always the same for the same bytes."""
        return a_key(of)

    def principal(
        self, principal: bytes, kind: Kind, tenant: bytes = b"", certificate: bytes = CERTIFICATE
    ) -> NewPrincipal:
        """Describes a principal with a key of its own."""
        name = f"{kind} {principal[-1]}"
        return NewPrincipal(principal, kind, name, tenant, a_key(principal), certificate_sha256=certificate)

    def server(self, tenant: bytes) -> Actor:
        """Returns the platform's server."""
        return Actor(tenant, tenant)

    def party(self, party: bytes, number: str = "A1", digest: str = "", kind: PartyKind = PartyKind.PERSON) -> NewParty:
        """Describes a party whose personal data is `number`."""
        return NewParty(
            party,
            party,
            kind,
            number.encode().rjust(16),
            (digest or number).encode().rjust(16),
            lambda version: {"name": b"sealed at %d" % version},
        )


@pytest.fixture
def world() -> World:
    """Two operators, two platforms."""
    made = World()
    for operator in (made.alice, made.bob):
        made.first(operator, Kind.OPERATOR)
    for tenant in (made.platform, made.other):
        made.happens(
            principals.register(*made.of_principals, made.principal(tenant, Kind.PLATFORM), made.alice, made.now_ns)
        )
    made.journal.clear()
    return made


@dataclass
class Identity:
    """The service as a process, with its own database, beside the session's OpenBao."""

    openbao: OpenBaoServer
    database: Database
    folder: Path
    postgres: PostgresServer
    known: Neighbours
    port: int = field(default_factory=lambda: free_ports(1)[0])
    operators: list[Client] = field(default_factory=list)
    _process: Process | None = None
    _feed: feed_pb2_grpc.FeedServiceStub | None = None

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self.port}"

    def environment(self) -> dict[str, str]:
        """Settings for one start."""
        return {
            "RINGFENCE_SERVICE": "identity",
            "RINGFENCE_LISTEN": self.address,
            **self.database.environment(),
            **self.database.owner_environment(),
            **self.openbao.environment("identity", self.folder),
            # Nobody listens there: the service must do without news.
            "RINGFENCE_NATS_URL": "nats://127.0.0.1:1",
            "RINGFENCE_WORKLOAD_CA_FILE": str(self.folder / "workload-ca.pem"),
            "RINGFENCE_CLIENT_CA_FILE": str(self.folder / "client-ca.pem"),
            "RINGFENCE_TRUST_DOMAIN": "ringfence.local",
            "RINGFENCE_LEAVE_SECONDS": "0",
            "RINGFENCE_BOOTSTRAP_PRINCIPALS_FILE": str(self.folder / "first.json"),
            "RINGFENCE_SNAPSHOT_DIRECTORY": str(self.folder / "snapshots"),
            "RINGFENCE_ERASURE_REGISTER_DIRECTORY": str(self.folder / "register"),
            "RINGFENCE_RETENTION_FILE": str(self.folder / "retention.toml"),
            "RINGFENCE_CUSTODY_ADDRESS": self.known.addresses["custody"],
            "RINGFENCE_PAYMENT_INSTRUCTION_ADDRESS": self.known.addresses["payment-instruction"],
            "RINGFENCE_AUDIT_ADDRESS": self.known.addresses["audit"],
        }

    def retain(self, **days: int) -> None:
        """Sets how many days clients are kept, from the next start on."""
        text = "".join(f"[{name}]\ndays = {each}\n" for name, each in days.items())
        (self.folder / "retention.toml").write_text(text)

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Runs a command of the service to its end."""
        command = [sys.executable, "-m", "ringfence_identity", *arguments]
        return subprocess.run(command, env=self.environment(), capture_output=True, text=True, timeout=60, check=False)

    def start(self) -> None:
        """Starts and waits for SERVING."""
        command = [sys.executable, "-m", "ringfence_identity", "serve"]
        log = self.folder / "identity.log"
        self._process = Process("identity", command, log, self.environment(), None, signal.SIGTERM, self.folder)
        self._process.start()
        probe = self.openbao.issue_service_certificate("custody", private_folder(self.folder / "probe"))
        self._process.wait_until(
            lambda: is_serving(
                self.address, self.folder / "workload-ca.pem", probe, "ringfence.identity.v1.TokenService"
            ),
            40,
            poll_seconds=0.1,
        )

    def stop(self) -> None:
        """Stops it in order."""
        if self._process:
            self._process.stop(20)

    def restart_after_kill(self) -> None:
        """Kills it with signal 9 and starts it again."""
        if self._process:
            self._process.kill()
        self.start()

    def events_replayed(self) -> int:
        """Returns how many events the last start took in beyond its snapshot."""
        lines = (self.folder / "identity.log").read_text().splitlines()
        loaded = [json.loads(line) for line in lines if '"state_loaded"' in line]
        return int(loaded[-1]["events"])

    def client(self, principal: bytes = b"", key: Ed25519PrivateKey | None = None) -> Client:
        """Returns a principal that has a certificate; whether it is registered is another matter."""
        principal = principal or new_id()
        folder = private_folder(self.folder / "clients")
        certificate = self.openbao.issue_principal_certificate(show(principal), folder)
        return Client(principal, key or Ed25519PrivateKey.generate(), certificate, self.connect(certificate))

    def workload(self, service: str) -> Client:
        """Returns another service."""
        certificate = self.openbao.issue_service_certificate(service, private_folder(self.folder / "workloads"))
        return Client(b"", Ed25519PrivateKey.generate(), certificate, self.connect(certificate))

    def head(self) -> feed_pb2.FeedHead:
        """Returns where its feed stands, as audit asks."""
        if self._feed is None:
            self._feed = feed_pb2_grpc.FeedServiceStub(self.workload("audit").channel)
        return self._feed.Head(feed_pb2.HeadRequest(), timeout=10).head

    def connect(self, certificate: CertificateFiles) -> grpc.Channel:
        """Opens a connection of its own."""
        authority = (self.folder / "workload-ca.pem").read_bytes()
        pair = (certificate.key.read_bytes(), certificate.certificate.read_bytes())
        options = [("grpc.ssl_target_name_override", "localhost"), ("grpc.use_local_subchannel_pool", 1)]
        return grpc.secure_channel(self.address, grpc.ssl_channel_credentials(authority, *pair), options=options)

    def propose(self, kind: int, tenant: bytes = b"", by: int = 0) -> tuple[Client, pb.ItemResult]:
        """Has an operator propose a new principal; returns it and the answer."""
        client = self.client()
        new = pb.NewPrincipal(
            id=client.id,
            kind=kind,
            name="under test",
            tenant_id=tenant,
            public_key=client.public_key,
            certificate_sha256=client.certificate_sha256,
        )
        request = pb.RegisterPrincipalsRequest(principals=[new])
        (result,) = self.operators[by].call(rpc.TokenServiceStub, "RegisterPrincipals", request).results
        return client, result

    def register(self, kind: int, tenant: bytes = b"") -> Client:
        """Has two operators register a new principal."""
        client, result = self.propose(kind, tenant)
        assert result.reason == "APPROVAL_PENDING"
        assert self.confirm(result.proposal_id, self.operators[1]) == [""]
        return client

    def confirm(self, proposal: bytes, by: Client) -> list[str]:
        """Has somebody confirm a proposal; returns the reasons."""
        verdict = proposals_pb2.PROPOSAL_VERDICT_CONFIRM
        decision = proposals_pb2.ProposalDecision(proposal_id=proposal, verdict=verdict)
        request = proposals_pb2.DecideProposalsRequest(decisions=[decision])
        return by.reasons(proposals_pb2_grpc.ProposalServiceStub, "DecideProposals", request)

    def platform(self) -> Client:
        """Returns the server of a platform registered just now."""
        return self.register(pb.PRINCIPAL_KIND_PLATFORM)


@pytest.fixture(scope="module")
def identity(
    openbao_server: OpenBaoServer,
    database: Callable[[str], Database],
    postgres_server: PostgresServer,
    stack_folder: Path,
) -> Iterator[Identity]:
    """The running service, with two operators from its bootstrap file."""
    folder = private_folder(stack_folder / f"identity-{new_id().hex()}")
    with neighbours(openbao_server) as known:
        yield from running_identity(Identity(openbao_server, database("identity"), folder, postgres_server, known))


def running_identity(running: Identity) -> Iterator[Identity]:
    """Starts the service, and stops it at the end."""
    folder = running.folder
    for mount in ("workload", "client"):
        write_private(folder / f"{mount}-ca.pem", running.openbao.authority_certificate(f"pki-{mount}") + "\n")
    running.retain(moved=1827, opened=0, applied=0)
    running.operators = [running.client(), running.client()]
    write_private(folder / "first.json", json.dumps([first_operator(each) for each in running.operators]))
    migrated = running.run("migrate")
    assert migrated.returncode == 0, migrated.stderr
    running.start()
    running.known.signed = running.head
    try:
        yield running
    finally:
        running.stop()


def first_operator(client: Client) -> dict[str, object]:
    """Returns an entry of the bootstrap file."""
    return {
        "id": show(client.id),
        "kind": "OPERATOR",
        "name": "operator",
        "roles": ["operator"],
        "public_key_b64url": base64.urlsafe_b64encode(client.public_key).rstrip(b"=").decode(),
        "certificate_sha256_hex": client.certificate_sha256.hex(),
    }
