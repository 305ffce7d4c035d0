"""The deposits module, wired."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence_kernel.proposals.application import Proposals
from ringfence_kernel.service.signal import Signal
from ringfence_kernel.values.clock import Clock

from ringfence_payment_instruction.deposits.api import DepositsApi
from ringfence_payment_instruction.deposits.application.listing import SuspendedList
from ringfence_payment_instruction.deposits.application.lying import Lying
from ringfence_payment_instruction.deposits.application.posting import PostingWork
from ringfence_payment_instruction.deposits.application.receiving import RowsTaking
from ringfence_payment_instruction.deposits.application.releasing import SuspenseReleases
from ringfence_payment_instruction.deposits.application.returned import ReturnedMoney
from ringfence_payment_instruction.deposits.application.suspended import Suspense
from ringfence_payment_instruction.deposits.application.taking import Taking
from ringfence_payment_instruction.deposits.application.under_way import UnderWay
from ringfence_payment_instruction.deposits.domain.state import State
from ringfence_payment_instruction.screening.application.known import Known
from ringfence_payment_instruction.screening.application.looking import Looking
from ringfence_payment_instruction.screening.application.queries import ListsInForce
from ringfence_payment_instruction.settlement.application.ports import Custody
from ringfence_payment_instruction.standing.application.stops import Stops
from ringfence_payment_instruction.submissions.application.ports import Identity
from ringfence_payment_instruction.submissions.application.submissions import Submissions


@dataclass(frozen=True, slots=True, kw_only=True)
class DepositsModule:
    """What the module offers to callers, to the pipeline and to the rail."""

    rows: RowsTaking
    releases: SuspenseReleases
    returned: ReturnedMoney
    work: PostingWork
    api: DepositsApi

    @classmethod
    def build(
        cls,
        submissions: Submissions,
        state: State,
        identity: Identity,
        custody: Custody,
        known: Known,
        lists: ListsInForce,
        looking: Looking,
        suspense: Suspense,
        proposals: Proposals,
        stops: Stops,
        committed: Signal,
        clock: Clock,
    ) -> DepositsModule:
        """Wires the module."""
        releases = SuspenseReleases(submissions.writer, state, suspense, proposals)
        proposals.register([releases.effect()])
        lying = Lying(submissions, suspense.entries)
        return cls(
            rows=RowsTaking(submissions, state, identity, committed),
            releases=releases,
            returned=ReturnedMoney(custody, identity, stops, clock),
            work=PostingWork(
                submissions.writer,
                state,
                custody,
                identity,
                known,
                lists,
                looking,
                Taking(submissions, state, custody, lying),
            ),
            api=DepositsApi(UnderWay(submissions, state), releases, SuspendedList(suspense.entries, lying)),
        )
