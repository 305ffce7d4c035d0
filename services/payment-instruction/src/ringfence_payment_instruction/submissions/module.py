"""The submissions module, wired."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ringfence_kernel.service.heavy import InThreads
from ringfence_kernel.values.clock import Clock, SteadyClock

from ringfence_payment_instruction.submissions.adapters.order_files import Iso20022Orders
from ringfence_payment_instruction.submissions.api.servicer import SubmissionsApi
from ringfence_payment_instruction.submissions.application.deadlines import Deadlines
from ringfence_payment_instruction.submissions.application.files import FileReceiving
from ringfence_payment_instruction.submissions.application.personal import PersonalData
from ringfence_payment_instruction.submissions.application.ports import Identity
from ringfence_payment_instruction.submissions.application.reading import FileQuotas, FileReading, RefusedFiles
from ringfence_payment_instruction.submissions.application.receiving import Receiving
from ringfence_payment_instruction.submissions.application.submissions import Submissions
from ringfence_payment_instruction.submissions.domain.deadlines import Patience


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionsModule:
    """What the module offers to callers, and to its siblings."""

    submissions: Submissions
    personal: PersonalData
    receiving: Receiving
    files: FileReceiving
    reading: FileReading
    deadlines: Deadlines
    api: SubmissionsApi

    @classmethod
    def build(
        cls,
        submissions: Submissions,
        identity: Identity,
        patience: Patience,
        quotas: FileQuotas,
        heavily: InThreads,
        aside: Callable[[bytes], bytes],
        clock: Clock,
    ) -> SubmissionsModule:
        """Wires the module."""
        personal = PersonalData(identity, SteadyClock())
        receiving = Receiving(submissions, identity, personal, patience.days)
        reading, refused = FileReading(quotas, heavily), RefusedFiles(quotas.refused_per_hour)
        files = FileReceiving(submissions, receiving, Iso20022Orders(aside), reading, refused, clock)
        return cls(
            submissions=submissions,
            personal=personal,
            receiving=receiving,
            files=files,
            reading=reading,
            deadlines=Deadlines(submissions, patience, clock),
            api=SubmissionsApi(receiving, files),
        )
