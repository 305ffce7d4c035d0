"""`ringfence pin`, `declare` and `renew`: by which certificate, and key, a principal acts (two operators say so)."""

import json
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from ringfence.commands.connect import As, client_as
from ringfence.commands.errors import CommandFailed, ExitCode
from ringfence.commands.terminal import output, show
from ringfence.commands.typed import certificate_sha256, of_size, sha256
from ringfence.credentials import FILE_NAME, Credentials, written
from ringfence.identity import CertificatePin
from ringfence.keys import certificate_request, new_connection_key, private_pem, uris_of

_KEY_BYTES = 32
_WAITS = "APPROVAL_PENDING"


def pin(
    principal: As,
    of: Annotated[UUID, typer.Argument(metavar="PRINCIPAL", help="Whose certificate it is.")],
    certificate: Annotated[Path, typer.Argument(help="The client certificate, PEM, as its holder has shown it.")],
    public_key: Annotated[str, typer.Option(help="Signing key in the place of all before: 32 bytes in hex.")] = "",
) -> None:
    """Proposes by which certificate a principal acts from then on; all that it had before end with the confirmation."""
    key = of_size(public_key, _KEY_BYTES) if public_key else b""
    wanted = CertificatePin(principal_id=of, certificate_sha256=certificate_sha256(certificate), public_key=key)
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
        found = {UUID(each): sha256(digest) for each, digest in read.items()}
    except (ValueError, AttributeError, TypeError) as error:
        raise typer.BadParameter(f"{pins} holds no pins: {error}") from None
    output.print(Credentials.load(principal).pin_statement(found), highlight=False, soft_wrap=True)


def renew(directory: Annotated[Path, typer.Argument(help="Credentials directory of the principal itself.")]) -> None:
    """Has identity sign another client certificate for the one that counts; key and certificate go into new files.

    Needs nobody else. The old pair stays where it is, and serves until its end.
    """
    file = directory / FILE_NAME
    with client_as(str(directory)) as client:
        (uri,) = uris_of(x509.load_pem_x509_certificate(client.credentials.certificate_chain_pem))
        key = new_connection_key()
        certificate, chain = client.identity.enrol(certificate_request(key, uri).decode())
    fields = json.loads(file.read_text())
    name = f"client-{_short(certificate)}"
    fields["certificate_key_file"] = written(directory / f"{name}.key", private_pem(key))
    whole = chain if certificate.strip() in chain else f"{certificate.strip()}\n{chain}"
    fields["certificate_file"] = written(directory / f"{name}.pem", whole.encode())
    written(file, f"{json.dumps(fields, indent=2)}\n".encode())
    output.print(str(directory / f"{name}.pem"), highlight=False, soft_wrap=True)


def _short(certificate_pem: str) -> str:
    return x509.load_pem_x509_certificate(certificate_pem.encode()).fingerprint(SHA256()).hex()[:16]
