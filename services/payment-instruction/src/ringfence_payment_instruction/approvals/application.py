"""People's decisions on instructions: approve, reject, cancel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ringfence_kernel.writing.writer import Unit

from ringfence_payment_instruction.approvals.domain import is_done, objection
from ringfence_payment_instruction.submissions.application.ports import Submitter
from ringfence_payment_instruction.submissions.application.submissions import Desk, record_all
from ringfence_payment_instruction.submissions.application.views import StateView, state_view
from ringfence_payment_instruction.submissions.domain.errors import InstructionUnknown, TenantForbidden
from ringfence_payment_instruction.submissions.domain.status import Directive
from ringfence_payment_instruction.submissions.domain.submission import Submission
from ringfence_payment_instruction.submissions.domain.transitions import Patience, decided, overdue


@dataclass(frozen=True, slots=True)
class Decisions:
    """Takes decisions, each instruction by itself."""

    desk: Desk
    patience: Patience

    async def decide(
        self, decider: Submitter, tenant: bytes, instruction_ids: Sequence[bytes], decision: Directive, note: str
    ) -> list[StateView]:
        """Returns one state per id, in order; where the decision was not taken, the reason says why.

        Raises InstructionUnknown, before anything is decided, for an id that the tenant has not used.
        """
        ids = list(dict.fromkeys(instruction_ids))

        def command(unit: Unit) -> dict[bytes, StateView]:
            views = {}
            taken: dict[bytes, list[int]] = {}
            for instruction_id, (submission, index) in self._places(unit, tenant, ids):
                if is_done(submission, index, decision, decider.subject):
                    continue
                refusal = objection(submission, index, decision, decider.subject)
                if refusal:
                    views[instruction_id] = state_view(submission, index)._replace(reason=refusal, iso_reason="")
                else:
                    taken.setdefault(submission.stream, []).append(index)
            for stream, indexes in taken.items():
                submission = self.desk.state.submissions[stream]
                record_all(unit, stream, decided(submission, indexes, decision, decider.subject, note))
            return views | self._present(tenant, [each for each in ids if each not in views])

        views = await self.desk.commit(command, weight=len(ids))
        return [views[instruction_id] for instruction_id in instruction_ids]

    def _places(self, unit: Unit, tenant: bytes, ids: Sequence[bytes]) -> list[tuple[bytes, tuple[Submission, int]]]:
        """Finds instructions; what time has decided meanwhile is recorded first, so that nobody decides otherwise."""
        places = []
        for instruction_id in ids:
            found = self.desk.state.find(tenant, instruction_id)
            if found is None:
                raise InstructionUnknown
            places.append((instruction_id, found))
        for submission in {submission.stream: submission for _, (submission, _) in places}.values():
            record_all(unit, submission.stream, overdue(submission, unit.now_ns, self.patience))
        return places

    def _present(self, tenant: bytes, instruction_ids: Sequence[bytes]) -> dict[bytes, StateView]:
        places = [self.desk.state.find(tenant, each) for each in instruction_ids]
        return {each: state_view(*place) for each, place in zip(instruction_ids, places, strict=True) if place}


def tenant_for(caller: Submitter, wanted: bytes | None) -> bytes:
    """Returns the tenant that a caller asks about: its own, or for the custodian's people the one they name.

    Raises TenantForbidden, whether or not that tenant exists.
    """
    if caller.tenant is None:
        if wanted is None:
            raise TenantForbidden("name the tenant")
        return wanted
    if wanted not in (None, caller.tenant):
        raise TenantForbidden("the caller acts for another tenant")
    return caller.tenant
