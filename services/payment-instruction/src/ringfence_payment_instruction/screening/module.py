"""The screening module, wired."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence_kernel.values.clock import Clock

from ringfence_payment_instruction.screening.adapters.list_files import SanctionsFiles
from ringfence_payment_instruction.screening.api import ScreeningApi
from ringfence_payment_instruction.screening.application.importing import ListImport
from ringfence_payment_instruction.screening.application.queries import ListsInForce
from ringfence_payment_instruction.screening.application.screening import Reviewer, ScreeningWork
from ringfence_payment_instruction.screening.domain.state import State
from ringfence_payment_instruction.submissions.application.personal import PersonalData
from ringfence_payment_instruction.submissions.application.reading import FileReading
from ringfence_payment_instruction.submissions.application.submissions import Submissions


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreeningModule:
    """What the module offers to callers, to the pipeline and to its siblings."""

    lists: ListsInForce
    importing: ListImport
    work: ScreeningWork
    api: ScreeningApi

    @classmethod
    def build(
        cls,
        submissions: Submissions,
        personal: PersonalData,
        state: State,
        reviewer: Reviewer,
        list_maximum_age_ns: int,
        reading: FileReading,
        clock: Clock,
    ) -> ScreeningModule:
        """Wires the module."""
        lists = ListsInForce(state, list_maximum_age_ns, clock)
        importing = ListImport(submissions.writer, state, SanctionsFiles(), reading)
        return cls(
            lists=lists,
            importing=importing,
            work=ScreeningWork(submissions, personal, lists, reviewer),
            api=ScreeningApi(importing),
        )
