"""What the modules keep, put together: the same in the service and in tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import chain

from ringfence_kernel.proposals.domain.state import State as ProposalState
from ringfence_kernel.store.codec import EventCodec
from ringfence_kernel.writing.states import SavedModuleState, SavedStates

from ringfence_custody.calendars.domain.state import State as CalendarState
from ringfence_custody.closings.domain.state import State as ClosingState
from ringfence_custody.ledger.application.ports import CommittedBatches
from ringfence_custody.ledger.application.state import State as LedgerState
from ringfence_custody.reconciliation.domain.events import EVENTS as RECONCILIATION_EVENTS
from ringfence_custody.reconciliation.domain.state import State as ReconciliationState
from ringfence_custody.registers.domain.events import EVENTS as REGISTER_EVENTS
from ringfence_custody.registers.domain.state import State as RegisterState
from ringfence_custody.safeguarding.domain.state import State as SafeguardingState

DIGEST_FORMAT = 10
"""Raised whenever a state's digest is made of something else."""


@dataclass(frozen=True, slots=True)
class ModuleStates:
    """What each module keeps in memory."""

    ledger: LedgerState
    reconciliation: ReconciliationState = field(default_factory=ReconciliationState)
    registers: RegisterState = field(default_factory=RegisterState)
    proposals: ProposalState = field(default_factory=ProposalState)
    calendars: CalendarState = field(default_factory=CalendarState)
    safeguarding: SafeguardingState = field(default_factory=SafeguardingState)
    closings: ClosingState = field(default_factory=ClosingState)

    @classmethod
    def over(cls, batches_of_book: Callable[[], CommittedBatches]) -> ModuleStates:
        """Starts empty, with books that read their committed batches through what is given."""
        return cls(LedgerState(batches_of_book))

    def together(self) -> SavedStates:
        """Returns them as the one state of the service."""
        modules: dict[str, SavedModuleState] = {
            "ledger": self.ledger,
            "reconciliation": self.reconciliation,
            "proposals": self.proposals,
            "calendars": self.calendars,
            "safeguarding": self.safeguarding,
            "registers": self.registers,
            "closings": self.closings,
        }
        return SavedStates(modules, DIGEST_FORMAT)


def event_codec() -> EventCodec:
    """Returns the codec of this service's events."""
    modules = (
        LedgerState.EVENTS,
        RECONCILIATION_EVENTS,
        ProposalState.EVENTS,
        CalendarState.EVENTS,
        SafeguardingState.EVENTS,
        REGISTER_EVENTS,
        ClosingState.EVENTS,
    )
    return EventCodec(dict.fromkeys(chain.from_iterable(modules)))
