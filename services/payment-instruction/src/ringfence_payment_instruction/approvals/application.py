"""People's decisions on instructions: approve, reject, cancel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_kernel.values.money import MAX_AMOUNT_MINOR
from ringfence_kernel.writing.writer import Unit

from ringfence_payment_instruction.approvals.domain import (
    ApproverRule,
    Decider,
    decided,
    is_done,
    objection,
    own_objection,
)
from ringfence_payment_instruction.standing.application.stops import Stops
from ringfence_payment_instruction.submissions.application.submissions import MOST_ROWS, Submissions
from ringfence_payment_instruction.submissions.application.tenants import tenant_of
from ringfence_payment_instruction.submissions.application.views import StateView, state_view
from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.deadlines import Patience, overdue
from ringfence_payment_instruction.submissions.domain.errors import InstructionUnknown
from ringfence_payment_instruction.submissions.domain.past import Asked, TooManyRows
from ringfence_payment_instruction.submissions.domain.state import keys_of
from ringfence_payment_instruction.submissions.domain.status import Directive
from ringfence_payment_instruction.submissions.domain.submission import Submission
from ringfence_payment_instruction.submissions.domain.tallies import approver_key

OPERATOR = "operator"
Objection = Callable[[Submission, int, Directive, Decider], str]


@dataclass(frozen=True, slots=True)
class Decisions:
    """Takes decisions, each instruction by itself."""

    submissions: Submissions
    stops: Stops
    patience: Patience
    approver_minor: ApproverRule

    async def decide(
        self, decider: Caller, tenant: bytes, instruction_ids: Sequence[bytes], decision: Directive, note: str
    ) -> list[StateView]:
        """Returns one state per id, in order; where the decision was not taken, the reason says why.

        Raises, before anything is decided, InstructionUnknown for an id that the tenant has not used, and
        InvalidArgument where the ids lie in more closed submissions than fit into memory at once.
        """
        return await self._decide(decider, tenant, instruction_ids, decision, note, objection)

    async def cancel(self, maker: Caller, instruction_ids: Sequence[bytes], note: str) -> list[StateView]:
        """Withdraws what the caller has ordered, before it is handed to the bank; as `decide`."""

        def of_another(submission: Submission, index: int, decision: Directive, decider: Decider) -> str:
            return own_objection(submission, index, decider)

        return await self._decide(maker, tenant_of(maker), instruction_ids, Directive.CANCEL, note, of_another)

    async def _decide(
        self,
        decider: Caller,
        tenant: bytes,
        instruction_ids: Sequence[bytes],
        decision: Directive,
        note: str,
        objection_to: Objection,
    ) -> list[StateView]:
        ids = list(dict.fromkeys(instruction_ids))
        by = Decider(decider.hand, is_operator=decider.tenant is None and OPERATOR in decider.roles)

        def command(unit: Unit) -> dict[bytes, StateView]:
            views = {}
            taken: dict[bytes, list[int]] = {}
            found = self._found(unit, tenant, ids)
            for instruction_id, (submission, index) in found.items():
                refusal = objection_to(submission, index, decision, by)
                if decision is Directive.APPROVE and not self.stops.is_current(submission):
                    refusal = refusal or reasons.SCREENING_AGAIN
                if is_done(submission, index, decision, by) and refusal != reasons.MADE_BY_ANOTHER:
                    continue
                if refusal:
                    views[instruction_id] = state_view(submission, index)._replace(reason=refusal, iso_reason="")
                else:
                    taken.setdefault(submission.stream, []).append(index)
            for stream, indexes in taken.items():
                submission = self.submissions.state.known(stream)
                room = partial(self._room_minor, unit.now_ns)
                self.submissions.record(unit, stream, decided(submission, indexes, decision, by, note, room))
            # As they were found: what ends here may push others out of memory.
            return {each: state_view(*where) for each, where in found.items()} | views

        asked = Asked(keys_of(tenant, ids))
        try:
            views = await self.submissions.knowing(asked, command, most_rows=MOST_ROWS, weight=len(ids))
        except TooManyRows:
            raise InvalidArgument(
                "they have closed in too many files: ask for fewer", field="instruction_ids"
            ) from None
        return [views[instruction_id] for instruction_id in instruction_ids]

    def _room_minor(self, now_ns: int, tenant: bytes, approver: bytes, ledger: int) -> int:
        """Returns what an approver may let pass alone, minor units: his maximum less what he did within a day."""
        maximum = self.approver_minor(tenant, approver, ledger)
        if maximum == MAX_AMOUNT_MINOR:
            return maximum
        return maximum - self.submissions.state.tallies.sliding_minor(now_ns, approver_key(tenant, approver, ledger))

    def _found(self, unit: Unit, tenant: bytes, ids: Sequence[bytes]) -> dict[bytes, tuple[Submission, int]]:
        """Finds instructions; what time has decided meanwhile is recorded first, so that nobody decides otherwise."""
        by_id = {}
        for instruction_id in ids:
            found = self.submissions.state.find(tenant, instruction_id)
            if found is None:
                raise InstructionUnknown
            by_id[instruction_id] = found
        for submission in {submission.stream: submission for submission, _ in by_id.values()}.values():
            self.submissions.record(unit, submission.stream, overdue(submission, unit.now_ns, self.patience))
        return by_id
