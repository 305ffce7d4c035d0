"""`ringfence pin` and `declare`: by which certificate, and key, a principal acts (two operators say so)."""

import json
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import load_pem_x509_certificate

from ringfence.commands.connect import As, client_as
from ringfence.commands.errors import CommandFailed, ExitCode
from ringfence.commands.terminal import output, show
from ringfence.credentials import Credentials
from ringfence.identity import CertificatePin

_DIGEST_BYTES = _KEY_BYTES = 32
_WAITS = "APPROVAL_PENDING"


def pin(
    principal: As,
    of: Annotated[UUID, typer.Argument(metavar="PRINCIPAL", help="Whose certificate it is.")],
    certificate: Annotated[Path, typer.Argument(help="The client certificate, PEM, as its holder has shown it.")],
    public_key: Annotated[str, typer.Option(help="Signing key in the place of all before: 32 bytes in hex.")] = "",
) -> None:
    """Proposes by which certificate a principal acts from then on; all that it had before end with the confirmation."""
    key = _bytes(public_key, _KEY_BYTES, "--public-key") if public_key else b""
    wanted = CertificatePin(principal_id=of, certificate_sha256=_digest(certificate), public_key=key)
    with client_as(principal) as client:
        (result,) = client.identity.pin_certificates([wanted])
    rows = [[str(of), wanted.certificate_sha256.hex(), result.reason, str(result.proposal_id or "")]]
    show("Pinned certificate", ["principal", "SHA-256", "outcome", "proposal"], rows)
    if result.reason != _WAITS:
        raise CommandFailed("the certificate is not proposed: see the outcome above", ExitCode.REFUSED)


def declare(
    principal: Annotated[Path, typer.Option("--as", help="Credentials directory of an operator.")],
    pins: Annotated[Path, typer.Argument(help="JSON: principal ids with the SHA-256 of their certificates in hex.")],
) -> None:
    """Signs whose certificate is which, for principals that a release without pins registered; prints one line.

    Two operators' lines make the file that identity is given with the upgrade. Nothing is called.
    """
    try:
        read = json.loads(pins.read_text())
        found = {UUID(each): _bytes(digest, _DIGEST_BYTES, each) for each, digest in read.items()}
    except (ValueError, AttributeError, TypeError) as error:
        raise typer.BadParameter(f"{pins} holds no pins: {error}") from None
    output.print(Credentials.load(principal).pin_statement(found), highlight=False, soft_wrap=True)


def _digest(certificate: Path) -> bytes:
    try:
        return load_pem_x509_certificate(certificate.read_bytes()).fingerprint(SHA256())
    except ValueError:
        raise typer.BadParameter(f"{certificate} is no certificate in PEM") from None


def _bytes(text: str, size: int, name: str) -> bytes:
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != size:
        raise typer.BadParameter(f"{name} must be {size} bytes in hex")
    return found
