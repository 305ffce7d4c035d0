"""What screening knows at a moment, lists and findings, as a position of the feed."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence_payment_instruction.screening.domain.findings.state import State as FindingsState
from ringfence_payment_instruction.screening.domain.state import State
from ringfence_payment_instruction.submissions.domain.submission import Submission


@dataclass(frozen=True, slots=True)
class Known:
    """Lists, and the clients that they name."""

    lists: State
    findings: FindingsState

    @property
    def changed_position(self) -> int:
        """Position of the last event that may have made a hit of what was none before."""
        return max(self.findings.matched_position, *self.lists.changed.values(), 0)

    def covers(self, submission: Submission) -> bool:
        """Tells whether what was screened of a submission was screened by all that is known now."""
        return submission.screened_position >= self.changed_position or not submission.screened_position
