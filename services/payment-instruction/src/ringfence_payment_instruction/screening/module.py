"""The screening module, wired."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence_kernel.proposals.application import Proposals
from ringfence_kernel.values.clock import Clock

from ringfence_payment_instruction.screening.adapters.list_files import SanctionsFiles
from ringfence_payment_instruction.screening.api import ScreeningApi
from ringfence_payment_instruction.screening.application.blocking import BlockingWork
from ringfence_payment_instruction.screening.application.clients import ClientScreening, ListedMarks
from ringfence_payment_instruction.screening.application.importing import ListImport
from ringfence_payment_instruction.screening.application.looking import Looking
from ringfence_payment_instruction.screening.application.ports import Blocking, ClientNames
from ringfence_payment_instruction.screening.application.queries import ListsInForce
from ringfence_payment_instruction.screening.application.releasing import HitReleases
from ringfence_payment_instruction.screening.application.screening import ScreeningWork
from ringfence_payment_instruction.screening.domain.deciding import SecondPersonRule
from ringfence_payment_instruction.screening.domain.state import State
from ringfence_payment_instruction.submissions.application.personal import PersonalData
from ringfence_payment_instruction.submissions.application.ports import Identity
from ringfence_payment_instruction.submissions.application.reading import FileReading
from ringfence_payment_instruction.submissions.application.submissions import Submissions


@dataclass(frozen=True, slots=True)
class ScreeningPorts:
    """Everything outside that the module needs."""

    names: ClientNames
    blocking: Blocking


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreeningModule:
    """What the module offers to callers, to the pipeline and to its siblings."""

    lists: ListsInForce
    importing: ListImport
    looking: Looking
    clients: ClientScreening
    work: ScreeningWork
    blocking: BlockingWork
    releases: HitReleases
    api: ScreeningApi

    @classmethod
    def build(
        cls,
        submissions: Submissions,
        personal: PersonalData,
        state: State,
        identity: Identity,
        ports: ScreeningPorts,
        proposals: Proposals,
        needs_second_person: SecondPersonRule,
        list_maximum_age_ns: int,
        reading: FileReading,
        clock: Clock,
    ) -> ScreeningModule:
        """Wires the module."""
        writer = submissions.writer
        lists = ListsInForce(state, list_maximum_age_ns, clock)
        importing = ListImport(writer, state, SanctionsFiles(), reading)
        listed = ListedMarks(lists, identity)
        looking = Looking(state, ports.names, listed)
        releases = HitReleases(submissions, proposals)
        proposals.register([releases.effect()])
        return cls(
            lists=lists,
            importing=importing,
            looking=looking,
            clients=ClientScreening(writer, state, ports.names, lists, listed, identity),
            work=ScreeningWork(submissions, state, personal, lists, looking, needs_second_person),
            blocking=BlockingWork(writer, state, lists, ports.blocking),
            releases=releases,
            api=ScreeningApi(importing, releases),
        )
