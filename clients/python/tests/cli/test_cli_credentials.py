"""`ringfence credentials`: keys are made where they stay, whole or not at all; only what is ours joins them."""

from __future__ import annotations

import base64
import json
import os
import stat
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from uuid import UUID, uuid4

import pytest
from click.testing import Result
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from ringfence.cli import app
from ringfence.commands import principals
from ringfence.commands.errors import CommandFailed
from ringfence.credentials import Credentials
from ringfence.identity import ItemResult, NewPrincipal, PrincipalKind
from ringfence.keys import certificate_request, new_connection_key, uris_of
from ringfence_local_stack.servers.certificates import Authority
from typer.testing import CliRunner

SERVICES = ("identity", "custody", "payment-instruction", "audit")
AT = [word for number, name in enumerate(SERVICES) for word in (f"--{name}", f"{name}.example:{9000 + number}")]


def types(*words: object) -> Result:
    """Types a command about credentials; what ends it otherwise than by its exit code is raised."""
    return runs("credentials", *words)


def runs(*words: object) -> Result:
    """Types a command."""
    done = CliRunner().invoke(app, [*map(str, words)])
    if isinstance(done.exception, CommandFailed):
        raise done.exception
    return done


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A new folder of a regulator."""
    made = tmp_path / "reader"
    assert (
        types("new", made, "--kind", "regulator", "--trust-domain", "ringfence.example", "--name", "J. Doe").exit_code
        == 0
    )
    return made


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """The servers' authority."""
    file = tmp_path / "workload-ca.pem"
    file.write_text(Authority("servers").certificate)
    return file


def signed(folder: Path, csr: str = "") -> Path:
    """Has a request signed by some authority, the folder's own where none is given."""
    file = folder.with_name("client.pem")
    file.write_text(Authority("clients").sign(csr or (folder / "client.csr").read_text()))
    return file


def signed_bytes(folder: Path) -> bytes:
    """The certificate that was signed last."""
    return folder.with_name("client.pem").read_bytes()


def test_what_is_sent_is_public_and_what_is_kept_is_for_its_owner_alone(tmp_path: Path) -> None:
    """The key that is printed is the one that is sent, under the request's id; nobody else may read any file."""
    made = tmp_path / "reader"
    done = types("new", made, "--kind", "auditor", "--trust-domain", "ringfence.example", "--name", "J. Doe")
    sent = json.loads((made / "principal.json").read_text())
    assert (sent["name"], sent["kind"]) == ("J. Doe", "AUDITOR")
    assert done.stdout == f"key {base64.urlsafe_b64decode(sent['public_key_b64url'] + '=').hex()}\n"
    request = x509.load_pem_x509_csr((made / "client.csr").read_bytes())
    assert uris_of(request) == [f"spiffe://ringfence.example/principal/{UUID(sent['id'])}"]
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in made.iterdir()} == {0o600}
    assert sorted(os.listdir(tmp_path)) == ["reader"]


def test_what_comes_back_makes_credentials(folder: Path, authority: Path) -> None:
    """With the certificate, the servers' authority and the addresses it is what every command takes."""
    done = types("complete", folder, "--certificate", signed(folder), "--server-ca", authority, *AT)
    assert done.exit_code == 0, done.output
    found = Credentials.load(folder)
    key = found.signing_key.public_key().public_bytes_raw().hex()
    assert done.stdout.splitlines() == [f"key {key}", f"certificate with SHA-256 {found.certificate_sha256.hex()}"]
    assert found.addresses is not None
    assert (found.addresses.identity, found.addresses.payment_instruction) == (
        "identity.example:9000",
        "payment-instruction.example:9002",
    )
    entry = json.loads((folder / "principal.json").read_text())
    assert (entry["id"], entry["kind"], entry["roles"]) == (str(found.principal_id), "REGULATOR", ["regulator"])


def test_what_comes_back_counts_after_a_renewal_too(folder: Path, authority: Path) -> None:
    """What is reported is what every command then takes, whatever the folder named before."""
    given = ("--certificate", signed(folder), "--server-ca", authority, *AT)
    types("complete", folder, *given)
    file = folder / "credentials.json"
    renewed = {"certificate_file": "client-01.pem", "certificate_key_file": "client-01.key", "server_ca_file": "ca.pem"}
    for name, other in renewed.items():
        (folder / other).write_bytes((folder / json.loads(file.read_text())[name]).read_bytes())
        (folder / other).chmod(0o600)
    file.write_text(json.dumps(json.loads(file.read_text()) | renewed))
    again = signed(folder)
    done = types("complete", folder, *given)
    assert Credentials.load(folder).certificate_chain_pem == again.read_bytes()
    assert Credentials.load(folder).certificate_sha256.hex() in done.stdout


def test_a_new_key_of_an_id_that_is_known_is_pinned(tmp_path: Path) -> None:
    """It is registered already; the proposal that is printed is of the same key."""
    known = uuid4()
    done = types("new", tmp_path / "again", "--kind", "regulator", "--trust-domain", "ringfence.example", "--id", known)
    key, line = done.stdout.splitlines()
    assert line == f"ringfence pin {known} client.pem --public-key {key.removeprefix('key ')}"


@pytest.fixture
def proposed(monkeypatch: pytest.MonkeyPatch) -> list[NewPrincipal]:
    """Whom an operator has proposed."""
    found = list[NewPrincipal]()

    def register(these: Sequence[NewPrincipal]) -> list[ItemResult]:
        found.extend(these)
        return [ItemResult("APPROVAL_PENDING", uuid4())]

    client = SimpleNamespace(identity=SimpleNamespace(register_principals=register))
    monkeypatch.setattr(principals, "client_as", lambda principal: nullcontext(client))
    return found


def registers(*words: object) -> Result:
    """Types how an operator proposes somebody."""
    return runs("principals", "register", "--as", "operator", *words)


def test_who_is_proposed_is_read_and_as_what_is_typed(folder: Path, proposed: list[NewPrincipal]) -> None:
    """Id, name, key and certificate are the holder's; a kind, roles or anything more in its file is not taken."""
    entry = folder / "principal.json"
    told = json.loads(entry.read_text())
    greedy = {"kind": "OPERATOR", "roles": ["operator"], "tenant_id": str(uuid4()), "until_ns": 1, "grant": {}}
    entry.write_text(json.dumps(told | greedy))
    given = ("--from", entry, "--certificate", signed(folder), "--kind", "regulator")
    assert registers(*given, "--case", "CASE-7", "--until", "2030-01-01").exit_code == 0
    (new,) = proposed
    asserted = new.id, new.name, base64.urlsafe_b64encode(new.public_key).decode().rstrip("=")
    assert asserted == (UUID(told["id"]), "J. Doe", told["public_key_b64url"])
    assert new.certificate_sha256 == x509.load_pem_x509_certificate(signed_bytes(folder)).fingerprint(SHA256())
    assert (new.kind, new.tenant_id, new.until_ns) == (PrincipalKind.REGULATOR, None, 1_893_456_000 * 10**9)
    assert new.grant is not None
    assert new.grant.case_reference == "CASE-7"


@pytest.mark.parametrize(
    "told",
    [
        {"id": "no id"},
        {"name": "J.\x1b[2JDoe"},
        {"name": ""},
        {"name": ["J", "Doe"]},
        {"public_key_b64url": "A" * 42},
        {"public_key_b64url": "=" * 43},
        {"public_key_b64url": None},
    ],
)
def test_what_nobody_is_proposed_by(folder: Path, proposed: list[NewPrincipal], told: dict[str, object]) -> None:
    """A file that an outsider has written otherwise than the command does is named, and nobody is asked."""
    entry = folder / "principal.json"
    entry.write_text(json.dumps(json.loads(entry.read_text()) | told))
    done = registers("--from", entry, "--kind", "regulator")
    assert (done.exit_code, proposed) == (2, [])
    assert "is no principal.json" in " ".join(done.output.replace("│", " ").split())


def test_who_is_proposed_is_said_once(folder: Path, proposed: list[NewPrincipal]) -> None:
    """By the file or by hand, whole; another's certificate is not taken for one's own."""
    entry, kind = ("--from", folder / "principal.json"), ("--kind", "regulator")
    for words in (
        ("J. Doe", *entry),
        (*entry, "--id", uuid4()),
        (*entry, "--public-key", 64 * "0"),
        ("J. Doe",),
        ("J. Doe", "--public-key", 62 * "0"),
        ("--public-key", 64 * "0"),
    ):
        assert registers(*words, *kind).exit_code == 2
    other = certificate_request(new_connection_key(), f"spiffe://ringfence.example/principal/{uuid4()}").decode()
    with pytest.raises(CommandFailed, match="is not for the id"):
        registers(*entry, *kind, "--certificate", signed(folder, other))
    assert proposed == []


def test_certificate_that_is_not_ours_is_refused(folder: Path, authority: Path) -> None:
    """One for another key, or for our key under another id, is named; nothing is written."""
    request = x509.load_pem_x509_csr((folder / "client.csr").read_bytes())
    key = load_pem_private_key((folder / "client.key").read_bytes(), password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    for csr, says in (
        (certificate_request(new_connection_key(), uris_of(request)[0]), "for another key"),
        (certificate_request(key, f"spiffe://ringfence.example/principal/{uuid4()}"), "for another id"),
    ):
        with pytest.raises(CommandFailed, match=says):
            types("complete", folder, "--certificate", signed(folder, csr.decode()), "--server-ca", authority, *AT)
        assert not (folder / "client.pem").exists()


def test_no_key_is_written_over(folder: Path) -> None:
    """A folder that is there stays as it is; what comes back is put into no folder that was not made so."""
    before = (folder / "signing.pem").read_bytes()
    assert types("new", folder, "--kind", "regulator", "--trust-domain", "ringfence.example").exit_code == 2
    assert (folder / "signing.pem").read_bytes() == before
    empty = folder.with_name("empty")
    empty.mkdir()
    given = ("--certificate", signed(folder), "--server-ca", signed(folder))
    assert types("complete", empty, *given, *AT).exit_code == 2
    assert list(empty.iterdir()) == []
    assert types("complete", folder, *given, *AT[:-1], "audit without a port").exit_code == 2
    assert not (folder / "client.pem").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--kind", "regulator", "--trust-domain", "Not A Domain"), "is no trust domain"),
        (("--kind", "importer", "--trust-domain", "ringfence.example"), "--platform"),
        (("--kind", "regulator", "--trust-domain", "ringfence.example", "--platform", uuid4()), "--platform"),
        (("--kind", "king", "--trust-domain", "ringfence.example"), "is none of"),
    ],
)
def test_what_makes_no_sense_leaves_no_folder(tmp_path: Path, words: tuple[object, ...], says: str) -> None:
    """It ends with exit code 2, and what is wrong is said."""
    done = types("new", tmp_path / "reader", *words)
    assert (done.exit_code, list(tmp_path.iterdir())) == (2, [])
    assert says in " ".join(done.output.replace("│", " ").split())
