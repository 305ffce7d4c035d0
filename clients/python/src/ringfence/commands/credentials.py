"""`ringfence credentials`: a principal's own keys, made where they stay, and what others need to let it in."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ringfence.commands.errors import CommandFailed, ExitCode
from ringfence.commands.terminal import note, output
from ringfence.commands.typed import choice
from ringfence.credentials import FILE_NAME, Addresses, Credentials, written
from ringfence.identity import PrincipalKind
from ringfence.ids import new_id
from ringfence.keys import certificate_request, new_connection_key, private_pem, uris_of

credentials = typer.Typer(help="Your own keys: made here, never sent.", no_args_is_help=True)

SIGNING_KEY, CERTIFICATE, CERTIFICATE_KEY = "signing.pem", "client.pem", "client.key"
SERVER_CA, REQUEST, ENTRY = "workload-ca.pem", "client.csr", "principal.json"
_FILES = {"certificate_file": CERTIFICATE, "certificate_key_file": CERTIFICATE_KEY, "server_ca_file": SERVER_CA}
"""What a credentials file says of a certificate that was asked for by the folder's own request."""
MEMBERS = (PrincipalKind.PLATFORM_APPROVER, PrincipalKind.IMPORTER)
"""Kinds that belong to a platform, which is not themselves."""
_TRUST_DOMAIN = re.compile(r"[a-z0-9._-]{1,255}")
_ADDRESS = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}")

Folder = Annotated[Path, typer.Argument(help="The credentials directory.")]
At = Annotated[str, typer.Option(metavar="HOST:PORT", help="Where it listens; several with commas between them.")]


@dataclass(frozen=True)
class _Asking:
    """Who asks to be let in, with the public half of the signing key, 32 bytes."""

    id: UUID
    kind: PrincipalKind
    name: str
    platform: UUID | None
    public_key: bytes

    @property
    def role(self) -> str:
        return self.kind.name.lower().replace("_", "-")

    @property
    def entry(self) -> dict[str, object]:
        """What identity's file of first principals says of it; the certificate's fingerprint is still to come."""
        public = base64.urlsafe_b64encode(self.public_key).decode().rstrip("=")
        named = {"id": str(self.id), "kind": self.kind.name, "name": self.name}
        return {**named, "roles": [self.role], "public_key_b64url": public}

    @property
    def fields(self) -> dict[str, object]:
        """What its credentials file says."""
        return {
            "principal_id": str(self.id),
            "tenant_id": str(self.platform) if self.platform else None,
            "signing_key_file": SIGNING_KEY,
            **_FILES,
        }


@credentials.command()
def new(
    folder: Folder,
    kind: Annotated[PrincipalKind, choice(PrincipalKind, "--kind", help="What you are to be.")],
    trust_domain: Annotated[str, typer.Option(help="The installation's, as its operators tell it.")],
    name: Annotated[str, typer.Option(help="Your name, for logs and people; the folder's where left out.")] = "",
    platform: Annotated[UUID | None, typer.Option(help="Platform of an approver or importer.")] = None,
    known: Annotated[UUID | None, typer.Option("--id", help="The id that you have; a new one where left out.")] = None,
) -> None:
    """Makes two keys, a request for a certificate and an id, in a new folder; prints the signing key's public half.

    The folder is there with all that belongs into it, or not at all. What it holds is for you alone, but for the two
    files that it says to send. With the id of somebody who is registered, what an operator proposes is printed too.
    """
    if not _TRUST_DOMAIN.fullmatch(trust_domain):
        raise typer.BadParameter(f"{trust_domain!r} is no trust domain: lower case letters, digits, dots, dashes")
    if (kind in MEMBERS) != (platform is not None):
        raise typer.BadParameter(f"{kind.name.lower()}: --platform is for those who belong to one, and to be given")
    if folder.exists():
        raise typer.BadParameter(f"{folder} is there already, and no key is ever written over")
    signing, identifier = Ed25519PrivateKey.generate(), known or new_id()
    book = identifier if kind is PrincipalKind.PLATFORM else platform
    called = name or folder.resolve().name
    asking = _Asking(identifier, kind, called, book, signing.public_key().public_bytes_raw())
    _make(folder, asking, signing, f"spiffe://{trust_domain}/principal/{identifier}")
    note(f"send {folder / REQUEST} and {folder / ENTRY} to the operators, and nothing else")
    note("before the second operator confirms you they read this key to you, out of what is proposed")
    _print(_key(asking.public_key))
    if known:
        note("by this an operator proposes the new key and certificate of an id that is registered")
        _print(f"ringfence pin {known} {CERTIFICATE} --public-key {asking.public_key.hex()}")


@credentials.command()
def complete(
    folder: Folder,
    certificate: Annotated[Path, typer.Option(help="What the operators had signed, PEM.")],
    server_ca: Annotated[Path, typer.Option(help="The authority of the servers, PEM.")],
    identity: At,
    custody: At,
    payment_instruction: At,
    audit: At,
) -> None:
    """Puts what the operators have sent back into the folder; prints key and certificate that it holds from then on.

    A certificate for another key or another id is refused, and nothing is written. What `ringfence renew` has got
    meanwhile stays in the folder, and counts no more.
    """
    fields = {**_fields_of(folder), **_FILES}
    signed = _certificate(certificate)
    _require_ours(folder, signed)
    _certificate(server_ca)
    addresses = Addresses(
        identity=_address(identity),
        custody=_address(custody),
        payment_instruction=_address(payment_instruction),
        audit=_address(audit),
    )
    chain, authority = certificate.read_bytes(), server_ca.read_bytes()
    written(folder / CERTIFICATE, chain)
    written(folder / SERVER_CA, authority)
    written(folder / FILE_NAME, _json({**fields, "addresses": asdict(addresses)}))
    loaded = Credentials.load(folder)
    note("the second operator reads both to you, over the telephone or in person, before confirming you")
    _print(_key(loaded.signing_key.public_key().public_bytes_raw()))
    _print(f"certificate with SHA-256 {loaded.certificate_sha256.hex()}")


def _make(folder: Path, asking: _Asking, signing: Ed25519PrivateKey, uri: str) -> None:
    """Writes a folder beside where it is to stand, and puts it there when it is whole."""
    making = folder.with_name(f".{folder.name}.{os.getpid()}")
    making.mkdir(mode=0o700)
    try:
        connection = new_connection_key()
        written(making / SIGNING_KEY, private_pem(signing))
        written(making / CERTIFICATE_KEY, private_pem(connection))
        written(making / REQUEST, certificate_request(connection, uri))
        written(making / ENTRY, _json(asking.entry))
        written(making / FILE_NAME, _json(asking.fields))
        making.rename(folder)
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _fields_of(folder: Path) -> dict[str, Any]:
    try:
        fields: dict[str, Any] = json.loads((folder / FILE_NAME).read_bytes())
        UUID(fields["principal_id"])
    except (OSError, ValueError, KeyError, TypeError):
        raise typer.BadParameter(f"{folder} was not made by `ringfence credentials new`") from None
    return fields


def _require_ours(folder: Path, signed: x509.Certificate) -> None:
    """Raises CommandFailed where a certificate is not what the folder's request asked for, or is over."""
    request = x509.load_pem_x509_csr((folder / REQUEST).read_bytes())
    keys = [
        each.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) for each in (request, signed)
    ]
    if keys[0] != keys[1]:
        raise CommandFailed("the certificate is for another key than yours", ExitCode.REFUSED)
    if uris_of(request) != uris_of(signed):
        raise CommandFailed("the certificate is for another id than yours", ExitCode.REFUSED)
    if signed.not_valid_after_utc <= datetime.now(UTC):
        raise CommandFailed("the certificate is over", ExitCode.REFUSED)


def _certificate(file: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificates(file.read_bytes())[0]
    except (OSError, ValueError):
        raise typer.BadParameter(f"{file} is no certificate in PEM") from None


def _address(text: str) -> str:
    if not all(_ADDRESS.fullmatch(each) for each in text.split(",")):
        raise typer.BadParameter(f"{text!r} is not HOST:PORT, or several with commas between them")
    return text


def _key(public_key: bytes) -> str:
    """Says a key as a proposal says it, so that the two are compared word by word."""
    return f"key {public_key.hex()}"


def _json(fields: dict[str, Any]) -> bytes:
    return f"{json.dumps(fields, indent=2)}\n".encode()


def _print(line: str) -> None:
    output.print(line, highlight=False, soft_wrap=True)
