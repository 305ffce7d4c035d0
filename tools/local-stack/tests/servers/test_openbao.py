"""The OpenBao of the local stack: least privilege, keys that stay inside, sealing and unsealing."""

import json
from collections.abc import Iterator
from pathlib import Path

import hvac.exceptions
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID
from ringfence_bootstrap.description import SERVICES
from ringfence_bootstrap.vault.api import VaultApi
from ringfence_local_stack.servers.certificates import principal_id, service_id, signing_request
from ringfence_local_stack.servers.openbao import OpenBaoServer

PRINCIPAL = "01938c2e-6f3a-7c41-9b52-3f8d1a2b4c5d"


def unwrap(server: OpenBaoServer, wrapping_token: str) -> str:
    """The secret id behind a wrapping token."""
    answer = VaultApi(server.address, server.ca_file, wrapping_token).write("sys/wrapping/unwrap")
    return str(answer["data"]["secret_id"])


def log_in(server: OpenBaoServer, service: str, folder: Path) -> VaultApi:
    """Logs in the way a service does: unwrap the secret id, then AppRole."""
    wrapped = server.write_wrapped_secret_id(service, folder / f"{service}.wrapped").read_text()
    anonymous = VaultApi(server.address, server.ca_file)
    answer = anonymous.write("auth/approle/login", role_id=server.role_id(service), secret_id=unwrap(server, wrapped))
    return VaultApi(server.address, server.ca_file, answer["auth"]["client_token"])


def names(certificate: str) -> x509.SubjectAlternativeName:
    """The subject alternative names of a PEM certificate."""
    loaded = x509.load_pem_x509_certificate(certificate.encode())
    return loaded.extensions.get_extension_for_class(x509.SubjectAlternativeName).value


@pytest.fixture(scope="module")
def logged_in(openbao_server: OpenBaoServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, VaultApi]]:
    """Each service's session."""
    folder = tmp_path_factory.mktemp("logins")
    return {service: log_in(openbao_server, service, folder) for service in SERVICES}


def test_wrapped_secret_id_works_once(openbao_server: OpenBaoServer, tmp_path: Path) -> None:
    """A wrapping token opens once and the secret id behind it logs in once, so that a stolen copy shows."""
    file = openbao_server.write_wrapped_secret_id("custody", tmp_path / "wrapped")
    assert file.stat().st_mode & 0o777 == 0o600
    secret_id = unwrap(openbao_server, file.read_text())
    with pytest.raises(hvac.exceptions.VaultError):
        unwrap(openbao_server, file.read_text())
    anonymous = VaultApi(openbao_server.address, openbao_server.ca_file)
    login = {"role_id": openbao_server.role_id("custody"), "secret_id": secret_id}
    assert anonymous.write("auth/approle/login", **login)["auth"]["policies"] == ["custody"]
    with pytest.raises(hvac.exceptions.InvalidRequest):
        anonymous.write("auth/approle/login", **login)


@pytest.mark.parametrize("service", SERVICES)
def test_service_gets_its_own_certificate(logged_in: dict[str, VaultApi], service: str) -> None:
    """A service has its request signed under its own SPIFFE id, for server and client use, for a day."""
    request = signing_request(service_id(service), on_loopback=True)
    signed = logged_in[service].write(f"pki-workload/sign/{service}", csr=request.csr)["data"]["certificate"]
    certificate = x509.load_pem_x509_certificate(signed.encode())
    assert names(signed).get_values_for_type(x509.UniformResourceIdentifier) == [service_id(service)]
    assert names(signed).get_values_for_type(x509.DNSName) == ["localhost"]
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert set(usage) == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
    assert (certificate.not_valid_after_utc - certificate.not_valid_before_utc).total_seconds() < 86_400 + 60
    assert load_pem_private_key(request.key.encode(), None).public_key() == certificate.public_key()


def test_foreign_spiffe_id_is_refused(logged_in: dict[str, VaultApi]) -> None:
    """custody obtains no certificate in another's name: not under its own role, nor under the other's."""
    foreign = signing_request(service_id("payment-instruction"), on_loopback=True).csr
    with pytest.raises(hvac.exceptions.InvalidRequest):
        logged_in["custody"].write("pki-workload/sign/custody", csr=foreign)
    with pytest.raises(hvac.exceptions.Forbidden):
        logged_in["custody"].write("pki-workload/sign/payment-instruction", csr=foreign)


def test_principal_certificate_is_for_clients_only(logged_in: dict[str, VaultApi]) -> None:
    """identity signs principals as clients of the other authority, and never a workload's name or a host's."""
    request = signing_request(principal_id(PRINCIPAL), on_loopback=False)
    signed = logged_in["identity"].write("pki-client/sign/principal", csr=request.csr)["data"]["certificate"]
    certificate = x509.load_pem_x509_certificate(signed.encode())
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    for uri, on_loopback in ((service_id("custody"), False), (principal_id(PRINCIPAL), True)):
        refused = signing_request(uri, on_loopback=on_loopback).csr
        with pytest.raises(hvac.exceptions.InvalidRequest):
            logged_in["identity"].write("pki-client/sign/principal", csr=refused)
    for service in set(SERVICES) - {"identity"}:
        with pytest.raises(hvac.exceptions.Forbidden):
            logged_in[service].write("pki-client/sign/principal", csr=request.csr)


def test_only_the_owner_of_a_key_may_use_it(logged_in: dict[str, VaultApi]) -> None:
    """identity signs tokens, wraps and makes blind indexes, audit signs checkpoints,
    payment-instruction seals messages to the bank; all others are refused."""
    uses = {
        ("identity", "transit/sign/identity-token"): {"input": "eA=="},
        ("identity", "transit/encrypt/identity-wrap"): {"plaintext": "eA=="},
        ("identity", "transit/hmac/identity-blind-index"): {"input": "eA=="},
        ("audit", "transit/sign/audit-checkpoint"): {"input": "eA=="},
        ("payment-instruction", "transit/encrypt/payment-rail"): {"plaintext": "eA=="},
    }
    for (owner, path), fields in uses.items():
        assert logged_in[owner].write(path, **fields)["data"]
        for service in set(SERVICES) - {owner}:
            with pytest.raises(hvac.exceptions.Forbidden):
                logged_in[service].write(path, **fields)


def test_signing_keys_cannot_be_exported(openbao_server: OpenBaoServer) -> None:
    """Every transit key is marked non-exportable, and no plaintext backup is allowed."""
    for name in ("identity-token", "audit-checkpoint", "identity-wrap", "payment-rail", "identity-blind-index"):
        key = openbao_server.admin().read(f"transit/keys/{name}")["data"]
        assert (key["exportable"], key["allow_plaintext_backup"]) == (False, False)


def test_operator_has_no_root_rights(openbao_server: OpenBaoServer) -> None:
    """The kept token is the operator's: no signing as identity or the log, no policies, no tokens."""
    admin = openbao_server.admin()
    assert admin.read("auth/token/lookup-self")["data"]["policies"] == ["operator"]
    refused = {
        "transit/sign/identity-token": {"input": "eA=="},
        "transit/sign/audit-checkpoint": {"input": "eA=="},
        "transit/keys/audit-checkpoint/config": {"min_encryption_version": 1},
        "transit/keys/identity-blind-index/rotate": {},
        "sys/policies/acl/custody": {"policy": "{}"},
        "auth/token/create": {},
        "pki-workload/sign/payment-instruction": {"csr": ""},
    }
    for path, fields in refused.items():
        with pytest.raises(hvac.exceptions.Forbidden):
            admin.write(path, **fields)


@pytest.mark.parametrize(
    ("service", "path", "fields"),
    [
        ("identity", "transit/keys/identity-token/rotate", {}),
        ("identity", "transit/rewrap/identity-wrap", {"ciphertext": "vault:v1:AAAA"}),
        ("identity", "transit/sign/audit-checkpoint", {"input": "eA=="}),
        ("audit", "transit/verify/audit-checkpoint", {"input": "eA==", "signature": "vault:v1:AAAA"}),
        ("audit", "transit/decrypt/identity-wrap", {"ciphertext": "vault:v1:AAAA"}),
    ],
)
def test_service_may_do_only_what_it_does(
    logged_in: dict[str, VaultApi], service: str, path: str, fields: dict[str, str]
) -> None:
    """A policy grants no more than the service's own code calls for."""
    with pytest.raises(hvac.exceptions.Forbidden):
        logged_in[service].write(path, **fields)


def test_sealed_server_refuses_and_recovers(openbao_server: OpenBaoServer, logged_in: dict[str, VaultApi]) -> None:
    """Sealed, nothing is signed; unsealed, the same session goes on."""
    custody = logged_in["custody"]
    openbao_server.seal()
    try:
        with pytest.raises(hvac.exceptions.VaultDown):
            custody.read("auth/token/lookup-self")
    finally:
        openbao_server.unseal()
    assert custody.read("auth/token/lookup-self")["data"]["policies"] == ["custody"]


def test_keys_survive_kill_nine(openbao_server: OpenBaoServer, logged_in: dict[str, VaultApi]) -> None:
    """After signal 9 the server starts, unseals, and decrypts what it encrypted before."""
    identity = logged_in["identity"]
    wrapped = identity.write("transit/encrypt/identity-wrap", plaintext="c2VjcmV0")["data"]["ciphertext"]
    openbao_server.kill()
    assert openbao_server.pid is None
    openbao_server.start()
    assert identity.write("transit/decrypt/identity-wrap", ciphertext=wrapped)["data"]["plaintext"] == "c2VjcmV0"


def test_requests_are_logged_without_secrets(openbao_server: OpenBaoServer, logged_in: dict[str, VaultApi]) -> None:
    """The audit device notes each request, with what was sent as an HMAC."""
    logged_in["identity"].write("transit/encrypt/identity-wrap", plaintext="bm90IGluIHRoZSBsb2c=")
    text = openbao_server.audit_file.read_text()
    assert "bm90IGluIHRoZSBsb2c=" not in text
    paths = {json.loads(line).get("request", {}).get("path") for line in text.splitlines()}
    assert "transit/encrypt/identity-wrap" in paths


def test_interrupted_first_start_begins_anew(tmp_path: Path) -> None:
    """A folder without finished keys is not trusted: the next start initialises again instead of staying sealed."""
    folder = tmp_path / "openbao"
    (folder / "raft").mkdir(parents=True)
    (folder / "raft" / "vault.db").write_text("half-written")
    server = OpenBaoServer(folder, log_file=tmp_path / "openbao.log")
    try:
        server.start()
        assert server.admin().is_active()
    finally:
        server.stop()


def test_root_is_made_by_who_holds_the_key_for_a_block(openbao_server: OpenBaoServer) -> None:
    """It may do everything and ends with the block; outside of it the server takes no key for a root token."""
    with openbao_server.root() as root:
        assert root.read("auth/token/lookup-self")["data"]["policies"] == ["root"]
    with pytest.raises(hvac.exceptions.Forbidden):
        root.read("auth/token/lookup-self")
    with pytest.raises(hvac.exceptions.VaultError):
        VaultApi(openbao_server.address, openbao_server.ca_file).write("sys/generate-root/attempt")
    assert openbao_server.admin().read("transit/keys/audit-checkpoint")
