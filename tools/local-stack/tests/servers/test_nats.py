"""The NATS of the local stack: certificates as identities, and what each may publish and hear."""

import asyncio
import ssl
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client
from ringfence_local_stack.errors import LocalStackError
from ringfence_local_stack.servers.certificates import Authority, CertificateFiles, infrastructure_id, service_id
from ringfence_local_stack.servers.nats import NATS_ADMIN, NatsServer, stream_name


class Peer:
    """A NATS client under one certificate that collects the errors that the server sends it."""

    def __init__(self, server: NatsServer, certificate: CertificateFiles | None) -> None:
        self._server = server
        self._tls = ssl.create_default_context(cafile=str(server.ca_file))
        if certificate:
            self._tls.load_cert_chain(certificate.certificate, certificate.key)
        self.errors: list[str] = []

    async def _note(self, error: Exception) -> None:
        self.errors.append(str(error))

    async def connect(self) -> Client:
        """Connects once, without retries."""
        return await nats.connect(
            self._server.url, tls=self._tls, error_cb=self._note, allow_reconnect=False, connect_timeout=2
        )


def workload(server: NatsServer, authority: Authority, folder: Path, service: str) -> Peer:
    """A peer with the certificate of a service."""
    return Peer(server, authority.issue(service_id(service), folder, service))


def test_service_rings_its_own_doorbell_and_others_hear_it(
    nats_server_process: NatsServer, workload_authority: Authority, tmp_path: Path
) -> None:
    """A doorbell of custody reaches audit; custody ringing as identity is refused and reaches nobody."""

    async def run() -> tuple[list[str], list[str]]:
        custody_peer = workload(nats_server_process, workload_authority, tmp_path, "custody")
        custody = await custody_peer.connect()
        audit = await workload(nats_server_process, workload_authority, tmp_path, "audit").connect()
        bells = await audit.subscribe("ringfence.doorbell.>")
        await audit.flush()
        await custody.publish("ringfence.doorbell.identity", b"forged")
        await custody.publish("ringfence.doorbell.custody", b"7")
        await custody.flush()
        heard = [(await bells.next_msg(2)).subject]
        await audit.flush()
        assert bells.pending_msgs == 0
        await custody.close()
        await audit.close()
        return heard, custody_peer.errors

    heard, errors = asyncio.run(run())
    assert heard == ["ringfence.doorbell.custody"]
    assert len(errors) == 1
    assert 'permissions violation for publish to "ringfence.doorbell.identity"' in errors[0].lower()


def test_service_publishes_to_its_own_stream_and_cannot_delete_it(
    nats_server_process: NatsServer, workload_authority: Authority, tmp_path: Path
) -> None:
    """A service makes its stream and gets acknowledgements; deleting is the administrator's, and works."""
    name = stream_name("payment-instruction")
    subjects = ["ringfence.notify.payment-instruction.>"]

    async def run() -> list[str]:
        peer = workload(nats_server_process, workload_authority, tmp_path, "payment-instruction")
        client = await peer.connect()
        streams = client.jetstream(timeout=1)
        await streams.add_stream(name=name, subjects=subjects)
        acknowledged = await streams.publish("ringfence.notify.payment-instruction.settled", b"x")
        assert (acknowledged.stream, acknowledged.seq) == (name, 1)
        with pytest.raises(asyncio.TimeoutError):
            await streams.delete_stream(name)
        await client.close()
        return peer.errors

    errors = asyncio.run(run())
    assert "$js.api.stream.delete" in errors[0].lower()
    admin = nats_server_process.admin(workload_authority.issue(infrastructure_id(NATS_ADMIN), tmp_path, NATS_ADMIN))
    assert name in admin.delete_streams()
    assert admin.stream_names() == []


def test_administrator_hears_of_a_stream_that_is_not_there(
    nats_server_process: NatsServer, workload_authority: Authority, tmp_path: Path
) -> None:
    """A refusal of the JetStream API is an error and not an answer."""
    admin = nats_server_process.admin(workload_authority.issue(infrastructure_id(NATS_ADMIN), tmp_path, NATS_ADMIN))
    with pytest.raises(LocalStackError, match="stream not found"):
        admin.request("$JS.API.STREAM.DELETE.nothing")


@pytest.mark.parametrize("who", ["nobody", "stranger", "foreign authority"])
def test_unknown_client_is_refused(
    nats_server_process: NatsServer, workload_authority: Authority, tmp_path: Path, who: str
) -> None:
    """No certificate, one whose id is no user, and one of another authority are all turned away."""
    certificates = {
        "nobody": None,
        "stranger": workload_authority.issue(service_id("stranger"), tmp_path, "stranger"),
        "foreign authority": Authority("foreign").issue(service_id("custody"), tmp_path, "foreign"),
    }

    async def run() -> None:
        client = await Peer(nats_server_process, certificates[who]).connect()
        await client.close()

    with pytest.raises((nats.errors.Error, OSError)):
        asyncio.run(run())


def test_streams_survive_kill_nine(
    nats_server_process: NatsServer, workload_authority: Authority, tmp_path: Path
) -> None:
    """After signal 9 the server comes back on its port with its streams."""

    async def make() -> None:
        client = await workload(nats_server_process, workload_authority, tmp_path, "audit").connect()
        await client.jetstream().add_stream(name=stream_name("audit"), subjects=["ringfence.notify.audit.>"])
        await client.close()

    asyncio.run(make())
    nats_server_process.kill()
    assert nats_server_process.pid is None
    nats_server_process.start()
    admin = nats_server_process.admin(workload_authority.issue(infrastructure_id(NATS_ADMIN), tmp_path, NATS_ADMIN))
    assert admin.delete_streams() == [stream_name("audit")]
