"""Descriptions and sessions for the tests of the bootstrap."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from ringfence_bootstrap.description import AppRole, Description, Jwt, Kubernetes, Nats, Service, Workload
from ringfence_bootstrap.vault.api import VaultApi
from ringfence_local_stack.processes.files import write_private
from ringfence_local_stack.servers.certificates import Authority
from ringfence_local_stack.servers.openbao import OpenBaoServer

NAMESPACE = "ringfence"
TRUST_DOMAIN = "ringfence.example"
PLATFORM = {
    "nats-issuer": Workload(namespace="nats"),
    "nats-administrator-issuer": Workload(namespace=NAMESPACE),
    "openbao-snapshot": Workload(namespace="openbao", service_account="snapshots"),
}
METHODS = ("approle", "jwt", "kubernetes")


def description(method: str, folder: Path) -> Description:
    """An installation of three processes per service; for jwt with a throw-away key of the tokens' signer."""
    return Description(
        trust_domain=TRUST_DOMAIN,
        namespace=NAMESPACE,
        login=_login(method, folder),
        services={"identity": Service(service_account="ringfence-identity", names=("identity.example.com",))},
        platform={} if method == "approle" else PLATFORM,
        nats=Nats(names=("nats.ringfence.svc", "nats-0.nats.ringfence.svc")),
    )


def _login(method: str, folder: Path) -> AppRole | Jwt | Kubernetes:
    if method == "approle":
        return AppRole()
    if method == "kubernetes":
        ca_file = write_private(folder / "api-server.pem", Authority("API server").certificate)
        reviewer = write_private(folder / "reviewer", "a reviewer's token")
        return Kubernetes(
            host="https://127.0.0.1:6443",
            vault_in_cluster=False,
            ca_file=str(ca_file),
            reviewer_token_file=str(reviewer),
        )
    file = write_private(folder / "signer.pem", signers_key())
    return Jwt(issuer="https://issuer.example", public_key_files=(str(file),))


def signers_key() -> str:
    """The public key of a throw-away signer of tokens, PEM."""
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def with_policy(server: OpenBaoServer, name: str) -> VaultApi:
    """A session under one policy and nothing else."""
    token = server.admin().write("auth/token/create-orphan", policies=[name], no_default_policy=True, ttl="10m")
    return VaultApi(server.address, server.ca_file, token["auth"]["client_token"])
