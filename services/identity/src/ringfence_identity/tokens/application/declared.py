"""Certificates of principals that never had one pinned, as two operators have signed them (ADR 0028).

For the upgrade from a release that knew no pins: without a certificate nobody could confirm the first one. A statement
is a JWT signed with Ed25519 by an operator's registered key, and counts as long as that key and that operator do.
"""

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from ringfence_kernel.values.ids import parse

from ringfence_identity.principals.queries import Kind, PrincipalQueries
from ringfence_identity.tokens.application.assertions import is_signed, parse_signed
from ringfence_identity.tokens.domain.bearers import Presented
from ringfence_identity.tokens.domain.errors import AssertionInvalid
from ringfence_identity.tokens.domain.state import State

STATEMENT_AUDIENCE = "ringfence-identity-pins"
MAX_STATEMENT_CHARACTERS = 4_194_304
SHA256_BYTES = 32


@dataclass(frozen=True, slots=True)
class Statement:
    """What one operator signed: whose certificate is which, by its SHA-256."""

    signer: bytes
    message: bytes
    signature: bytes
    pins: dict[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Declared:
    """The statements that an installation was given: they count for whoever has no certificate pinned."""

    state: State
    principals: PrincipalQueries
    statements: tuple[Statement, ...] = ()

    def look_up(self, presented: Presented, now_ns: int) -> Presented:
        """Returns the certificate of a call with what is declared of it, which nobody asks where one is pinned."""
        if presented.subject in self.state.pinned:
            return presented
        naming = [each for each in self.statements if each.pins.get(presented.subject) == presented.sha256]
        return replace(presented, declared=self._are_two(naming, now_ns)) if naming else presented

    def _are_two(self, naming: list[Statement], now_ns: int) -> bool:
        """Whether these are of two operators who differ in person and key; whose certificate it is may be one."""
        signed = [found for each in naming if (found := self._signed_by(each, now_ns)) is not None]
        return any(person != other and key != another for person, key in signed for other, another in signed)

    def _signed_by(self, statement: Statement, now_ns: int) -> tuple[bytes, bytes] | None:
        """Returns person and SHA-256 of key of the operator who signed, None where nobody did who counts now."""
        signer = self.principals.get(statement.signer)
        if signer is None or signer.kind is not Kind.OPERATOR or not self.principals.may_act(signer, now_ns):
            return None
        for key in signer.keys:
            if key.is_valid(now_ns) and is_signed(key.public, statement.message, statement.signature):
                return signer.person, sha256(key.public).digest()
        return None


def read_statement(text: str) -> Statement:
    """Returns what a line of the file says, whoever signed it; raises ValueError."""
    try:
        message, signature, claims = parse_signed(text, MAX_STATEMENT_CHARACTERS)
    except AssertionInvalid:
        raise ValueError("no JWT with alg EdDSA") from None
    signer, pins = claims.get("iss"), claims.get("pins")
    if claims.get("aud") != STATEMENT_AUDIENCE or not isinstance(signer, str) or not isinstance(pins, dict):
        raise ValueError("no statement of pins")
    return Statement(parse(signer), message, signature, dict(map(_pin, pins.items())))


def _pin(each: tuple[str, Any]) -> tuple[bytes, bytes]:
    principal, digest = each
    if not isinstance(digest, str) or len(bytes.fromhex(digest)) != SHA256_BYTES:
        raise ValueError("a pin is no SHA-256 in hex")
    return parse(principal), bytes.fromhex(digest)
