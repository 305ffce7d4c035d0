"""An issuer is replaced while calls go on: added everywhere, then it signs, then the old one is taken out."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import grpc
import pytest
from ringfence_kernel.certificates.bundle import FixedCertificate
from ringfence_kernel.certificates.trust import NoCertificates, TrustBundle, TrustFile
from ringfence_kernel.rpc.errors import RemoteError, remote_error
from ringfence_kernel.service.trust import Trust
from structlog.testing import capture_logs

from ..authorities import Issued, TestAuthority
from ..probe_service import ProbeStub, Text
from ..rpc_world import World


async def reason_for(stub: Any) -> str:
    """Returns the reason for which a call is refused, UNAVAILABLE for no connection, nothing where it is answered."""
    try:
        await stub.Open(Text(text="x"), timeout=5)
    except grpc.aio.AioRpcError as error:
        return remote_error(error).reason or error.code().name
    return ""


async def newly_connected(world: World, client: Issued) -> str:
    """The same on a connection of its own, of a client that trusts whatever the server shows."""
    async with world.stub(client) as stub:
        return await reason_for(stub)


async def test_issuer_of_principals_is_replaced_and_no_call_is_refused_before_its_time() -> None:
    """The new one's clients are let in once it is added, the old one's until it is gone, on open connections too."""
    world, successor = World(), TestAuthority("clients, the next")
    old, new = world.client_ca.principal(), successor.principal()
    async with world.served(), world.stub(old) as connected:
        assert await newly_connected(world, new) == "UNAVAILABLE"
        world.clients.replace(world.client_ca.pem + successor.pem)
        assert [await newly_connected(world, each) for each in (old, new)] == ["", ""]
        assert await reason_for(connected) == ""
        world.clients.replace(successor.pem)
        assert [await newly_connected(world, each) for each in (old, new)] == ["UNAVAILABLE", ""]
        assert await reason_for(connected) == "CERTIFICATE_REQUIRED"


async def test_issuer_of_workloads_is_replaced_between_two_services() -> None:
    """Each trusts both before either shows a certificate of the new one; afterwards the old one opens nothing."""
    world, successor = World(), TestAuthority("workloads, the next")
    trust, shown = TrustBundle(world.workload_ca.pem), FixedCertificate(world.workload_ca.service("audit").bundle)
    both = world.workload_ca.pem + successor.pem
    async with world.served():
        peer = world.peer(shown, trust=trust)

        async def answered() -> bool:
            try:
                await peer.call(ProbeStub, "Open", Text(text="x"), timeout=2)
            except RemoteError:
                return False
            return True

        assert await answered()
        for bundle in (world.workloads, trust):
            bundle.replace(both)
            assert await answered()
        shown.replace(successor.service("audit").bundle)
        assert await answered()
        world.certificate.replace(successor.service("probe").bundle)
        trust.replace(both + b"\n")
        assert await answered()
        for bundle in (world.workloads, trust):
            bundle.replace(successor.pem)
            assert await answered()
        shown.replace(world.workload_ca.service("audit").bundle)
        assert not await answered()
        shown.replace(successor.service("audit").bundle)
        assert await answered()
        trust.replace(world.workload_ca.pem)
        assert not await answered()
        await peer.close()


async def test_what_a_file_holds_is_taken_over_when_it_is_good(tmp_path: Path) -> None:
    """A file that is away, empty or broken changes nothing, and is logged once; a good one counts from then on."""
    first, second = TestAuthority("one"), TestAuthority("other")
    file = tmp_path / "ca.pem"
    file.write_bytes(first.pem.strip())
    trust, changes = TrustFile(file), list[bytes]()
    trust.subscribe(lambda: changes.append(trust.current))
    with capture_logs() as logs:
        trust.look()
        for broken in (b"", b"no certificate", second.pem[:-40]):
            file.write_bytes(broken)
            for _ in range(3):
                trust.look()
        file.unlink()
        for _ in range(2):
            trust.look()
        assert (trust.current, changes) == (first.pem, [])
        file.write_bytes(first.pem + second.pem)
        for _ in range(3):
            trust.look()
    assert changes == [first.pem + second.pem] == [trust.current]
    assert [line["event"] for line in logs] == ["trust_not_replaced"] * 4 + ["trust_replaced"]
    with pytest.raises(NoCertificates):
        TrustBundle(b"")


ONE, OTHER = TestAuthority("one"), TestAuthority("other")
KEY = OTHER.principal().bundle.private_key_pem
LAST_LINE = OTHER.pem.rindex(b"-----END")


@pytest.mark.parametrize(
    "rest",
    [
        OTHER.pem[: len(OTHER.pem) // 2],
        OTHER.pem[:LAST_LINE],
        OTHER.pem[: LAST_LINE + 3],
        OTHER.pem[:-3],
        OTHER.pem[:8],
        OTHER.pem[1:],
        KEY,
        KEY + OTHER.pem,
        OTHER.pem.replace(b"CERTIFICATE", b"TRUSTED CERTIFICATE"),
    ],
)
def test_half_a_certificate_or_something_else_is_no_bundle(rest: bytes) -> None:
    """However much of the second has been written, and before or after a good one."""
    for pem in (ONE.pem + rest, rest.rstrip() + b"\n" + ONE.pem):
        with pytest.raises(NoCertificates):
            TrustBundle(pem)


def test_a_bundle_is_handed_on_without_what_is_written_beside_it() -> None:
    """Comments, also such as are not ASCII, and line ends of any kind are nobody's business."""
    pem = "Aussteller für Dienste, gültig - bis 2035\r\n".encode() + ONE.pem.replace(b"\n", b"\r\n") + b"\n" + OTHER.pem
    assert TrustBundle(pem).current == ONE.pem + OTHER.pem
    assert TrustBundle(ONE.pem.strip() + OTHER.pem.strip()).current == ONE.pem + OTHER.pem


async def test_a_file_that_is_being_written_is_waited_for(tmp_path: Path) -> None:
    """What is seen once may be the beginning of more; how many certificates there are is logged."""
    file = tmp_path / "ca.pem"
    file.write_bytes(ONE.pem)
    trust, changes = TrustFile(file), list[bytes]()
    trust.subscribe(lambda: changes.append(trust.current))
    with capture_logs() as logs:
        for written in (b"", OTHER.pem[:99], OTHER.pem, *[OTHER.pem + ONE.pem] * 3):
            file.write_bytes(written)
            trust.look()
    assert changes == [OTHER.pem + ONE.pem]
    assert [(line["event"], line["certificates"]) for line in logs] == [("trust_replaced", 2)]


async def test_one_who_cannot_take_issuers_over_keeps_nobody_from_it(tmp_path: Path) -> None:
    """The others hear of it, and it is tried again until all have taken it over."""
    file, heard, fails = tmp_path / "ca.pem", list[bytes](), [True, True]
    file.write_bytes(ONE.pem)
    trust = TrustFile(file)

    def fail() -> None:
        if fails:
            raise OSError(fails.pop())

    trust.subscribe(fail)
    trust.subscribe(lambda: heard.append(trust.current))
    file.write_bytes(OTHER.pem)
    with capture_logs() as logs:
        for _ in range(6):
            trust.look()
    assert heard == [OTHER.pem] * 3
    assert [line["event"] for line in logs] == ["trust_replaced_in_part"] * 2 + ["trust_replaced"]


def test_one_who_cannot_show_a_certificate_keeps_nobody_from_it() -> None:
    """A renewal is everybody's, and says afterwards who could not."""
    certificate, heard = FixedCertificate(ONE.principal().bundle), list[bool]()

    def fail() -> None:
        raise OSError

    certificate.subscribe(fail)
    certificate.subscribe(lambda: heard.append(True))
    with pytest.raises(ExceptionGroup):
        certificate.replace(ONE.principal().bundle)
    assert heard == [True]


async def test_a_file_is_looked_at_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to tell the process."""
    monkeypatch.setattr("ringfence_kernel.certificates.trust.LOOK_SECONDS", 0.01)
    first, second = TestAuthority("one"), TestAuthority("other")
    file = tmp_path / "ca.pem"
    file.write_bytes(first.pem)
    trust, changed = TrustFile(file), asyncio.Event()
    trust.subscribe(changed.set)
    following = asyncio.create_task(trust.follow())
    file.write_bytes(second.pem)
    async with asyncio.timeout(5):
        await changed.wait()
    following.cancel()
    assert trust.current == second.pem


async def test_files_are_followed_together_or_not_at_all(tmp_path: Path) -> None:
    """Whoever starts the following again after an error does not follow a file twice."""
    file, running = tmp_path / "ca.pem", list[bool]()
    file.write_bytes(ONE.pem)

    class Following(TrustFile):
        async def follow(self) -> None:
            running.append(True)
            try:
                await asyncio.Event().wait()
            finally:
                running.pop()

    class Failing(TrustFile):
        async def follow(self) -> None:
            raise OSError

    with pytest.raises(ExceptionGroup):
        await Trust(workloads=Following(file), clients=Failing(file), nats=Following(file)).follow()
    assert running == []
