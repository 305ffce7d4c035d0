"""The screening module, wired."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence_kernel.proposals.application import Proposals
from ringfence_kernel.values.clock import Clock

from ringfence_payment_instruction.screening.adapters.list_files import SanctionsFiles
from ringfence_payment_instruction.screening.api import ScreeningApi
from ringfence_payment_instruction.screening.application.acting import ListActs
from ringfence_payment_instruction.screening.application.importing import ListImport
from ringfence_payment_instruction.screening.application.queries import ListsInForce
from ringfence_payment_instruction.screening.application.screening import ScreeningWork
from ringfence_payment_instruction.screening.domain.deciding import SecondPersonRule
from ringfence_payment_instruction.screening.domain.state import State
from ringfence_payment_instruction.submissions.application.personal import PersonalData
from ringfence_payment_instruction.submissions.application.reading import FileReading
from ringfence_payment_instruction.submissions.application.submissions import Submissions


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreeningModule:
    """What the module offers to callers, to the pipeline and to its siblings."""

    lists: ListsInForce
    importing: ListImport
    acts: ListActs
    work: ScreeningWork
    api: ScreeningApi

    @classmethod
    def build(
        cls,
        submissions: Submissions,
        personal: PersonalData,
        state: State,
        needs_second_person: SecondPersonRule,
        list_maximum_age_ns: int,
        reading: FileReading,
        proposals: Proposals,
        clock: Clock,
    ) -> ScreeningModule:
        """Wires the module, and has its proposals known."""
        lists = ListsInForce(state, list_maximum_age_ns, clock, submissions.writer)
        importing = ListImport(submissions.writer, state, proposals, SanctionsFiles(), reading)
        acts = ListActs(submissions.writer, state, proposals)
        proposals.register(acts.effects())
        return cls(
            lists=lists,
            importing=importing,
            acts=acts,
            work=ScreeningWork(submissions, personal, lists, needs_second_person),
            api=ScreeningApi(importing, acts, lists),
        )
