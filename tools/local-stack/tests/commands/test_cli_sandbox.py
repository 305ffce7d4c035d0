"""What a sandbox has from birth."""

import json
import stat
from pathlib import Path

import pytest
from ringfence.errors import CredentialsError
from ringfence.identity import PrincipalKind
from ringfence.ids import new_id
from ringfence_identity.principals.adapters import read_first_principals
from ringfence_local_stack.sandbox.birth import OPERATORS, prepare, principals_folder
from ringfence_local_stack.sandbox.folders import PrincipalFolder


def test_bootstrap_file_is_what_identity_reads(tmp_path: Path) -> None:
    """Identity reads two operators, a regulator and a bank feed from the file, with the keys of their folders."""
    settings = prepare(tmp_path)
    first = read_first_principals(Path(settings["identity"]["RINGFENCE_BOOTSTRAP_PRINCIPALS_FILE"]))
    kinds = sorted(each.principal.kind for each in first)
    assert kinds == ["BANK_FEED", "OPERATOR", "OPERATOR", "REGULATOR"]
    keys = {each.principal.id: each.principal.public_key for each in first}
    operator = PrincipalFolder.open(principals_folder(tmp_path) / OPERATORS[0])
    assert operator is not None
    assert keys[operator.principal_id.bytes] == operator.public_key


def test_second_start_keeps_the_keys(tmp_path: Path) -> None:
    """Keys are made once per stack directory: the bootstrap file is the same at every start."""
    file = Path(prepare(tmp_path)["identity"]["RINGFENCE_BOOTSTRAP_PRINCIPALS_FILE"])
    before = json.loads(file.read_text())
    prepare(tmp_path)
    assert json.loads(file.read_text()) == before


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
