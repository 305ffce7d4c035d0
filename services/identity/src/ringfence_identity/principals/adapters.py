"""The first principals, from a JSON file that operators place beside a new installation."""

import base64
import binascii
import json
from pathlib import Path
from typing import Any

from ringfence_kernel.values.errors import DomainError
from ringfence_kernel.values.ids import parse
from ringfence_kernel.values.settings import InvalidSetting

from ringfence_identity.principals.domain.principals import FirstPrincipal, NewPrincipal
from ringfence_identity.principals.domain.roles import Kind

VARIABLE = "RINGFENCE_BOOTSTRAP_PRINCIPALS_FILE"


def read_first_principals(path: Path) -> list[FirstPrincipal]:
    """Reads `[{id, kind, name, roles, public_key_b64url, certificate_sha256_hex}]`; raises InvalidSetting."""
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise InvalidSetting(VARIABLE, "a readable JSON file") from None
    if not isinstance(entries, list):
        raise InvalidSetting(VARIABLE, "a list of principals")
    return [_first_principal(number, entry) for number, entry in enumerate(entries, start=1)]


def _first_principal(number: int, entry: Any) -> FirstPrincipal:
    try:
        principal = NewPrincipal(
            parse(entry["id"]),
            Kind(entry["kind"]),
            entry["name"],
            b"",
            _decoded(entry["public_key_b64url"]),
            certificate_sha256=bytes.fromhex(entry["certificate_sha256_hex"]),
        )
        return FirstPrincipal(principal, tuple(entry["roles"]))
    except (KeyError, TypeError, ValueError, AttributeError, binascii.Error, DomainError) as error:
        raise InvalidSetting(VARIABLE, f"right in entry {number}: {type(error).__name__}: {error}") from error


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
