"""What people type, made into values; whatever is none ends the command with exit code 2 before anything is sent."""

from collections.abc import Callable
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar
from uuid import UUID

import typer
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from ringfence.money import to_minor

ValueT = TypeVar("ValueT")
NumberT = TypeVar("NumberT", bound=IntEnum)

Ids = Annotated[list[UUID], typer.Argument(help="Ids.")]
Tenant = Annotated[UUID, typer.Option("--platform", help="Platform whose book it is.")]
Currency = Annotated[str, typer.Option(help="ISO 4217 code.")]
Order = Annotated[str, typer.Option("--order", help="Reference of the order of a court or authority.")]
Why = Annotated[str, typer.Option("--reason", help="Why; no personal data.")]
DAY = ["%Y-%m-%d"]
TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]
SHA256_BYTES = 32
_NANOSECONDS = 10**9


def choice(numbers: type[NumberT], *names: str, help: str) -> Any:
    """An option whose value is a member of an enumeration, by its name in lower case with dashes."""
    known = {each.name.lower().replace("_", "-"): each for each in numbers}

    def parser(text: str | NumberT) -> NumberT:
        found = known.get(text) if isinstance(text, str) else text
        if found is None:
            raise typer.BadParameter(f"{text!r} is none of {', '.join(known)}")
        return found

    return typer.Option(*names, parser=parser, metavar="|".join(known), help=help)


def minor(text: str, currency: str) -> int:
    """Minor units of an amount above zero."""
    amount = bound_minor(text, currency)
    if amount <= 0:
        raise typer.BadParameter(f"{text!r} moves nothing")
    return amount


def bound_minor(text: str, currency: str) -> int:
    """Minor units of an amount that may be zero."""
    return _read(lambda: to_minor(text, currency))


def sha256(text: str) -> bytes:
    """The 32 bytes of a SHA-256 in hexadecimal."""
    return of_size(text, SHA256_BYTES)


def of_size(text: str, size: int) -> bytes:
    """So many bytes in hexadecimal."""
    found = hexadecimal(text)
    if len(found) != size:
        raise typer.BadParameter(f"{text!r} is not {size} bytes in hexadecimal")
    return found


def hexadecimal(text: str) -> bytes:
    """Bytes in hexadecimal."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not hexadecimal") from None


def certificate_sha256(file: Path) -> bytes:
    """SHA-256 of the DER bytes of a certificate in a PEM file."""
    try:
        return x509.load_pem_x509_certificate(file.read_bytes()).fingerprint(SHA256())
    except (OSError, ValueError):
        raise typer.BadParameter(f"{file} is no certificate in PEM") from None


def time_ns(moment: datetime | None) -> int:
    """UTC nanoseconds of a time in UTC; 0 for none."""
    return int(moment.replace(tzinfo=UTC).timestamp()) * _NANOSECONDS if moment else 0


def _read(value: Callable[[], ValueT]) -> ValueT:
    try:
        return value()
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
