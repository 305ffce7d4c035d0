"""The limits module, wired."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence_kernel.proposals.application import Proposals
from ringfence_kernel.values.clock import Clock

from ringfence_payment_instruction.limits.api import LimitsApi
from ringfence_payment_instruction.limits.application.ports import Funds, RecentPayments
from ringfence_payment_instruction.limits.application.reviewing import Reviewing
from ringfence_payment_instruction.limits.application.setting import Limits
from ringfence_payment_instruction.limits.domain.bounds import InstallationLimits
from ringfence_payment_instruction.limits.domain.deciding import Holding
from ringfence_payment_instruction.limits.domain.state import State
from ringfence_payment_instruction.submissions.application.submissions import Submissions


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsModule:
    """What the module offers to callers, and to its siblings."""

    setting: Limits
    reviewing: Reviewing
    api: LimitsApi

    @classmethod
    def build(
        cls,
        submissions: Submissions,
        proposals: Proposals,
        state: State,
        installation: InstallationLimits,
        recent: RecentPayments,
        funds: Funds,
        duplicate_days: int,
        clock: Clock,
    ) -> LimitsModule:
        """Wires the module."""
        setting = Limits(submissions.writer, proposals, state, installation, submissions.state.tallies, clock)
        proposals.register([setting.effect()])
        holding = Holding(state, installation, submissions.state.tallies)
        reviewing = Reviewing(submissions, holding, recent, funds, clock, duplicate_days)
        return cls(setting=setting, reviewing=reviewing, api=LimitsApi(setting))

    def approver_minor(self, tenant: bytes, approver: bytes, ledger: int) -> int:
        """Returns what an approver may approve alone, minor units."""
        return self.setting.installation.approver_minor(self.setting.state.of(tenant), approver, ledger)
