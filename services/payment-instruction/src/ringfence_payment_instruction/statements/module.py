"""The statements module, wired."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ringfence_kernel.proposals.application import Proposals
from ringfence_kernel.values.clock import Clock

from ringfence_payment_instruction.deposits.application.ports import Entries
from ringfence_payment_instruction.deposits.application.receiving import RowsTaking
from ringfence_payment_instruction.rail.module import RailPorts
from ringfence_payment_instruction.screening.application.known import Known
from ringfence_payment_instruction.screening.application.looking import Looking
from ringfence_payment_instruction.screening.application.queries import ListsInForce
from ringfence_payment_instruction.settlement.application.ports import Custody
from ringfence_payment_instruction.standing.application.stops import Stops
from ringfence_payment_instruction.statements.adapters.files import BankStatementFiles
from ringfence_payment_instruction.statements.api.files import StatementsApi
from ringfence_payment_instruction.statements.api.servicer import StatementServicer
from ringfence_payment_instruction.statements.application.decisions import Exceptions, StatementDecisions
from ringfence_payment_instruction.statements.application.keeping import Keeping
from ringfence_payment_instruction.statements.application.payments import Naming
from ringfence_payment_instruction.statements.application.ports import BusinessDays, PastMovements, StagedPages
from ringfence_payment_instruction.statements.application.receiving import StatementReceiving
from ringfence_payment_instruction.statements.application.waiting import KeptWork
from ringfence_payment_instruction.statements.domain.state import State
from ringfence_payment_instruction.submissions.application.ports import Identity
from ringfence_payment_instruction.submissions.application.reading import FileReading
from ringfence_payment_instruction.submissions.application.submissions import Submissions


class Past(PastMovements, Exceptions, Protocol):
    """The tables of movements and exceptions."""


class Outside(Protocol):
    """Everything outside that the module needs."""

    @property
    def clock(self) -> Clock:
        """The time."""

    @property
    def entries(self) -> Entries:
        """What earlier releases have posted."""

    @property
    def past_movements(self) -> Past:
        """What memory has let go of."""

    @property
    def pages(self) -> StagedPages:
        """Pages that wait."""

    @property
    def rail(self) -> RailPorts:
        """What whole messages are sealed with."""

    @property
    def identity(self) -> Identity:
        """Whose accounts they are."""

    @property
    def custody(self) -> Custody:
        """The ledger."""


@dataclass(frozen=True, slots=True)
class Views:
    """What screening knows: what has changed, the lists in force, and looks at them."""

    known: Known
    lists: ListsInForce
    looking: Looking


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementsModule:
    """What the module offers to callers and to the rail."""

    receiving: StatementReceiving
    decisions: StatementDecisions
    work: KeptWork
    api: StatementsApi
    service: StatementServicer

    @classmethod
    def build(
        cls,
        submissions: Submissions,
        state: State,
        rows: RowsTaking,
        outside: Outside,
        reading: FileReading,
        views: Views,
        stops: Stops,
        proposals: Proposals,
        days: BusinessDays,
    ) -> StatementsModule:
        """Wires the module."""
        files = BankStatementFiles()
        keeping = Keeping(submissions.writer, state, outside.pages, outside.rail.seals, files)
        receiving = StatementReceiving(
            submissions=submissions,
            state=state,
            rows=rows,
            naming=Naming(submissions, outside.entries, outside.past_movements),
            files=files,
            reading=reading,
            identity=outside.identity,
            custody=outside.custody,
            known=views.known,
            lists=views.lists,
            looking=views.looking,
            stops=stops,
            days=days,
            past=outside.past_movements,
            keeping=keeping,
            clock=outside.clock,
        )
        decisions = StatementDecisions(state, receiving, outside.past_movements, proposals)
        proposals.register(decisions.effects())
        return cls(
            receiving=receiving,
            decisions=decisions,
            work=KeptWork(state, receiving, outside.clock),
            api=StatementsApi(receiving),
            service=StatementServicer(receiving, decisions),
        )
