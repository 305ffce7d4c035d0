"""Issues access tokens for assertions.

A token is signed before the commit and released after it: a failed signature spends nothing, and nothing leaves that
is not recorded.
"""

from dataclasses import dataclass

from ringfence_kernel.values.clock import Clock, require_past
from ringfence_kernel.values.ids import new_id
from ringfence_kernel.writing.writer import GroupWriter, Unit

from ringfence_identity.batches import record_all
from ringfence_identity.principals.queries import PrincipalQueries
from ringfence_identity.tokens.application import assertions
from ringfence_identity.tokens.application.declared import Declared
from ringfence_identity.tokens.application.ports import TokenSigner
from ringfence_identity.tokens.domain import access
from ringfence_identity.tokens.domain.bearers import Presented
from ringfence_identity.tokens.domain.state import State


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A signed access token and what it is good for."""

    token: str
    expires_in_seconds: int
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AccessCommands:
    """Handler of IssueToken. `issuer` is the `iss` of every token."""

    writer: GroupWriter
    state: State
    principals: PrincipalQueries
    clock: Clock
    declared: Declared
    signer: TokenSigner
    issuer: str

    async def issue(self, text: str, wanted: frozenset[str], presented: Presented) -> AccessToken:
        """Returns an access token for an assertion, bound to the certificate presented.

        Raises AssertionInvalid, AssertionExpired, AssertionReplayed, CertificateMismatch, PrincipalNotActive,
        ScopeNotHeld, VaultUnavailable, ClockWrong.
        """
        now_ns = self.clock.now_ns()
        assertion = assertions.verify(self.principals, text, now_ns)
        presented = self.declared.look_up(presented, now_ns)
        position = self.writer.head.position
        grant = access.grant_access(
            self.state, self.principals, assertion, presented, wanted, new_id(), now_ns, position
        )
        signed = await self.signer.sign(access.access_claims(grant, self.issuer))

        def spend(unit: Unit) -> None:
            require_past(now_ns, unit.now_ns)
            record_all(unit, access.issue(self.state, self.principals, assertion, presented, grant, unit.now_ns))

        await self.writer.commit(spend)
        return AccessToken(signed, grant.expires_in_seconds, grant.scopes)
