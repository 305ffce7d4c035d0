"""Login to a real OpenBao by a workload's token, under the roles that `ringfence-vault bootstrap` makes.

The tokens are signed here as a cluster signs them. A small HTTPS endpoint stands for the API server, whose TokenReview
the method `kubernetes` asks; the method `jwt` checks signatures by itself.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from ringfence_bootstrap.description import Description, Jwt, Kubernetes
from ringfence_bootstrap.vault.reconciling import apply
from ringfence_kernel.vault import Vault, VaultLoginRefused, VaultOptions, VaultUnavailable, WorkloadIdentity
from ringfence_local_stack.processes.files import write_private
from ringfence_local_stack.processes.ports import free_ports
from ringfence_local_stack.pytest_plugin import running_blank_openbao
from ringfence_local_stack.servers.openbao import OpenBaoServer
from structlog.testing import capture_logs

from .service_accounts import AUDIENCE, ISSUER, NAMESPACE, REVIEWER, Cluster, TokenReviews

METHODS = ("jwt", "kubernetes")


@dataclass(frozen=True)
class World:
    """A cluster, and a Vault that believes it by both methods."""

    server: OpenBaoServer
    cluster: Cluster

    def options(self, method: str, token_file: Path, role: str = "audit") -> VaultOptions:
        """What a process logs in with."""
        return VaultOptions(
            addresses=(self.server.address,),
            ca_file=self.server.ca_file,
            identity=WorkloadIdentity(mount=method, role=role, token_file=token_file),
            timeout_seconds=2,
            retry_seconds=0.1,
            refused_seconds=0.2,
        )


@pytest.fixture(scope="module")
def world(stack_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """An OpenBao filled for both methods."""
    cluster, folder = Cluster(), tmp_path_factory.mktemp("cluster")
    reviews = TokenReviews(cluster, folder)
    signer = write_private(folder / "signer.pem", cluster.public_key)
    logins = [
        Jwt(issuer=ISSUER, public_key_files=(str(signer),), audience=AUDIENCE),
        Kubernetes(
            host=reviews.address,
            ca_file=str(reviews.ca_file),
            audience=AUDIENCE,
            vault_in_cluster=False,
            reviewer_token_file=str(write_private(folder / "reviewer", REVIEWER)),
        ),
    ]
    try:
        with running_blank_openbao(stack_folder) as server:
            for login in logins:
                described = Description(trust_domain="ringfence.local", namespace=NAMESPACE, login=login)
                apply(server.admin(), described)
            yield World(server, cluster)
    finally:
        reviews.stop()


@pytest.mark.parametrize("method", METHODS)
async def test_a_workloads_token_logs_in_and_gets_its_own_policy(world: World, tmp_path: Path, method: str) -> None:
    """The service that the token names may do what its policy says, as often as it starts, and its token is renewed."""
    file = write_private(tmp_path / "token", world.cluster.token("audit"))
    for _ in range(2):
        vault = await Vault.connect(world.options(method, file))
        assert await vault.transit.sign("audit-checkpoint", b"x")
        found = await vault._session.call(lambda client: client.auth.token.lookup_self())
        assert (found["data"]["policies"], found["data"]["renewable"]) == (["audit"], True)
        vault.close()


FAULTS: dict[str, dict[str, Any]] = {
    "subject": {"sub": f"system:serviceaccount:{NAMESPACE}:custody"},
    "audience": {"aud": ["https://kubernetes.default.svc"]},
    "several audiences, not ours": {"aud": ["other", "vaults"]},
    "expired": {"exp": int(time.time()) - 60},
    "not yet valid": {"nbf": int(time.time()) + 3_600},
    "namespace": {
        "sub": "system:serviceaccount:elsewhere:audit",
        "kubernetes.io": {"namespace": "elsewhere", "serviceaccount": {"name": "audit", "uid": "uid-of-audit"}},
    },
    "issuer": {"iss": "https://somebody.else"},
}


@pytest.mark.parametrize("fault", [*FAULTS, "signature", "no token at all"])
@pytest.mark.parametrize("method", METHODS)
async def test_a_token_with_anything_wrong_is_refused(world: World, tmp_path: Path, method: str, fault: str) -> None:
    """Each wrong claim alone, and a signature of another key, end the start by a named error that shows no token."""
    signer = Cluster() if fault == "signature" else world.cluster
    token = "not.a.token" if fault == "no token at all" else signer.token("audit", **FAULTS.get(fault, {}))
    file = write_private(tmp_path / "token", token)
    with pytest.raises(VaultLoginRefused, match=f"role audit of auth/{method} does not take the token") as caught:
        await Vault.connect(world.options(method, file))
    assert token not in str(caught.value)


async def test_a_claim_that_contradicts_the_subject_is_refused(world: World, tmp_path: Path) -> None:
    """By jwt the namespace is bound by its own claim too."""
    claim = {"kubernetes.io": {"namespace": "elsewhere", "serviceaccount": {"name": "audit", "uid": "u"}}}
    file = write_private(tmp_path / "token", world.cluster.token("audit", **claim))
    with pytest.raises(VaultLoginRefused):
        await Vault.connect(world.options("jwt", file))


@pytest.mark.parametrize("method", METHODS)
async def test_no_service_takes_the_role_of_another(world: World, tmp_path: Path, method: str) -> None:
    """A genuine token of custody opens custody's role and no other, nor one that is not there."""
    file = write_private(tmp_path / "token", world.cluster.token("custody"))
    (await Vault.connect(world.options(method, file, "custody"))).close()
    for role in ("identity", "payment-instruction", "audit", "nobody"):
        with pytest.raises(VaultLoginRefused, match=f"role {role} of"):
            await Vault.connect(world.options(method, file, role))


@pytest.mark.parametrize("method", METHODS)
async def test_the_file_is_read_at_every_login(world: World, tmp_path: Path, method: str) -> None:
    """A session that Vault forgot lives on with the token that lies in the file now, whatever lay there before."""
    file = write_private(tmp_path / "token", world.cluster.token("audit"))
    vault = await Vault.connect(world.options(method, file))
    await vault._session.call(lambda client: client.auth.token.revoke_self())
    for content in (world.cluster.token("custody"), "", world.cluster.token("audit", exp=int(time.time()) - 60)):
        write_private(file, content)
        with pytest.raises(VaultUnavailable):
            await vault.transit.sign("audit-checkpoint", b"x")
    write_private(file, world.cluster.token("audit"))
    assert await vault.transit.sign("audit-checkpoint", b"x")
    assert await vault.problem() is None
    vault.close()


async def test_an_api_server_that_is_away_is_waited_for(world: World, tmp_path: Path) -> None:
    """OpenBao calls that a refusal: a start says so and tries again, as does a session that was forgotten."""
    file = write_private(tmp_path / "token", world.cluster.token("audit"))
    options = world.options("kubernetes", file)
    vault = await Vault.connect(options)
    root, (nobody,) = world.server.admin(), free_ports(1)
    found = root.read("auth/kubernetes/config")["data"]
    config = {**found, "token_reviewer_jwt": REVIEWER}
    root.write("auth/kubernetes/config", **{**config, "kubernetes_host": f"https://127.0.0.1:{nobody}"})
    try:
        with pytest.raises(VaultLoginRefused, match="permission denied"):
            await Vault.connect(options)
        await vault._session.call(lambda client: client.auth.token.revoke_self())
        with pytest.raises(VaultUnavailable):
            await vault.transit.sign("audit-checkpoint", b"x")
        with capture_logs() as logs:
            starting = asyncio.create_task(Vault.connect(replace(options, refused_seconds=60)))
            async with asyncio.timeout(20):
                while len(logs) < 3:
                    await asyncio.sleep(0.05)
        assert {line["event"] for line in logs} == {"vault_login_refused"}
    finally:
        root.write("auth/kubernetes/config", **config)
    (await asyncio.wait_for(starting, 20)).close()
    assert await vault.transit.sign("audit-checkpoint", b"x")
    vault.close()


@pytest.mark.parametrize("method", METHODS)
async def test_a_file_that_cannot_be_read_or_is_empty_is_named(world: World, tmp_path: Path, method: str) -> None:
    """The start ends with the file's name and what is the matter with it, at once."""
    empty, other = write_private(tmp_path / "empty", "\n"), write_private(tmp_path / "other", "ü")
    found = {
        empty: "holds no token",
        other: "cannot be read: it is not ASCII",
        tmp_path / "nowhere": "cannot be read: No such file or directory",
        tmp_path: "cannot be read: Is a directory",
    }
    for file, matter in found.items():
        with pytest.raises(VaultLoginRefused, match=f"{file} {matter}"), capture_logs() as logs:
            await Vault.connect(world.options(method, file))
        assert logs == []


async def test_a_method_that_is_not_mounted_is_refused(world: World, tmp_path: Path) -> None:
    """The mount is named."""
    file = write_private(tmp_path / "token", world.cluster.token("audit"))
    options = world.options("jwt", file)
    with pytest.raises(VaultLoginRefused, match="role audit of auth/nowhere does not take"):
        await Vault.connect(replace(options, identity=replace(options.identity, mount="nowhere")))
