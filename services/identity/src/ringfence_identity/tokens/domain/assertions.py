"""Client assertions (RFC 7523): what their claims must say, and that each is spent once."""

from dataclasses import dataclass
from hashlib import sha256

from ringfence_kernel.values.clock import NANOSECONDS
from ringfence_kernel.values.ids import external_id, parse

from ringfence_identity.tokens.domain.errors import AssertionExpired, AssertionInvalid, AssertionReplayed
from ringfence_identity.tokens.domain.state import ASSERTION_LONGEST_SECONDS, MINUTE_NS, State

ASSERTION_AUDIENCE = "ringfence-identity"
CLOCK_SKEW_SECONDS = 30
MAX_JTI_CHARACTERS = 128


@dataclass(frozen=True, slots=True)
class Assertion:
    """A client assertion whose signature was checked: who it is from, and by what it is known when it comes again.

    `key_sha256` names the public key that signed it.
    """

    principal: bytes
    digest: bytes
    expires_ns: int
    key_sha256: bytes


def issuer_of(claims: dict[str, object]) -> bytes:
    """Returns the principal whose assertion this claims to be; raises AssertionInvalid where it names none."""
    issuer = claims.get("iss")
    if not isinstance(issuer, str) or claims.get("sub") != issuer:
        raise AssertionInvalid
    try:
        return parse(issuer)
    except ValueError:
        raise AssertionInvalid from None


def check_claims(claims: dict[str, object], public_key: bytes, now_ns: int) -> Assertion:
    """Checks the claims of a signed assertion (RFC 7523 section 3) and returns what is left to spend.

    Raises AssertionInvalid, AssertionExpired.
    """
    principal = issuer_of(claims)
    audience, expires, token_id = claims.get("aud"), claims.get("exp"), claims.get("jti")
    if audience != ASSERTION_AUDIENCE and audience != [ASSERTION_AUDIENCE]:
        raise AssertionInvalid
    if not isinstance(expires, int) or isinstance(expires, bool):
        raise AssertionInvalid
    if not isinstance(token_id, str) or not 1 <= len(token_id) <= MAX_JTI_CHARACTERS or not token_id.isprintable():
        raise AssertionInvalid
    now = now_ns // NANOSECONDS
    if not now < expires <= now + ASSERTION_LONGEST_SECONDS:
        raise AssertionExpired
    for claim in ("nbf", "iat"):
        begins = claims.get(claim, now)
        if not isinstance(begins, int | float) or begins > now + CLOCK_SKEW_SECONDS:
            raise AssertionInvalid
    digest = external_id("identity.assertion", principal, token_id)
    return Assertion(principal, digest, expires * NANOSECONDS, sha256(public_key).digest())


def require_unspent(state: State, assertion: Assertion, now_ns: int) -> None:
    """Raises AssertionReplayed for an assertion that was spent before, in this run or an earlier one.

    Raises AssertionExpired once it has ended: from then on its use may be forgotten.
    """
    if now_ns >= assertion.expires_ns:
        raise AssertionExpired
    if assertion.digest in state.assertions.get(assertion.expires_ns // MINUTE_NS, ()):
        raise AssertionReplayed
