"""The standing module, wired."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ringfence_kernel.proposals.application import Proposals

from ringfence_payment_instruction.standing.application.noting import Noting
from ringfence_payment_instruction.standing.application.ports import Accounts
from ringfence_payment_instruction.standing.application.stops import ResumingWork, Stops
from ringfence_payment_instruction.standing.domain.state import State
from ringfence_payment_instruction.submissions.application.submissions import Submissions
from ringfence_payment_instruction.submissions.domain.submission import Submission


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingModule:
    """What the module offers to the follower, to its siblings and to the pipeline."""

    noting: Noting
    stops: Stops
    work: ResumingWork

    @classmethod
    def build(
        cls,
        submissions: Submissions,
        state: State,
        proposals: Proposals,
        accounts: Accounts,
        is_current: Callable[[Submission], bool],
        require_fresh: Callable[[], object],
        require_heard: Callable[[], object],
    ) -> StandingModule:
        """Wires the module."""
        stops = Stops(state, accounts, is_current, require_fresh, require_heard)
        noting = Noting(submissions.writer, state, proposals)
        return cls(noting=noting, stops=stops, work=ResumingWork(submissions, stops))
