"""Peers: certificates that are renewed while calls go on, names that are checked, retries that are bounded."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from ringfence_kernel.certificates.bundle import CertificateBundle, FixedCertificate
from ringfence_kernel.certificates.connecting import client_tls
from ringfence_kernel.certificates.trust import TrustBundle
from ringfence_kernel.feed.hearing import StandingStale
from ringfence_kernel.rpc.errors import RemoteError, remote_error
from ringfence_kernel.rpc.refusals import NotLeader
from ringfence_kernel.values.errors import DomainError, StoreUnavailable

from ..probe_service import SERVICE, Probe, ProbeStub, Text
from ..rpc_world import World

HANDSHAKES = Path(__file__).parents[1] / "handshakes.py"


async def test_a_renewed_server_certificate_is_shown_to_the_next_connection() -> None:
    """The server changes its certificate while it serves; the open connection goes on."""
    world = World()
    client = world.client_ca.principal()
    async with world.served(), world.stub(client) as old:
        await old.Open(Text(text="x"))
        renewed = world.workload_ca.service("probe")
        world.certificate.replace(renewed.bundle)
        await old.Open(Text(text="x"))
        assert await shown_serial(world, client.bundle, world.workloads) == renewed.certificate.serial_number


def test_many_handshakes_at_once_do_not_crash_the_server() -> None:
    """gRPC frees a certificate's configuration that is in use when it is given another one at every handshake."""
    done = subprocess.run([sys.executable, HANDSHAKES], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-2_000:]
    assert int(done.stdout) > 100


async def test_a_renewed_client_certificate_is_used_by_the_next_call_and_the_running_one_ends_well() -> None:
    """A call under way when the certificate changes is answered; the next one shows the new certificate."""
    world = World()
    custody = FixedCertificate(world.workload_ca.service("custody").bundle)
    async with world.served():
        peer = world.peer(custody)
        running = asyncio.ensure_future(peer.call(ProbeStub, "Open", Text(text="wait")))
        while not world.probe.calls:
            await asyncio.sleep(0.01)
        custody.replace(world.workload_ca.service("audit").bundle)
        reply = await peer.call(ProbeStub, "Open", Text(text="caller"))
        world.probe.release.set()
        assert (await running).text == "wait"
        await peer.close()
    assert "service/audit" in reply.text


async def test_a_server_that_is_another_service_is_not_spoken_to() -> None:
    """The name in the certificate must be the peer's, even under the right issuer."""
    world = World()
    async with world.served():
        peer = world.peer(FixedCertificate(world.workload_ca.service("audit").bundle), service="custody")
        with pytest.raises(RemoteError) as caught:
            await peer.call(ProbeStub, "Open", Text(text="x"), timeout=2)
        await peer.close()
    assert caught.value.code == "UNAVAILABLE"
    assert world.probe.calls == 0


async def test_an_idempotent_call_outlasts_a_short_outage() -> None:
    """While the peer is UNAVAILABLE it is tried again; another call is not."""
    world = World()
    async with world.served():
        port = world.port
    peer = world.peer(FixedCertificate(world.workload_ca.service("audit").bundle))
    with pytest.raises(RemoteError) as caught:
        await peer.call(ProbeStub, "Open", Text(text="x"), timeout=5)
    assert caught.value.code == "UNAVAILABLE"
    waiting = asyncio.ensure_future(peer.call(ProbeStub, "Open", Text(text="x"), timeout=5, idempotent=True))
    await asyncio.sleep(0.1)
    async with world.served(listen=f"localhost:{port}"):
        assert (await waiting).text == "x"
        await peer.close()


@pytest.mark.parametrize(("code", "seen"), [("CANCELLED", "UNAVAILABLE"), ("ABORTED", "ABORTED")])
def test_a_peer_that_cancels_a_call_is_unavailable(code: str, seen: str) -> None:
    """A server that stops cancels what just arrives; to its caller that is an outage like any other."""
    error = remote_error(grpc.aio.AioRpcError(grpc.StatusCode[code], grpc.aio.Metadata(), grpc.aio.Metadata()))
    assert (error.code, error.is_transient) == (seen, seen == "UNAVAILABLE")


async def test_a_call_to_nobody_ends_within_its_deadline() -> None:
    """Retries never outlast the timeout of the call."""
    world = World()
    async with world.served():
        pass
    peer = world.peer(FixedCertificate(world.workload_ca.service("audit").bundle))
    started = asyncio.get_running_loop().time()
    with pytest.raises(RemoteError) as caught:
        await peer.call(ProbeStub, "Open", Text(text="x"), timeout=1, idempotent=True)
    assert caught.value.is_transient
    assert asyncio.get_running_loop().time() - started < 2
    await peer.close()


async def test_a_stream_is_read_to_its_end_and_its_refusal_is_raised() -> None:
    """A peer's stream yields replies and raises the refusal that ends it."""
    world = World()
    async with world.served():
        caller = world.workload_ca.service("audit")
        peer = world.peer(FixedCertificate(caller.bundle))
        token = world.token_for(caller)
        seen = [reply.text async for reply in peer.stream(ProbeStub, "Watch", Text(text="end"), token=token)]
        with pytest.raises(RemoteError) as caught:
            [reply async for reply in peer.stream(ProbeStub, "Watch", Text(text="refuse"), token=token)]
        await peer.close()
    assert seen == ["0", "1", "2", "end"]
    assert (caught.value.reason, caught.value.metadata) == ("PROBE_REFUSED", {"account": "17"})


async def test_an_expired_certificate_of_the_server_is_refused() -> None:
    """A server that could not renew is not spoken to any more."""
    world = World()
    world.certificate.replace(world.workload_ca.service("probe", lifetime=timedelta(minutes=-1)).bundle)
    async with world.served():
        peer = world.peer(FixedCertificate(world.workload_ca.service("audit").bundle))
        with pytest.raises(RemoteError) as caught:
            await peer.call(ProbeStub, "Open", Text(text="x"), timeout=2)
        await peer.close()
    assert caught.value.code == "UNAVAILABLE"


class Post:
    """Whether a process leads, as its gate tells it, or what else it refuses for; how often it was asked."""

    def __init__(self, leads: bool, refusal: type[DomainError] = NotLeader) -> None:
        self.leads, self.refusal, self.asked = leads, refusal, 0

    def __enter__(self) -> None:
        self.asked += 1
        if not self.leads:
            raise self.refusal

    def __exit__(self, *reason: object) -> None:
        return None


async def test_calls_find_the_process_that_leads() -> None:
    """Of two processes the one that leads is called, also when they change places, and the other costs one refusal."""
    first = World(gate=Post(False))
    second = World(workload_ca=first.workload_ca, client_ca=first.client_ca, gate=Post(True))
    async with first.served(), second.served():
        addresses = (f"localhost:{first.port}", f"localhost:{second.port}")
        peer = first.peer(FixedCertificate(first.workload_ca.service("audit").bundle), addresses=addresses)
        for _ in range(3):
            await peer.call(ProbeStub, "Open", Text(text="x"))
        assert (first.probe.calls, second.probe.calls) == (0, 3)
        second.gate.leads = False  # type: ignore[union-attr]
        waiting = asyncio.ensure_future(peer.call(ProbeStub, "Open", Text(text="x"), timeout=5))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        first.gate.leads = True  # type: ignore[union-attr]
        assert (await waiting).text == "x"
        assert (first.probe.calls, second.probe.calls) == (1, 3)
        await peer.close()


class _Older(Probe):
    """A process of a release that has no such method."""

    async def answer(self, request: Text, context: Any) -> Text:
        """Answers as for a method that nobody wrote."""
        self.calls += 1
        raise NotImplementedError


@pytest.mark.parametrize("newer", [True, False])
async def test_a_process_that_does_not_know_the_method_is_left_for_one_that_may(newer: bool) -> None:
    """While a service is upgraded the other process is asked, also for what is not idempotent; each once if need be."""
    first = World(probe=_Older())
    probe = Probe() if newer else _Older()
    second = World(workload_ca=first.workload_ca, client_ca=first.client_ca, probe=probe)
    async with first.served(), second.served():
        addresses = (f"localhost:{first.port}", f"localhost:{second.port}")
        peer = first.peer(FixedCertificate(first.workload_ca.service("audit").bundle), addresses=addresses)
        for _ in range(2):
            if newer:
                assert (await peer.call(ProbeStub, "Open", Text(text="x"))).text == "x"
            else:
                with pytest.raises(RemoteError, match="UNIMPLEMENTED"):
                    await peer.call(ProbeStub, "Open", Text(text="x"))
        assert (first.probe.calls, second.probe.calls) == ((1, 2) if newer else (2, 2))
        await peer.close()


async def test_while_nobody_leads_a_call_is_refused_by_name_in_time() -> None:
    """At the end of its time a call that no process would take says NOT_LEADER."""
    world = World(gate=Post(False))
    async with world.served():
        peer = world.peer(FixedCertificate(world.workload_ca.service("audit").bundle))
        with pytest.raises(RemoteError) as caught:
            await peer.call(ProbeStub, "Open", Text(text="x"), timeout=1)
        await peer.close()
    assert (caught.value.code, caught.value.reason) == ("UNAVAILABLE", "NOT_LEADER")
    assert world.probe.calls == 0


@pytest.mark.parametrize(("refusal", "is_answer"), [(StandingStale, True), (StoreUnavailable, False)])
async def test_what_the_leader_refuses_by_name_is_an_answer(refusal: type[DomainError], is_answer: bool) -> None:
    """It is asked once, and the standby never; who cannot tell for its own sake is left for the other one."""
    first, second = Post(False, refusal), Post(False)
    leader = World(gate=first)
    standby = World(workload_ca=leader.workload_ca, client_ca=leader.client_ca, gate=second)
    async with leader.served(), standby.served():
        addresses = (f"localhost:{leader.port}", f"localhost:{standby.port}")
        peer = leader.peer(FixedCertificate(leader.workload_ca.service("audit").bundle), addresses=addresses)
        with pytest.raises(RemoteError) as caught:
            await peer.call(ProbeStub, "Open", Text(text="x"), timeout=1, idempotent=True)
        assert (first.asked == 1, second.asked == 0) == (is_answer, is_answer)
        if is_answer:
            assert caught.value.reason == refusal.reason
            first.leads = True
            await peer.call(ProbeStub, "Open", Text(text="x"))
            assert second.asked == 0
        await peer.close()


@pytest.mark.parametrize("silent", [0, 1], ids=["is gone", "accepts and is silent"])
async def test_an_address_that_does_not_answer_is_left_within_the_call(silent: int) -> None:
    """A bounded attempt leaves it for the next address, where also the calls after it go."""
    world, accepted = World(), list[asyncio.StreamWriter]()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.append(writer)

    nobody = await asyncio.start_server(say_nothing, "localhost", 0)
    port = nobody.sockets[0].getsockname()[1]
    if not silent:
        nobody.close()
    async with world.served():
        certificate = FixedCertificate(world.workload_ca.service("audit").bundle)
        peer = world.peer(certificate, addresses=(f"localhost:{port}", f"localhost:{world.port}"))
        call = peer.call(ProbeStub, "Open", Text(text="x"), timeout=10, attempt_seconds=0.2, idempotent=True)
        assert (await call).text == "x"
        seen = len(accepted)
        assert bool(seen) is bool(silent)
        await peer.call(ProbeStub, "Open", Text(text="x"))
        await peer.close()
    assert len(accepted) == seen
    for writer in accepted:
        writer.close()
    nobody.close()


async def test_a_slow_answer_is_given_more_time_each_round() -> None:
    """One address that needs a second is not asked for ever for a tenth of it."""
    world = World()
    async with world.served():
        peer = world.peer(FixedCertificate(world.workload_ca.service("audit").bundle))
        call = peer.call(ProbeStub, "Open", Text(text="pause"), timeout=10, attempt_seconds=0.1, idempotent=True)
        assert (await call).text == "pause"
        await peer.close()


async def test_a_process_that_is_gone_is_passed_over() -> None:
    """An idempotent call goes to the address that answers; a stream is refused once, and the next one is served."""
    world = World()
    async with world.served():
        caller = world.workload_ca.service("audit")
        addresses = ("localhost:1", f"localhost:{world.port}")
        peer, other = (world.peer(FixedCertificate(caller.bundle), addresses=addresses) for _ in range(2))
        assert (await peer.call(ProbeStub, "Open", Text(text="x"), idempotent=True)).text == "x"
        token = world.token_for(caller)
        with pytest.raises(RemoteError):
            [reply async for reply in other.stream(ProbeStub, "Watch", Text(text="end"), token=token)]
        assert [reply.text async for reply in other.stream(ProbeStub, "Watch", Text(text="end"), token=token)][-1:] == [
            "end"
        ]
        await peer.close()
        await other.close()


async def shown_serial(world: World, bundle: CertificateBundle, trust: TrustBundle) -> int:
    """Returns the serial number of the certificate that a new connection is shown."""
    context = client_tls(FixedCertificate(bundle), trust)
    context.set_alpn_protocols(["h2"])
    _, writer = await asyncio.open_connection("localhost", world.port, ssl=context)
    tls = writer.get_extra_info("ssl_object")
    assert isinstance(tls, ssl.SSLObject)
    der = tls.getpeercert(binary_form=True)
    writer.close()
    assert der is not None
    return x509.load_der_x509_certificate(der).serial_number


async def test_a_tls_1_2_connection_is_refused_by_name() -> None:
    """A client that speaks only TLS 1.2 is told so; with TLS 1.3 the same bytes are answered."""
    for newest, expected in (
        (ssl.TLSVersion.TLSv1_2, b"Tls version refused"),
        (ssl.TLSVersion.TLSv1_3, b"grpc-status\x010"),
    ):
        world = World()
        context = client_tls(FixedCertificate(world.client_ca.principal().bundle), world.workloads)
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1_2, newest
        context.set_alpn_protocols(["h2"])
        async with world.served():
            assert expected in await answer_to_open(world.port, context, expected)


async def answer_to_open(port: int, context: ssl.SSLContext, until: bytes) -> bytes:
    """Calls Open over hand-made HTTP/2 (RFC 9113), which a gRPC client would not do without TLS 1.3."""
    fields = {
        b":method": b"POST",
        b":scheme": b"https",
        b":path": f"/{SERVICE}/Open".encode(),
        b":authority": b"localhost",
        b"content-type": b"application/grpc",
        b"te": b"trailers",
    }
    headers = b"".join(
        b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value for name, value in fields.items()
    )
    reader, writer = await asyncio.open_connection("localhost", port, ssl=context)
    writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b""))
    writer.write(frame(1, 4, 1, headers) + frame(0, 1, 1, bytes(5)))
    answer = b""
    async with asyncio.timeout(5):
        while until not in answer and not reader.at_eof():
            answer += await reader.read(4096)
    writer.close()
    return answer


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """Returns an HTTP/2 frame."""
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload
