"""How tests of the domain have rows reviewed and decided on."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from ringfence_kernel.access.hands import Hand
from ringfence_kernel.values.columns import split_ids
from ringfence_kernel.values.money import MAX_AMOUNT_MINOR
from ringfence_payment_instruction.approvals.domain import Decider
from ringfence_payment_instruction.approvals.domain import decided as decided_by
from ringfence_payment_instruction.limits.domain.bounds import InstallationLimits
from ringfence_payment_instruction.limits.domain.deciding import Findings, Holding, Review
from ringfence_payment_instruction.limits.domain.state import State as LimitsState
from ringfence_payment_instruction.submissions.domain.status import Directive
from ringfence_payment_instruction.submissions.domain.submission import Submission


def review(history: Any, limits: InstallationLimits, submission: Submission) -> Review:
    """Returns how rows are reviewed that were never ordered before, with money for all of them."""
    accounts = set(split_ids(submission.debtor_accounts))
    findings = Findings(frozenset(), dict.fromkeys(accounts, MAX_AMOUNT_MINOR), accounts)
    holding = Holding(LimitsState(), limits, history.submissions.tallies)
    return partial(holding.steps, findings=findings)


def decided(
    submission: Submission, indexes: Sequence[int], decision: Directive, decider: bytes, note: str
) -> list[Any]:
    """Takes a decision of somebody who may approve any amount."""
    hand = Hand(decider, decider, b"key of " + decider, b"certificate of " + decider)
    return decided_by(submission, indexes, decision, Decider(hand), note, lambda *_: MAX_AMOUNT_MINOR)
