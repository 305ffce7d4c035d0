"""Rings and notifications over real NATS: news, never truth."""

from __future__ import annotations

import asyncio
import base64
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest
from ringfence_bootstrap.description import NATS_ADMIN
from ringfence_bootstrap.nats.admin import NatsAdmin
from ringfence_bootstrap.nats.streams import notification_streams, stream_name
from ringfence_kernel.certificates.bundle import CertificateBundle, FixedCertificate
from ringfence_kernel.certificates.connecting import client_tls
from ringfence_kernel.certificates.trust import TrustBundle
from ringfence_kernel.feed import Doorbell, Publisher
from ringfence_kernel.feed import publisher as feed_publisher
from ringfence_kernel.service import hear
from ringfence_kernel.store import EventStore, StoredEvent, load_cursor
from ringfence_kernel.values.clock import SystemClock
from ringfence_kernel.writing.writer import GroupWriter
from ringfence_local_stack.processes.ports import free_ports
from ringfence_local_stack.processes.ways import Way, Ways
from ringfence_local_stack.servers.certificates import Authority, infrastructure_id, service_id
from ringfence_local_stack.servers.database import Database
from ringfence_local_stack.servers.nats import NatsServer
from structlog.testing import capture_logs

from ..tally import CODEC, Tally, count, fill

SERVICE = "custody"


def tls(server: NatsServer, authority: Authority, folder: Path, name: str, uri: str) -> ssl.SSLContext:
    """Returns the TLS context of a peer."""
    files = authority.issue(uri, folder, name)
    context = ssl.create_default_context(cafile=str(server.ca_file))
    context.load_cert_chain(files.certificate, files.key)
    return context


@pytest.fixture
async def doorbell(
    nats_server_process: NatsServer, workload_authority: Authority, tmp_path: Path
) -> AsyncIterator[Doorbell]:
    """A connected doorbell of custody."""
    context = tls(nats_server_process, workload_authority, tmp_path, SERVICE, service_id(SERVICE))
    made = Doorbell(SERVICE, [nats_server_process.url], context)
    await made.connect()
    yield made
    await made.close()


@pytest.fixture
def nats_admin(nats_server_process: NatsServer, workload_authority: Authority, tmp_path: Path) -> NatsAdmin:
    """The administrator, who has made custody's stream anew."""
    files = workload_authority.issue(infrastructure_id(NATS_ADMIN), tmp_path, NATS_ADMIN)
    admin = nats_server_process.admin(files)
    delete_stream(admin)
    admin.make_streams(notification_streams([SERVICE]))
    return admin


def delete_stream(admin: NatsAdmin) -> None:
    """Deletes custody's stream if it is there."""
    if stream_name(SERVICE) in admin.stream_names():
        admin.request(f"$JS.API.STREAM.DELETE.{stream_name(SERVICE)}")


def messages(admin: NatsAdmin) -> int:
    """Tells how many notifications custody's stream has."""
    return int(admin.request(f"$JS.API.STREAM.INFO.{stream_name(SERVICE)}")["state"]["messages"])


async def test_ring_is_heard(doorbell: Doorbell) -> None:
    """Whoever listens to a source is told when it rings."""
    heard = asyncio.Event()
    await doorbell.listen(SERVICE, heard.set)
    await doorbell.ring(1, 7)
    async with asyncio.timeout(5):
        await heard.wait()


async def test_notifications_wait_for_a_stream_that_is_missing(
    doorbell: Doorbell, store: EventStore, nats_admin: NatsAdmin
) -> None:
    """With its stream deleted the publisher says so once and waits; made again, it gets all after the cursor."""
    with capture_logs() as told:
        publisher = Publisher(doorbell, store)
        task = asyncio.create_task(publisher.run())
        heard = asyncio.Event()
        await doorbell.listen(SERVICE, heard.set)
        try:
            await _publish(publisher, store, 3)
            assert await asyncio.to_thread(messages, nats_admin) == 3
            await asyncio.to_thread(delete_stream, nats_admin)
            heard.clear()
            head = await asyncio.to_thread(fill, store, 2)
            publisher.ring()
            await asyncio.sleep(2.5)  # two attempts
            assert heard.is_set()
            assert (await asyncio.to_thread(load_cursor, store, "notifications")).position == head.position - 2
            assert not task.done()
            assert nats_admin.stream_names().count(stream_name(SERVICE)) == 0
            await asyncio.to_thread(nats_admin.make_streams, notification_streams([SERVICE]))
            await _published(store, head.position)
            assert await asyncio.to_thread(messages, nats_admin) == 2
            assert [each["event"] for each in told].count("notification_stream_missing") == 1
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


class Counting(EventStore):
    """A store that counts the events that were read from it."""

    events_read = 0

    def read(self, after: int, limit: int, max_bytes: int = 0) -> list[StoredEvent]:
        """Counts."""
        page = super().read(after, limit)
        self.events_read += len(page)
        return page


async def test_what_was_just_committed_is_not_read_again(
    doorbell: Doorbell, migrated: Database, nats_admin: NatsAdmin
) -> None:
    """Notifications come from memory while it has all of them, and from the store what somebody else has committed."""
    store = Counting(migrated.app_conninfo)
    writer = GroupWriter(store, CODEC, Tally(), SystemClock())
    publisher = Publisher(doorbell, store)
    writer.subscribe(lambda recorded: publisher.ring(writer.head, recorded))
    tasks = [asyncio.create_task(each.run()) for each in (writer, publisher)]
    try:
        for _ in range(50):
            await writer.commit(count(writer.state, "a"))
        await _published(store, 50)
        # A look into the store may see a commit just before its writer tells of it.
        assert store.events_read < 25
        await _publish(publisher, store, 3)
        for _ in range(5):
            await writer.commit(count(writer.state, "a"))
        await _published(store, 58)
        assert await asyncio.to_thread(messages, nats_admin) == 58
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        store.close()


async def test_a_publisher_that_stops_in_order_leaves_its_cursor(
    doorbell: Doorbell, store: EventStore, nats_admin: NatsAdmin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was published before a stop is not published again, however long the stop."""
    monkeypatch.setattr(feed_publisher, "SAVE_SECONDS", 1e9)
    monkeypatch.setattr(feed_publisher, "GATHER_SECONDS", 60)
    task = asyncio.create_task((publisher := Publisher(doorbell, store)).run())
    publisher.ring(head := await asyncio.to_thread(fill, store, 3))
    async with asyncio.timeout(15):
        while await asyncio.to_thread(messages, nats_admin) < 3:
            await asyncio.sleep(0.02)
    await asyncio.sleep(0.1)  # until the last acknowledgement is there
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert load_cursor(store, "notifications").position == head.position


async def _publish(publisher: Publisher, store: EventStore, count: int) -> None:
    """Appends events and waits until the publisher's cursor has passed them."""
    head = await asyncio.to_thread(fill, store, count)
    publisher.ring()
    await _published(store, head.position)


async def _published(store: EventStore, position: int) -> None:
    """Waits until the publisher's cursor has passed a position."""
    async with asyncio.timeout(15):
        while (await asyncio.to_thread(load_cursor, store, "notifications")).position < position:
            await asyncio.sleep(0.02)


async def test_notification_carries_the_trace_of_its_event(doorbell: Doorbell, nats_admin: NatsAdmin) -> None:
    """The W3C trace context of the event travels in the headers of its notification."""
    traceparent = f"00-{'ab' * 16}-{'cd' * 8}-01"
    await (await doorbell.notify("Traced_v1", b"{}", f"traced:{time.time_ns()}", traceparent))
    wanted = {"last_by_subj": f"ringfence.notify.{SERVICE}.Traced_v1"}
    found = await asyncio.to_thread(nats_admin.request, f"$JS.API.STREAM.MSG.GET.{stream_name(SERVICE)}", wanted)
    assert f"traceparent: {traceparent}" in base64.b64decode(found["message"]["hdrs"]).decode()


async def test_silence_of_nats_fails_nothing(workload_authority: Authority) -> None:
    """Without a server, ringing does nothing and publishing says that NATS is away."""
    lonely = Doorbell(SERVICE, ["nats://127.0.0.1:1"], None)
    connecting = asyncio.create_task(lonely.connect())
    await asyncio.sleep(0.1)
    await lonely.ring(1, 1)
    with pytest.raises(ConnectionError):
        await lonely.notify("Happened_v1", b"{}", "id")
    connecting.cancel()
    await asyncio.gather(connecting, return_exceptions=True)


class DeafStreams(Doorbell):
    """A doorbell whose notifications are never acknowledged."""

    async def ring(self, epoch: int, position: int) -> None:
        """Remembers."""
        rings.append((epoch, position))

    async def notify(self, topic: str, payload: bytes, message_id: str, traceparent: str = "") -> asyncio.Future[None]:
        """Is never acknowledged."""
        return asyncio.get_running_loop().create_future()


rings: list[tuple[int, int]] = []


async def test_doorbell_rings_while_notifications_wait(store: EventStore) -> None:
    """Every commit rings at once, however long JetStream takes to acknowledge what was published before."""
    rings.clear()
    publisher = Publisher(DeafStreams(SERVICE, "", None), store)
    task = asyncio.create_task(publisher.run())
    for position in (1, 2, 3):
        publisher.ring(await asyncio.to_thread(fill, store, 1))
        await asyncio.sleep(0.05)
        assert rings[-1] == (1, position)
    await asyncio.to_thread(fill, store, 1)
    publisher.ring()
    async with asyncio.timeout(0.9):
        while rings[-1] != (1, 4):
            await asyncio.sleep(0.01)
    task.cancel()


async def test_publisher_outlives_its_store(migrated: Database) -> None:
    """While the database is away the publisher waits; it does not end."""
    lost = EventStore(psycopg.conninfo.make_conninfo(migrated.app_conninfo, port=1))
    publisher = Publisher(DeafStreams(SERVICE, "", None), lost)
    task = asyncio.create_task(publisher.run())
    publisher.ring()
    await asyncio.wait({task}, timeout=7)
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    lost.close()


async def test_killed_broker_is_heard_again(doorbell: Doorbell, nats_server_process: NatsServer) -> None:
    """After kill -9 of NATS and its restart, rings are heard again on the same subscription."""
    heard = asyncio.Event()
    await doorbell.listen(SERVICE, heard.set)
    await asyncio.to_thread(nats_server_process.kill)
    await doorbell.ring(1, 1)
    await asyncio.to_thread(nats_server_process.start)
    async with asyncio.timeout(10):
        while not heard.is_set():
            await doorbell.ring(1, 2)
            await asyncio.sleep(0.05)


async def test_a_broker_cut_off_without_a_word_is_missed(
    doorbell: Doorbell, nats_server_process: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection stays open and nobody answers: it does not count as one, until somebody does again."""
    monkeypatch.setattr("ringfence_kernel.feed.doorbell.PING_SECONDS", 0.25)
    port = int(nats_server_process.url.rpartition(":")[2])
    with Ways() as ways:
        doorbell.urls = [f"tls://{ways.to('nats', port)}"]
        await doorbell.connect()
        # Longer than a server may leave pings unanswered.
        await asyncio.sleep(1)
        for change, connected in ((lambda name: None, True), (ways.cut, False), (ways.mend, True)):
            change("nats")
            async with asyncio.timeout(60):
                while doorbell.connected is not connected:
                    await asyncio.sleep(0.01)
        await doorbell.close()


async def test_issuer_of_the_broker_is_replaced(
    doorbell: Doorbell, nats_server_process: NatsServer, workload_authority: Authority, tmp_path: Path
) -> None:
    """What is trusted counts from the next connection on: with the wrong issuer none comes to be."""
    certificate = workload_authority.issue(service_id(SERVICE), tmp_path, SERVICE)
    bundle = CertificateBundle(certificate.key.read_bytes(), certificate.certificate.read_bytes(), 0)
    trust = TrustBundle(nats_server_process.ca_file.read_bytes())
    doorbell.trust(client_tls(FixedCertificate(bundle), trust, doorbell.trust))
    trust.replace(Authority("another").certificate.encode())
    assert doorbell.connected
    await asyncio.to_thread(nats_server_process.kill)
    await asyncio.to_thread(nats_server_process.start)
    with capture_logs() as logs:
        async with asyncio.timeout(20):
            while not any(line.get("error") == "SSLCertVerificationError" for line in logs):
                await asyncio.sleep(0.05)
    assert not doorbell.connected
    trust.replace(nats_server_process.ca_file.read_bytes())
    async with asyncio.timeout(20):
        while not doorbell.connected:
            await asyncio.sleep(0.05)


async def test_doorbell_that_the_broker_sent_away_is_replaced(doorbell: Doorbell) -> None:
    """A client that is closed for good, as after an error of the broker, ends `hear`, which is then started again."""
    heard = asyncio.Event()
    hearing = asyncio.create_task(hear(doorbell, {SERVICE: heard.set}).run())
    await asyncio.sleep(0.3)
    await doorbell.close()
    with pytest.raises(ConnectionError):
        async with asyncio.timeout(5):
            await hearing
    hearing = asyncio.create_task(hear(doorbell, {SERVICE: heard.set}).run())
    async with asyncio.timeout(5):
        while not heard.is_set():
            await doorbell.ring(1, 1)
            await asyncio.sleep(0.05)
    hearing.cancel()


async def test_hearing_ends_whenever_it_is_cancelled(doorbell: Doorbell) -> None:
    """However far it has come, to connect or to listen, a cancelled task ends: the client does not keep it."""
    for turns in range(150):
        hearing = asyncio.ensure_future(hear(doorbell, {"identity": lambda: None}).run())
        for _ in range(turns):
            await asyncio.sleep(0)
        hearing.cancel()
        done, _ = await asyncio.wait({hearing}, timeout=2)
        assert done, f"cancelled after {turns} turns of the loop"


async def test_of_several_servers_one_that_answers_is_connected_to(
    nats_server_process: NatsServer, workload_authority: Authority, tmp_path: Path
) -> None:
    """Addresses at which nobody listens are passed by; those that lead there and back are as good as each other."""
    context = tls(nats_server_process, workload_authority, tmp_path, SERVICE, service_id(SERVICE))
    (nobody,) = free_ports(1)
    async with Way(nats_server_process.port).open() as way:
        urls = [f"tls://127.0.0.1:{nobody}", f"tls://127.0.0.1:{way.port}", nats_server_process.url]
        several = Doorbell(SERVICE, urls, context)
        await several.connect()
        assert several.connected
        await several.ring(1, 1)
        await several.close()
