"""The reconciliation module, wired."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence_kernel.proposals.application import Proposals
from ringfence_kernel.writing.writer import GroupWriter

from ringfence_custody.ledger.application.commands import Commands as LedgerCommands
from ringfence_custody.ledger.application.queries import Queries as LedgerQueries
from ringfence_custody.reconciliation.api.servicer import ReconciliationServicer
from ringfence_custody.reconciliation.application.correcting import Corrections
from ringfence_custody.reconciliation.application.deciding import Deciding
from ringfence_custody.reconciliation.application.noting import Noting
from ringfence_custody.reconciliation.application.ports import Days, Matches
from ringfence_custody.reconciliation.application.queries import Queries
from ringfence_custody.reconciliation.application.working import Reconciling
from ringfence_custody.reconciliation.domain.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconciliationModule:
    """What the module offers: to the follower, as work, and to callers."""

    noting: Noting
    work: Reconciling
    servicer: ReconciliationServicer

    @classmethod
    def build(
        cls,
        writer: GroupWriter,
        state: State,
        matches: Matches,
        days: Days,
        commands: LedgerCommands,
        ledger: LedgerQueries,
        proposals: Proposals,
    ) -> ReconciliationModule:
        """Wires the module, and lets two people correct."""
        corrections = Corrections(state, commands, proposals)
        proposals.register([corrections.effect()])
        return cls(
            noting=Noting(writer, state, matches, days),
            work=Reconciling(writer, state, days),
            servicer=ReconciliationServicer(
                Queries(writer, state, matches, ledger), Deciding(writer, state, matches, ledger), corrections
            ),
        )
