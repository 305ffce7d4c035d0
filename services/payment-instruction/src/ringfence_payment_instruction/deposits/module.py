"""The deposits module, wired."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence_kernel.proposals.application import Proposals
from ringfence_kernel.service.signal import Signal
from ringfence_kernel.values.clock import Clock

from ringfence_payment_instruction.deposits.adapters.notification_files import Iso20022Notifications
from ringfence_payment_instruction.deposits.api import DepositsApi
from ringfence_payment_instruction.deposits.application.lying import Lying
from ringfence_payment_instruction.deposits.application.ports import Entries
from ringfence_payment_instruction.deposits.application.posting import PostingWork
from ringfence_payment_instruction.deposits.application.receiving import EvidenceReceiving
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
from ringfence_payment_instruction.submissions.application.reading import FileReading
from ringfence_payment_instruction.submissions.application.submissions import Submissions


@dataclass(frozen=True, slots=True, kw_only=True)
class DepositsModule:
    """What the module offers to callers, to the pipeline and to the rail."""

    receiving: EvidenceReceiving
    releases: SuspenseReleases
    returned: ReturnedMoney
    work: PostingWork
    api: DepositsApi

    @classmethod
    def build(
        cls,
        submissions: Submissions,
        state: State,
        entries: Entries,
        identity: Identity,
        custody: Custody,
        known: Known,
        lists: ListsInForce,
        looking: Looking,
        suspense: Suspense,
        proposals: Proposals,
        stops: Stops,
        reading: FileReading,
        committed: Signal,
        clock: Clock,
    ) -> DepositsModule:
        """Wires the module."""
        files = Iso20022Notifications()
        receiving = EvidenceReceiving(
            submissions, state, entries, files, reading, identity, known, lists, looking, stops, committed, clock
        )
        releases = SuspenseReleases(submissions.writer, state, suspense, proposals)
        proposals.register([releases.effect()])
        return cls(
            receiving=receiving,
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
                Taking(submissions, state, custody, Lying(submissions, suspense.entries)),
            ),
            api=DepositsApi(receiving, UnderWay(submissions, state), releases),
        )
