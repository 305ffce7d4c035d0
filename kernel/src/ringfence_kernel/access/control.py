"""Who may call a method: the rule in the proto, checked against certificate and token, before the request is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from google.protobuf import descriptor_pool
from google.protobuf.descriptor import MethodDescriptor
from ringfence_protos.common.v1 import access_pb2

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.access.peer_certificates import AuthContext, PeerCertificates, PeerIdentity
from ringfence_kernel.access.refusals import (
    MethodNotOpen,
    PrincipalSuspended,
    ScopeMissing,
    TokenEnded,
    TokenInvalid,
    TokenMissing,
    WorkloadNotAdmitted,
)
from ringfence_kernel.access.standing import Standing
from ringfence_kernel.access.tokens import MAXIMUM_TOKEN_BYTES, TokenVerifier

Metadata = Iterable[tuple[str, str | bytes]]

_BEARER = "bearer "


class AccessRuleMissing(Exception):
    """A served method whose proto states no access rule, or more than one; stops start-up and names the method."""


@dataclass(frozen=True, slots=True)
class AccessRule:
    """What a caller of one method must show: a scope, a named workload, or (neither set) any valid certificate."""

    scope: str = ""
    workloads: frozenset[str] = frozenset()


ANY_CERTIFICATE = AccessRule()


def rules_of(services: Iterable[str]) -> dict[str, AccessRule]:
    """Reads the rules of all methods of the named services, keyed by method path; raises AccessRuleMissing."""
    pool = descriptor_pool.Default()
    return {
        f"/{service}/{method.name}": _rule(method)
        for service in services
        for method in pool.FindServiceByName(service).methods
    }


def _rule(method: MethodDescriptor) -> AccessRule:
    access = method.GetOptions().Extensions[access_pb2.access]
    if bool(access.scope) + bool(access.workloads) + access.certificate_only != 1:
        raise AccessRuleMissing(f"{method.full_name} must state exactly one access rule")
    return AccessRule(access.scope, frozenset(access.workloads))


class AccessControl:
    """Admits or refuses callers; permission is decided before anything about the request is known."""

    def __init__(
        self,
        rules: Mapping[str, AccessRule],
        certificates: PeerCertificates,
        tokens: TokenVerifier,
        standing: Standing,
    ) -> None:
        """Takes the rule of every method path that is served, and what tells who may not act any more."""
        self._rules = rules
        self._certificates = certificates
        self._tokens = tokens
        self._standing = standing

    async def admit(self, method: str, connection: AuthContext, metadata: Metadata) -> Caller:
        """Returns the caller of `method` or raises one of the refusals.

        Order: certificate, rule of the method, workload or token, binding of the token, standing, scope.
        """
        peer = self._certificates.identify(connection)
        rule = self._rules.get(method)
        if rule is None:
            raise MethodNotOpen
        if rule.scope:
            return await self._by_token(rule.scope, peer, metadata)
        if rule.workloads and (peer.kind != "service" or peer.name not in rule.workloads):
            raise WorkloadNotAdmitted
        return _by_certificate(peer)

    async def _by_token(self, scope: str, peer: PeerIdentity, metadata: Metadata) -> Caller:
        token = bearer_token(metadata)
        verified = await self._tokens.verify(token, peer)
        caller = Caller(
            spiffe_id=peer.spiffe_id,
            service=_service(peer),
            subject=verified.subject,
            certificate_thumbprint=peer.thumbprint,
            tenant=verified.tenant,
            roles=verified.roles,
            scopes=verified.scopes,
            token=token,
            person=verified.person,
            key_sha256=verified.key_sha256,
            grant_ends_ns=verified.grant_ends_ns,
            identity_position=verified.identity_position,
        )
        await self._hear_of(caller)
        self.require_standing(caller)
        if scope not in caller.scopes:
            raise ScopeMissing(scope=scope)
        return caller

    def require_standing(self, caller: Caller) -> None:
        """Raises PrincipalSuspended where whoever the caller's token speaks for, or its platform, is suspended.

        And TokenEnded where they were since it was issued, or had a certificate pinned. It may be asked again at any
        time of a call. Who shows no token is known by the certificate alone: a workload, or somebody whom the method
        itself looks at.
        """
        if not caller.token:
            return
        if self._is_suspended(caller):
            raise PrincipalSuspended
        if self._standing.has_ended(caller):
            raise TokenEnded

    async def _hear_of(self, caller: Caller) -> None:
        """Asks identity before a caller is refused who may have been activated again."""
        if self._standing.hear is not None and self._is_suspended(caller):
            await self._standing.hear()

    def _is_suspended(self, caller: Caller) -> bool:
        is_suspended = self._standing.is_suspended
        return is_suspended(caller.subject) or (caller.tenant is not None and is_suspended(caller.tenant))


def bearer_token(metadata: Metadata) -> str:
    """Returns the bearer token of a call (RFC 6750 section 2.1); raises TokenMissing or TokenInvalid."""
    values = [value for key, value in metadata if key == "authorization"]
    if len(values) != 1 or not isinstance(values[0], str) or not values[0].lower().startswith(_BEARER):
        raise TokenMissing
    token = values[0][len(_BEARER) :].strip()
    if not token:
        raise TokenMissing
    if len(token) > MAXIMUM_TOKEN_BYTES or not token.isascii():
        raise TokenInvalid
    return token


def _by_certificate(peer: PeerIdentity) -> Caller:
    return Caller(peer.spiffe_id, _service(peer), peer.subject, peer.thumbprint)


def _service(peer: PeerIdentity) -> str | None:
    return peer.name if peer.kind == "service" else None
