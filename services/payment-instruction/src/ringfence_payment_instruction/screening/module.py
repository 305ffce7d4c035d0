"""The screening module, wired."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence_kernel.proposals.application import Proposals

from ringfence_payment_instruction.screening.adapters.list_files import SanctionsFiles
from ringfence_payment_instruction.screening.api import ScreeningApi
from ringfence_payment_instruction.screening.application.acting import ListActs
from ringfence_payment_instruction.screening.application.blocking import BlockingWork
from ringfence_payment_instruction.screening.application.clients import ClientScreening
from ringfence_payment_instruction.screening.application.importing import ListImport
from ringfence_payment_instruction.screening.application.known import Known
from ringfence_payment_instruction.screening.application.looking import Looking
from ringfence_payment_instruction.screening.application.ports import Blocking, ClientNames, ListedNames, Suspended
from ringfence_payment_instruction.screening.application.queries import ListsInForce
from ringfence_payment_instruction.screening.application.quotas import EditionsQuota
from ringfence_payment_instruction.screening.application.releasing import HitReleases
from ringfence_payment_instruction.screening.application.screening import Reviewer, ScreeningWork
from ringfence_payment_instruction.screening.application.showing import Hits
from ringfence_payment_instruction.screening.application.stopping import Stopping
from ringfence_payment_instruction.screening.domain.editions import ListBounds
from ringfence_payment_instruction.submissions.application.personal import PersonalData
from ringfence_payment_instruction.submissions.application.ports import Identity
from ringfence_payment_instruction.submissions.application.reading import FileReading
from ringfence_payment_instruction.submissions.application.submissions import Submissions


@dataclass(frozen=True, slots=True)
class ScreeningPorts:
    """Everything outside that the module needs."""

    names: ClientNames
    blocking: Blocking
    listed_names: ListedNames


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreeningModule:
    """What the module offers to callers, to the pipeline and to its siblings."""

    lists: ListsInForce
    importing: ListImport
    clients: ClientScreening
    acts: ListActs
    work: ScreeningWork
    blocking: BlockingWork
    releases: HitReleases
    api: ScreeningApi

    @classmethod
    def build(
        cls,
        submissions: Submissions,
        personal: PersonalData,
        known: Known,
        identity: Identity,
        ports: ScreeningPorts,
        proposals: Proposals,
        reviewer: Reviewer,
        lists: ListsInForce,
        looking: Looking,
        suspended: Suspended,
        reading: FileReading,
        bounds: ListBounds,
    ) -> ScreeningModule:
        """Wires the module, and has its proposals known."""
        writer = submissions.writer
        importing = ListImport(
            writer, known.lists, proposals, SanctionsFiles(), reading, EditionsQuota(bounds), ports.listed_names
        )
        acts = ListActs(writer, known.lists, proposals)
        releases = HitReleases(submissions, proposals)
        stopping = Stopping(suspended)
        hits = Hits(submissions, personal, lists, looking, stopping, ports.listed_names, looking.listed.heavily)
        proposals.register([*acts.effects(), releases.effect()])
        return cls(
            lists=lists,
            importing=importing,
            acts=acts,
            clients=ClientScreening(writer, known.findings, ports.names, lists, looking.listed, identity),
            work=ScreeningWork(submissions, known, personal, lists, looking, stopping, reviewer),
            blocking=BlockingWork(writer, known.findings, lists, ports.blocking),
            releases=releases,
            api=ScreeningApi(importing, acts, lists, releases, hits),
        )
