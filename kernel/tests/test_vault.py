"""Vault on a real OpenBao: login that works once, keys that never leave, outages that pass."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from ringfence_kernel.access.peer_certificates import PeerCertificates
from ringfence_kernel.certificates.renewal import WorkloadCertificate
from ringfence_kernel.certificates.trust import TrustBundle
from ringfence_kernel.values.clock import NANOSECONDS, SystemClock
from ringfence_kernel.vault import (
    AppRole,
    Vault,
    VaultLoginRefused,
    VaultOptions,
    VaultRefused,
    VaultUnavailable,
)
from ringfence_kernel.vault.pki import IssuedCertificate
from ringfence_kernel.vault.session import VaultSession
from ringfence_local_stack.processes.ports import free_ports
from ringfence_local_stack.processes.ways import Way
from ringfence_local_stack.servers.openbao import OpenBaoServer

from .rpc_world import OffsetClock

Options = Callable[..., VaultOptions]


@pytest.fixture
def options(openbao_server: OpenBaoServer, tmp_path: Path) -> Options:
    """Gives a service's options with a fresh wrapped secret-id."""

    def make(service: str) -> VaultOptions:
        file = tmp_path / f"secret-id-{service}"
        openbao_server.write_wrapped_secret_id(service, file)
        return VaultOptions(
            addresses=(openbao_server.address,),
            ca_file=openbao_server.ca_file,
            identity=AppRole(role_id=openbao_server.role_id(service), wrapped_secret_id_file=file),
            timeout_seconds=2,
            retry_seconds=0.1,
        )

    return make


@pytest.fixture
async def vault(options: Options) -> AsyncIterator[Vault]:
    """Identity's Vault."""
    connected = await Vault.connect(options("identity"))
    yield connected
    connected.close()


async def test_a_wrapped_secret_id_logs_in_once(options: Options) -> None:
    """The second use of the same wrapping token is refused, and the error says that somebody used it."""
    once = options("identity")
    connected = await Vault.connect(once)
    assert await connected.problem() is None
    connected.close()
    with pytest.raises(VaultLoginRefused, match="used before or has expired"):
        await Vault.connect(once)


async def test_the_server_that_answers_is_asked(options: Options, openbao_server: OpenBaoServer) -> None:
    """Of several servers one that nobody listens at, and one that vanishes later, are passed by."""
    async with Way(int(openbao_server.address.rpartition(":")[2])).open() as way:
        (nobody,) = free_ports(1)
        addresses = (f"https://127.0.0.1:{nobody}", f"https://127.0.0.1:{way.port}", openbao_server.address)
        connected = await Vault.connect(replace(options("identity"), addresses=addresses, timeout_seconds=1))
        assert await connected.transit.sign("identity-token", b"through the way")
        way.cut()
        assert await connected.transit.sign("identity-token", b"past the way")
        assert await connected.problem() is None
        connected.close()


async def test_no_server_that_answers_is_unavailable(options: Options) -> None:
    """Where all are away the refusal is the named one."""
    given = options("identity")
    connected = await Vault.connect(given)
    connected.close()
    session = VaultSession(replace(given, addresses=tuple(f"https://127.0.0.1:{port}" for port in free_ports(3))))
    with pytest.raises(VaultUnavailable):
        await session.login()
    session.close()


async def test_what_is_no_wrapped_secret_id_is_refused(options: Options, openbao_server: OpenBaoServer) -> None:
    """A file that cannot be read, an empty one, and a wrapping token around something else are refused by name."""
    given = options("identity")
    await asyncio.to_thread(wrapping_file(given).write_text, "ü")
    with pytest.raises(VaultLoginRefused, match="cannot be read: it is not ASCII"):
        await Vault.connect(given)
    await asyncio.to_thread(wrapping_file(given).write_text, "")
    with pytest.raises(VaultLoginRefused, match="holds no wrapping token"):
        await Vault.connect(given)
    request = signing_request(ec.generate_private_key(ec.SECP256R1()), "spiffe://ringfence.local/service/identity")
    other = openbao_server.log_in("identity").write("pki-workload/sign/identity", wrap_seconds=60, csr=request)
    await asyncio.to_thread(wrapping_file(given).write_text, other["wrap_info"]["token"])
    with pytest.raises(VaultLoginRefused, match="does not hold a secret-id"):
        await Vault.connect(given)


async def test_ed25519_signatures_verify_offline_across_a_rotation(vault: Vault, openbao_server: OpenBaoServer) -> None:
    """Every signature verifies with the published key of its version, before and after the key is rotated."""
    before = await vault.transit.sign("identity-token", b"message")
    await asyncio.to_thread(openbao_server.admin().write, "transit/keys/identity-token/rotate")
    after = await vault.transit.sign("identity-token", b"message", marshaling="jws")
    keys = await vault.transit.public_keys("identity-token")
    assert (after.version, before.version) == (max(keys), max(keys) - 1)
    for made in (before, after):
        Ed25519PublicKey.from_public_bytes(keys[made.version]).verify(made.signature, b"message")


async def test_any_number_of_texts_is_encrypted_in_order(vault: Vault) -> None:
    """More than one server batch, with and without associated data, comes back as it went."""
    texts = [number.to_bytes(4, "big") for number in range(300)]
    for associated in (None, [b"a" + text for text in texts]):
        sealed = await vault.transit.encrypt("identity-wrap", texts, associated)
        assert len(set(sealed)) == 300
        assert await vault.transit.decrypt("identity-wrap", sealed, associated) == texts
    assert await vault.transit.encrypt("identity-wrap", []) == []


async def test_a_ciphertext_that_is_not_genuine_is_refused(vault: Vault) -> None:
    """One broken item, or other associated data, refuses the batch by name."""
    good, other = await vault.transit.encrypt("identity-wrap", [b"x", b"y"], [b"a", b"b"])
    with pytest.raises(VaultRefused):
        await vault.transit.decrypt("identity-wrap", [good, other], [b"a", b"a"])
    with pytest.raises(VaultRefused):
        await vault.transit.decrypt("identity-wrap", ["vault:v1:AAAA"])


async def test_hmacs_are_equal_for_equal_data(vault: Vault) -> None:
    """A keyed hash of 32 bytes depends on the data alone."""
    first, again, other = [await vault.transit.hmac("identity-blind-index", data) for data in (b"a", b"a", b"b")]
    assert first == again != other
    assert len(first) == 32


async def test_what_the_policy_forbids_is_refused_and_not_called_an_outage(options: Options) -> None:
    """custody may not sign tokens: VaultRefused, and its own session goes on."""
    connected = await Vault.connect(options("custody"))
    with pytest.raises(VaultRefused):
        await connected.transit.sign("identity-token", b"x")
    assert await connected.problem() is None
    connected.close()


async def test_a_sealed_vault_refuses_by_name_and_recovers_by_itself(
    vault: Vault, openbao_server: OpenBaoServer
) -> None:
    """KEYS_UNAVAILABLE while sealed; after unsealing the same session signs again."""
    await vault.transit.sign("identity-token", b"x")
    await asyncio.to_thread(openbao_server.seal)
    try:
        with pytest.raises(VaultUnavailable) as caught:
            await vault.transit.sign("identity-token", b"x")
        assert (caught.value.code, caught.value.reason) == ("UNAVAILABLE", "KEYS_UNAVAILABLE")
        assert await vault.problem() == "KEYS_UNAVAILABLE"
    finally:
        await asyncio.to_thread(openbao_server.unseal)
    await until_well(vault)
    await vault.transit.sign("identity-token", b"x")


async def test_a_process_that_starts_while_vault_is_sealed_waits(
    options: Options, openbao_server: OpenBaoServer
) -> None:
    """The login happens as soon as Vault is unsealed, with the secret-id that was given."""
    given = options("identity")
    await asyncio.to_thread(openbao_server.seal)
    try:
        connecting = asyncio.ensure_future(Vault.connect(given))
        await asyncio.sleep(0.3)
        assert not connecting.done()
    finally:
        await asyncio.to_thread(openbao_server.unseal)
    async with asyncio.timeout(30):
        connected = await connecting
    connected.close()


async def test_a_killed_vault_is_unavailable_and_recovers(vault: Vault, openbao_server: OpenBaoServer) -> None:
    """A server that is gone is named like a sealed one, within the deadline, and is found again."""
    await asyncio.to_thread(openbao_server.kill)
    try:
        async with asyncio.timeout(10):
            with pytest.raises(VaultUnavailable):
                await vault.transit.sign("identity-token", b"x")
    finally:
        await asyncio.to_thread(openbao_server.start)
    await until_well(vault)


async def test_a_forgotten_token_is_replaced_when_there_is_a_fresh_secret_id(
    options: Options, openbao_server: OpenBaoServer
) -> None:
    """A revoked token means KEYS_UNAVAILABLE until a new wrapped secret-id lies in the file; then all goes on."""
    given = options("identity")
    connected = await Vault.connect(given)
    await connected._session.call(lambda client: client.auth.token.revoke_self())
    with pytest.raises(VaultUnavailable):
        await connected.transit.sign("identity-token", b"x")
    await asyncio.to_thread(openbao_server.write_wrapped_secret_id, "identity", wrapping_file(given))
    await connected.transit.sign("identity-token", b"x")
    connected.close()


async def test_a_workload_certificate_names_its_service_and_is_renewed_at_two_thirds(
    vault: Vault, openbao_server: OpenBaoServer
) -> None:
    """The certificate passes the access check of the servers, and a new one with a new key comes in time."""
    clock = OffsetClock()
    certificate = WorkloadCertificate(vault.pki, "identity", "ringfence.local", ("localhost", "127.0.0.1"), clock)
    await certificate.obtain()
    first = certificate.current
    peers = PeerCertificates(
        TrustBundle(openbao_server.authority_certificate("pki-workload").encode()),
        TrustBundle(openbao_server.authority_certificate("pki-client").encode()),
        "ringfence.local",
        SystemClock(),
    )
    leaf = x509.load_pem_x509_certificates(first.certificate_chain_pem)[0].public_bytes(serialization.Encoding.PEM)
    peer = peers.identify({"ssl_tls_version": [b"TLSv1.3"], "x509_pem_cert": [leaf]})
    assert (peer.kind, peer.name) == ("service", "identity")
    renewed = asyncio.Event()
    certificate.subscribe(renewed.set)
    clock.offset_ns = 2 * (first.not_after_ns - clock.now_ns()) // 3 + 60 * NANOSECONDS
    renewing = asyncio.ensure_future(certificate.renew())
    async with asyncio.timeout(10):
        await renewed.wait()
    renewing.cancel()
    with suppress(asyncio.CancelledError):
        await renewing
    assert certificate.current.private_key_pem != first.private_key_pem


class CountedPki:
    """Signs nothing, and counts how often it is asked."""

    def __init__(self, life_seconds: float) -> None:
        """Gives certificates that live so long, by its own clock."""
        self.asked, self._life_ns = 0, int(life_seconds * NANOSECONDS)

    async def sign_workload(self, service: str, request_pem: str) -> IssuedCertificate:
        """Returns a certificate without content."""
        await asyncio.sleep(0)
        self.asked += 1
        now_ns = SystemClock().now_ns()
        return IssuedCertificate("", "", "", now_ns, now_ns + self._life_ns)


@pytest.mark.parametrize(("life_seconds", "off_seconds"), [(3_600, 40 * 86_400), (1.5, -3_600)])
async def test_a_wrong_clock_neither_floods_the_issuer_nor_lets_a_certificate_end(
    life_seconds: float, off_seconds: int
) -> None:
    """One that is ahead has it renewed once in a while, one that was set back as soon as by the right one."""
    clock, pki = OffsetClock(), CountedPki(life_seconds)
    certificate = WorkloadCertificate(pki, "identity", "ringfence.local", (), clock)  # type: ignore[arg-type]
    await certificate.obtain()
    clock.offset_ns = off_seconds * NANOSECONDS
    renewed = asyncio.Event()
    certificate.subscribe(renewed.set)
    renewing = asyncio.ensure_future(certificate.renew())
    async with asyncio.timeout(10):
        await renewed.wait()
    for _ in range(100):
        await asyncio.sleep(0)
    assert pki.asked == 2
    renewing.cancel()
    await asyncio.gather(renewing, return_exceptions=True)


async def test_no_service_gets_the_certificate_of_another(vault: Vault) -> None:
    """identity may not have a certificate for custody signed, nor one of its own that names custody."""
    with pytest.raises(VaultRefused):
        await WorkloadCertificate(vault.pki, "custody", "ringfence.local", (), SystemClock()).obtain()
    disguised = WorkloadCertificate(vault.pki, "identity", "ringfence.local", ("custody",), SystemClock())
    with pytest.raises(VaultRefused):
        await disguised.obtain()


async def test_a_client_certificate_names_who_was_meant_and_nobody_else(vault: Vault) -> None:
    """A request in the principal's name is signed; one that names somebody else is refused."""
    mine, theirs = (f"spiffe://ringfence.local/principal/{uuid.uuid4()}" for _ in range(2))
    key = ec.generate_private_key(ec.SECP256R1())
    issued = await vault.pki.sign_client(signing_request(key, mine), mine, ttl_seconds=3600)
    leaf = x509.load_pem_x509_certificate(issued.certificate_pem.encode())
    assert leaf.public_key() == key.public_key()
    assert issued.not_after_ns - issued.not_before_ns < 2 * 3600 * NANOSECONDS
    for other in (theirs, "spiffe://ringfence.local/service/custody"):
        with pytest.raises(VaultRefused):
            await vault.pki.sign_client(signing_request(key, other), mine)


def signing_request(key: ec.EllipticCurvePrivateKey, uri: str) -> str:
    """Returns a PEM request for a URI."""
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)])
    builder = x509.CertificateSigningRequestBuilder(x509.Name([])).add_extension(names, critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def wrapping_file(options: VaultOptions) -> Path:
    """Returns where the wrapping token of an AppRole lies."""
    assert isinstance(options.identity, AppRole)
    return options.identity.wrapped_secret_id_file


async def until_well(vault: Vault) -> None:
    """Waits for the recovery, within a bound."""
    async with asyncio.timeout(30):
        while await vault.problem() is not None:
            await asyncio.sleep(0.1)
