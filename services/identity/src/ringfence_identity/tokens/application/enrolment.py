"""Issues client certificates for assertions; one that is issued and not recorded never leaves."""

from dataclasses import dataclass

from ringfence_kernel.values.clock import Clock
from ringfence_kernel.writing.writer import GroupWriter, Unit

from ringfence_identity.batches import record_all
from ringfence_identity.principals.queries import PrincipalQueries
from ringfence_identity.tokens.application import assertions
from ringfence_identity.tokens.application.declared import Declared
from ringfence_identity.tokens.application.ports import ClientIssuer, IssuedCertificate
from ringfence_identity.tokens.domain import enrolment
from ringfence_identity.tokens.domain.assertions import require_unspent
from ringfence_identity.tokens.domain.bearers import Presented, require_bearer
from ringfence_identity.tokens.domain.state import State


@dataclass(frozen=True, slots=True)
class EnrolmentCommands:
    """Handler of Enrol."""

    writer: GroupWriter
    state: State
    principals: PrincipalQueries
    clock: Clock
    declared: Declared
    certificates: ClientIssuer

    async def enrol(self, text: str, request_pem: str, presented: Presented) -> IssuedCertificate:
        """Returns a new client certificate for a principal that shows its present one.

        Raises as `issue`, and InvalidArgument for a request that names anything but the principal.
        """
        now_ns = self.clock.now_ns()
        assertion = assertions.verify(self.principals, text, now_ns)
        presented = self.declared.look_up(presented, now_ns)
        require_unspent(self.state, assertion, now_ns)
        require_bearer(self.state, self.principals, assertion, presented, now_ns)
        issued = await self.certificates.issue(request_pem, assertion.principal)

        def spend(unit: Unit) -> None:
            events = enrolment.enrol(
                self.state, self.principals, assertion, presented, issued.sha256, issued.expires_ns, unit.now_ns
            )
            record_all(unit, events)

        await self.writer.commit(spend)
        return issued
