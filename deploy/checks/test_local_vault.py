"""The development cluster's Vault, filled by its script: a real OpenBao with that cluster's configuration."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from ringfence_bootstrap import description
from ringfence_bootstrap.description import Description
from ringfence_bootstrap.vault.api import VaultApi
from ringfence_bootstrap.vault.reconciling import changes
from ringfence_local_stack.processes.ports import LOOPBACK, free_ports
from ringfence_local_stack.processes.process import Process
from ringfence_local_stack.processes.programs import find_bao
from ringfence_local_stack.servers.certificates import Authority, infrastructure_id

from deploy.checks.platform.files import PLATFORM, ROOT

STAND_IN = Path(__file__).parent / "stand_in"


@dataclass(frozen=True)
class Cluster:
    """An OpenBao that nobody has initialised, and where the stand-in of kubectl keeps what it is given."""

    address: str
    folder: Path

    @property
    def scripts(self) -> Path:
        """The cluster's scripts, told that Vault is in no pod: only there can it read the API server's authority."""
        return self.folder.parent / "local"

    def described(self) -> Description:
        """What the scripts tell Vault."""
        return description.load(self.scripts / "description.toml")

    @property
    def ca_file(self) -> Path:
        """The authority of the server's certificate."""
        return self.folder / "openbao" / "secret" / "openbao-server" / "ca.crt"

    def fill(self) -> str:
        """Runs the script and returns what it prints."""
        path = os.pathsep.join([str(STAND_IN), str(find_bao().parent), os.environ["PATH"]])
        own = {"STAND_IN_CLUSTER": str(self.folder), "STAND_IN_OPENBAO": self.address, "BAO_CACERT": str(self.ca_file)}
        environment = {"PATH": path, "HOME": str(self.folder), **own}
        command = [self.scripts / "vault.sh"]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def root(self) -> VaultApi:
        """A session of the root token that the script keeps."""
        token = (self.folder / "openbao" / "secret" / "openbao-root" / "token").read_text(encoding="ascii")
        return VaultApi(self.address, self.ca_file, token)

    def published(self, namespace: str, name: str) -> dict[str, str]:
        """What a ConfigMap holds."""
        return {each.name: each.read_text() for each in (self.folder / namespace / "configmap" / name).iterdir()}


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """The server as local-values.yaml configures it, in folders of its own."""
    port, inner = free_ports(2)
    authority, own, folder = Authority("platform"), tmp_path / "server", tmp_path / "cluster"
    (own / "data").mkdir(parents=True)
    for namespace, name in (("openbao", "openbao-server"), ("ringfence-data", "ringfence-postgres-server")):
        secret = folder / namespace / "secret" / name
        secret.mkdir(parents=True)
        (secret / "ca.crt").write_text(authority.certificate)
    issued = authority.issue(infrastructure_id("openbao"), own, "tls")
    issued.certificate.rename(own / "tls.crt")
    issued.key.rename(own / "tls.key")
    shutil.copytree(PLATFORM / "local", tmp_path / "local")
    told = tmp_path / "local" / "description.toml"
    outside = f'vault_in_cluster = false\nca_file = "{own}/api.pem"\nreviewer_token_file = "{own}/reviewer"'
    method = 'method = "kubernetes"'
    assert method in told.read_text()
    told.write_text(told.read_text().replace(method, f"{method}\n{outside}"))
    (own / "api.pem").write_text(authority.certificate)
    (own / "reviewer").write_text("a reviewer's token")
    (own / "key").write_bytes(secrets.token_bytes(32))
    values = yaml.safe_load((PLATFORM / "openbao" / "local-values.yaml").read_text(encoding="utf-8"))
    text = values["server"]["ha"]["raft"]["config"]
    for old, new in {
        "[::]:8200": f"{LOOPBACK}:{port}",
        "[::]:8201": f"{LOOPBACK}:{inner}",
        "/openbao/tls/": f"{own}/",
        "/openbao/seal/": f"{own}/",
        "/openbao/data": f"{own}/data",
        'service_registration "kubernetes" {}': "",
    }.items():
        assert old in text
        text = text.replace(old, new)
    (own / "bao.hcl").write_text(text)
    made = Cluster(f"https://{LOOPBACK}:{port}", folder)
    names = {"BAO_API_ADDR": made.address, "BAO_CLUSTER_ADDR": f"https://{LOOPBACK}:{inner}"}
    command: list[str | Path] = [find_bao(), "server", f"-config={own / 'bao.hcl'}"]
    environment = {"PATH": os.defpath, "HOME": str(own), **names}
    process = Process("openbao", command, own / "log", environment, None, signal.SIGTERM, own)
    process.start()
    try:
        process.wait_until(VaultApi(made.address, made.ca_file).is_listening, 30)
        yield made
    finally:
        process.stop()


def test_a_development_cluster_is_filled_once_and_again(cluster: Cluster) -> None:
    """The first run initialises and fills, a second changes nothing; a role that was lost meanwhile comes back."""
    first = cluster.fill()
    assert "+ auth/kubernetes/role/nats-issuer" in first
    assert changes(cluster.root(), cluster.described()) == []
    assert "nothing to change" in cluster.fill()
    cluster.root().delete("auth/kubernetes/role/nats-administrator-issuer")
    assert "+ auth/kubernetes/role/nats-administrator-issuer" in cluster.fill()
    assert changes(cluster.root(), cluster.described()) == []


def test_what_is_public_is_published_and_no_token_lies_with_the_services(cluster: Cluster) -> None:
    """Authorities and accounts are where the services and NATS look; the only token kept is beside the server."""
    cluster.fill()
    authority = cluster.root().read("pki-workload/cert/ca")["data"]["certificate"]
    trust = cluster.published("ringfence", "ringfence-trust")
    assert set(trust) == {f"{name}-ca.pem" for name in ("workload", "client", "vault", "nats", "postgres")}
    assert trust["workload-ca.pem"].strip() == trust["nats-ca.pem"].strip() == authority
    assert set(cluster.published("nats", "nats-accounts")) == {"accounts.json"}
    tokens = {str(each.parent.relative_to(cluster.folder)) for each in cluster.folder.rglob("token")}
    assert tokens == {"openbao/secret/openbao-root"}
    assert len(cluster.root().names("auth/token/accessors")) == 1
