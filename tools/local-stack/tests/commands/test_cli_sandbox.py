"""What a sandbox has from birth."""

import json
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest
from ringfence.errors import CredentialsError
from ringfence.identity import PrincipalKind
from ringfence.ids import new_id
from ringfence_bootstrap.description import SERVICES
from ringfence_identity.principals.adapters import read_first_principals
from ringfence_identity.tokens.adapters.statements import read_statements
from ringfence_local_stack.processes.files import write_private
from ringfence_local_stack.sandbox.birth import OPERATORS, certify, prepare, principals_folder
from ringfence_local_stack.sandbox.folders import PrincipalFolder
from ringfence_local_stack.servers.certificates import Authority, CertificateFiles, principal_id
from ringfence_local_stack.stack.running import RunningStack


@dataclass
class Servers:
    """What `certify` needs of a stack whose servers run."""

    directory: Path
    authority: Authority = field(default_factory=lambda: Authority("clients"))
    addresses: dict[str, str] = field(default_factory=lambda: dict.fromkeys(SERVICES, "127.0.0.1:1"))

    @property
    def client_ca_file(self) -> Path:
        """The authority of the principals' certificates."""
        return write_private(self.directory / "ca.pem", self.authority.certificate)

    workload_ca_file = client_ca_file

    def issue_principal_certificate(self, principal: str) -> CertificateFiles:
        """Signs one."""
        return self.authority.issue(principal_id(principal), self.directory, principal)


def born(folder: Path) -> dict[str, str]:
    """Prepares a sandbox and gives its first principals certificates; returns identity's settings."""
    settings = prepare(folder)["identity"]
    certify(cast(RunningStack, Servers(folder)))
    return dict(settings)


def test_operators_declare_what_an_older_sandbox_registered(tmp_path: Path) -> None:
    """Both operators' statements name every principal with a certificate, and identity can read them."""
    statements = read_statements(Path(born(tmp_path)["RINGFENCE_PIN_STATEMENTS_FILE"]))
    folders = [PrincipalFolder.open(path) for path in principals_folder(tmp_path).iterdir()]
    known = {each.principal_id.bytes: each.certificate_sha256 for each in folders if each}
    assert len(known) == 4
    assert [each.pins for each in statements] == [known, known]
    assert len({each.signer for each in statements}) == 2


def test_bootstrap_file_is_what_identity_reads(tmp_path: Path) -> None:
    """Identity reads two operators, a regulator and a bank feed from the file, as their folders have them."""
    first = read_first_principals(Path(born(tmp_path)["RINGFENCE_BOOTSTRAP_PRINCIPALS_FILE"]))
    kinds = sorted(each.principal.kind for each in first)
    assert kinds == ["BANK_FEED", "OPERATOR", "OPERATOR", "REGULATOR"]
    keys = {each.principal.id: (each.principal.public_key, each.principal.certificate_sha256) for each in first}
    operator = PrincipalFolder.open(principals_folder(tmp_path) / OPERATORS[0])
    assert operator is not None
    assert keys[operator.principal_id.bytes] == (operator.public_key, operator.certificate_sha256)


def test_second_start_keeps_the_keys(tmp_path: Path) -> None:
    """Keys are made once per stack directory: the bootstrap file is the same at every start."""
    stack = cast(RunningStack, Servers(tmp_path))
    file = Path(born(tmp_path)["RINGFENCE_BOOTSTRAP_PRINCIPALS_FILE"])
    before = {each["id"]: each["public_key_b64url"] for each in json.loads(file.read_text())}
    prepare(tmp_path)
    certify(stack)
    assert {each["id"]: each["public_key_b64url"] for each in json.loads(file.read_text())} == before


def test_keys_are_readable_by_their_owner_alone(tmp_path: Path) -> None:
    """Every file with a private key has mode 0600, in a folder of mode 0700."""
    prepare(tmp_path)
    key_files = list(tmp_path.rglob("*.key"))
    assert len(key_files) == 4
    assert {stat.S_IMODE(file.stat().st_mode) for file in key_files} == {0o600}
    assert {stat.S_IMODE(file.parent.stat().st_mode) for file in key_files} == {0o700}


def test_folder_without_certificate_gives_no_credentials(tmp_path: Path) -> None:
    """A principal that was never brought together with a stack cannot call anybody, and the error says what lacks."""
    folder = PrincipalFolder.make(tmp_path / "p", "p", PrincipalKind.PLATFORM, new_id())
    with pytest.raises(CredentialsError, match=r"client\.pem"):
        folder.credentials()


def test_principal_survives_the_way_to_its_folder_and_back(tmp_path: Path) -> None:
    """Name, kind, id and platform of a principal are read back from its folder; an empty folder has none."""
    made = PrincipalFolder.make(tmp_path / "p", "p", PrincipalKind.IMPORTER, new_id(), new_id())
    assert PrincipalFolder.open(tmp_path / "p") == made
    assert made.new_principal.tenant_id == made.tenant_id
    assert PrincipalFolder.open(tmp_path) is None
