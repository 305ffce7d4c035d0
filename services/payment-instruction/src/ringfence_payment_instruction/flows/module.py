"""The flows module, wired."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence_kernel.values.clock import Clock

from ringfence_payment_instruction.flows.api import FlowsApi
from ringfence_payment_instruction.flows.application.agreements import FeeAgreements
from ringfence_payment_instruction.flows.application.charging import Charging
from ringfence_payment_instruction.flows.application.clearing import Clearing, Suspense
from ringfence_payment_instruction.flows.application.ordering import Ordering
from ringfence_payment_instruction.flows.application.ports import PastAgreements
from ringfence_payment_instruction.flows.domain.state import State
from ringfence_payment_instruction.submissions.application.receiving import Receiving


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowsModule:
    """What the module offers to callers."""

    agreements: FeeAgreements
    charging: Charging
    clearing: Clearing
    ordering: Ordering
    api: FlowsApi

    @classmethod
    def build(
        cls, receiving: Receiving, state: State, past: PastAgreements, suspense: Suspense, clock: Clock
    ) -> FlowsModule:
        """Wires the module."""
        submissions, ordering = receiving.submissions, Ordering(receiving)
        agreements = FeeAgreements(submissions.writer, state, past)
        charging = Charging(submissions, ordering, state, clock)
        clearing = Clearing(submissions, ordering, suspense)
        return cls(
            agreements=agreements,
            charging=charging,
            clearing=clearing,
            ordering=ordering,
            api=FlowsApi(agreements, charging, clearing, ordering),
        )
