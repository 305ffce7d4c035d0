"""The NATS of the local stack: certificates as identities, and what each may publish and hear."""

import asyncio
import json
import re
import ssl
from dataclasses import replace
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client
from ringfence_bootstrap.description import NATS_ADMIN, SERVICES
from ringfence_bootstrap.errors import NatsRefused
from ringfence_bootstrap.nats.accounts import inbox_prefix
from ringfence_bootstrap.nats.admin import NatsAdmin
from ringfence_bootstrap.nats.streams import notification_streams, stream_name
from ringfence_bootstrap.plan import differing
from ringfence_local_stack.servers.certificates import Authority, CertificateFiles, infrastructure_id, service_id
from ringfence_local_stack.servers.nats import NatsServer


class Peer:
    """A NATS client under one certificate that collects the errors that the server sends it."""

    def __init__(self, server: NatsServer, certificate: CertificateFiles | None, user: str = "nobody") -> None:
        self._server, self._inbox = server, inbox_prefix(user)
        self._tls = ssl.create_default_context(cafile=str(server.ca_file))
        if certificate:
            self._tls.load_cert_chain(certificate.certificate, certificate.key)
        self.errors: list[str] = []

    async def _note(self, error: Exception) -> None:
        self.errors.append(str(error))

    async def connect(self) -> Client:
        """Connects once, without retries."""
        return await nats.connect(
            self._server.url,
            tls=self._tls,
            error_cb=self._note,
            allow_reconnect=False,
            connect_timeout=2,
            inbox_prefix=self._inbox,
        )


def workload(server: NatsServer, authority: Authority, folder: Path, service: str) -> Peer:
    """A peer with the certificate of a service."""
    return Peer(server, authority.issue(service_id(service), folder, service), service)


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
        heard = [(await bells.next_msg(30)).subject]
        await audit.flush()
        assert bells.pending_msgs == 0
        await custody.close()
        await audit.close()
        return heard, custody_peer.errors

    heard, errors = asyncio.run(run())
    assert heard == ["ringfence.doorbell.custody"]
    assert len(errors) == 1
    assert 'permissions violation for publish to "ringfence.doorbell.identity"' in errors[0].lower()


@pytest.mark.parametrize("service", SERVICES)
def test_nobody_hears_the_answers_to_another(
    nats_server_process: NatsServer, workload_authority: Authority, tmp_path: Path, service: str
) -> None:
    """A service may listen at its own inbox; at another's, the administrator's and at all of them it is refused."""
    others = [f"{inbox_prefix(each)}.>" for each in (*SERVICES, NATS_ADMIN) if each != service]
    refused = [*others, "_INBOX.>", "*.>", ">"]

    async def run() -> list[str]:
        peer = workload(nats_server_process, workload_authority, tmp_path, service)
        client = await peer.connect()
        await client.subscribe(f"{inbox_prefix(service)}.>")
        for subject in refused:
            await client.subscribe(subject)
        await client.flush()
        # The server may answer a flush before it has refused everything.
        async with asyncio.timeout(10):
            while len(peer.errors) < len(refused):
                await asyncio.sleep(0.01)
        await client.close()
        return peer.errors

    errors = asyncio.run(run())
    found = [re.search(r'permissions violation for subscription to "([^"]+)"', each.lower()) for each in errors]
    assert [each[1] for each in found if each] == [each.lower() for each in refused]


@pytest.fixture
def admin(nats_server_process: NatsServer, workload_authority: Authority, tmp_path: Path) -> NatsAdmin:
    """The administrator, who has made all streams anew."""
    made = nats_server_process.admin(workload_authority.issue(infrastructure_id(NATS_ADMIN), tmp_path, NATS_ADMIN))
    made.delete_streams()
    made.make_streams(notification_streams(SERVICES))
    return made


CALLS = ("STREAM.CREATE", "STREAM.UPDATE", "STREAM.DELETE", "STREAM.PURGE", "STREAM.MSG.DELETE", "CONSUMER.CREATE")


@pytest.mark.parametrize("service", SERVICES)
def test_service_publishes_to_its_own_stream_and_changes_none(
    nats_server_process: NatsServer, workload_authority: Authority, tmp_path: Path, admin: NatsAdmin, service: str
) -> None:
    """A service gets acknowledgements for its own subjects; it cannot make, widen, empty or delete any stream."""
    names = [*map(stream_name, SERVICES), "of-its-own"]
    refused = len(CALLS) * len(names) + len(SERVICES) - 1
    before = [admin.request(f"$JS.API.STREAM.INFO.{name}")["config"] for name in names[:-1]]

    async def run() -> list[str]:
        peer = workload(nats_server_process, workload_authority, tmp_path, service)
        client = await peer.connect()
        acknowledged = await client.jetstream(timeout=2).publish(f"ringfence.notify.{service}.settled", b"x")
        assert acknowledged.stream == stream_name(service)
        for name in names:
            wider = {"name": name, "subjects": [f"ringfence.notify.{service}.>", f"other.{name}"], "max_bytes": 9_999}
            for call in CALLS:
                await client.publish(f"$JS.API.{call}.{name}", json.dumps(wider).encode())
        for other in SERVICES:
            if other != service:
                await client.publish(f"ringfence.notify.{other}.settled", b"forged")
        await client.flush()
        async with asyncio.timeout(10):
            while len(peer.errors) < refused:
                await asyncio.sleep(0.01)
        errors = list(peer.errors)
        await client.close()
        return errors

    errors = asyncio.run(run())
    assert [each for each in errors if "permissions violation for publish" not in each.lower()] == []
    assert len(errors) == refused
    assert sorted(admin.stream_names()) == sorted(names[:-1])
    after = [admin.request(f"$JS.API.STREAM.INFO.{name}") for name in names[:-1]]
    assert [each["config"] for each in after] == before
    assert sum(each["state"]["messages"] for each in after) == 1
    admin.delete_streams()
    assert admin.stream_names() == []


def test_streams_are_made_once_and_brought_to_their_definition(admin: NatsAdmin) -> None:
    """What is there stays with its messages, what differs is changed, and what is missing is made."""
    audit, custody = notification_streams(["audit", "custody"])
    admin.make_streams([replace(audit, max_bytes=1 << 20)])
    admin.request(f"$JS.API.STREAM.DELETE.{custody.name}")
    admin.make_streams([audit, custody])
    admin.make_streams([audit, custody])
    assert differing(admin.configuration(audit.name), audit.configuration()) == {}
    assert custody.name in admin.stream_names()


def test_number_of_replicas_is_the_tools(admin: NatsAdmin) -> None:
    """A stream is made with so many replicas, which a server alone refuses aloud."""
    admin.delete_streams()
    with pytest.raises(NatsRefused, match="replicas"):
        admin.make_streams(notification_streams(["audit"], replicas=3))


def test_administrator_hears_of_a_stream_that_is_not_there(admin: NatsAdmin) -> None:
    """A refusal of the JetStream API is an error and not an answer."""
    with pytest.raises(NatsRefused, match="stream not found"):
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


def test_streams_survive_kill_nine(nats_server_process: NatsServer, admin: NatsAdmin) -> None:
    """After signal 9 the server comes back on its port with its streams."""
    nats_server_process.kill()
    assert nats_server_process.pid is None
    nats_server_process.start()
    assert sorted(admin.stream_names()) == sorted(map(stream_name, SERVICES))
