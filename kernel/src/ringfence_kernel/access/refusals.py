"""Refusals of callers, in the order of their precedence (docs/errors.md)."""

from __future__ import annotations

from ringfence_kernel.values.errors import DomainError


class TlsVersionRefused(DomainError):
    """The connection negotiated something older than TLS 1.3."""

    reason = "TLS_VERSION_REFUSED"
    code = "UNAUTHENTICATED"


class CertificateRequired(DomainError):
    """No valid certificate of this trust domain, from the issuer that its kind of identity needs."""

    reason = "CERTIFICATE_REQUIRED"
    code = "UNAUTHENTICATED"


class TokenMissing(DomainError):
    """No single `authorization: Bearer …` in the call's metadata."""

    reason = "TOKEN_MISSING"
    code = "UNAUTHENTICATED"


class TokenInvalid(DomainError):
    """The token is malformed, signed by no known key, or meant for another issuer or audience."""

    reason = "TOKEN_INVALID"
    code = "UNAUTHENTICATED"


class TokenExpired(DomainError):
    """The token's time is over."""

    reason = "TOKEN_EXPIRED"
    code = "UNAUTHENTICATED"


class TokenNotBound(DomainError):
    """The token belongs to another certificate, or to none (RFC 8705 section 3.1)."""

    reason = "TOKEN_NOT_BOUND"
    code = "UNAUTHENTICATED"


class TokenEnded(DomainError):
    """Its holder was suspended, or had a certificate pinned, after the token was issued; a new one may be asked for."""

    reason = "TOKEN_ENDED"
    code = "UNAUTHENTICATED"


class TokenKeysUnavailable(DomainError):
    """The public keys that sign tokens cannot be fetched, or are too old to trust."""

    reason = "TOKEN_KEYS_UNAVAILABLE"
    code = "UNAVAILABLE"
    retry_after_seconds = 1.0


class PrincipalSuspended(DomainError):
    """Whoever the token speaks for, or its platform, is suspended, whatever the token still says."""

    reason = "PRINCIPAL_SUSPENDED"
    code = "PERMISSION_DENIED"


class ScopeMissing(DomainError):
    """The token does not carry the scope that the method needs."""

    reason = "SCOPE_MISSING"
    code = "PERMISSION_DENIED"


class WorkloadNotAdmitted(DomainError):
    """The method is for named services only."""

    reason = "WORKLOAD_NOT_ADMITTED"
    code = "PERMISSION_DENIED"


class MethodNotOpen(DomainError):
    """The method states no access rule, so nobody may call it."""

    reason = "METHOD_NOT_OPEN"
    code = "PERMISSION_DENIED"
