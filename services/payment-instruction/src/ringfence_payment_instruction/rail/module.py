"""The rail module, wired."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence_kernel.values.clock import Clock

from ringfence_payment_instruction.rail.adapters.bank_files import Iso20022BankFiles
from ringfence_payment_instruction.rail.application.dispatch import DispatchWork
from ringfence_payment_instruction.rail.application.inbox import Inbox
from ringfence_payment_instruction.rail.application.ports import Notifications, Rail, RailVoucher
from ringfence_payment_instruction.submissions.application.personal import PersonalData
from ringfence_payment_instruction.submissions.application.submissions import Submissions


@dataclass(frozen=True, slots=True, kw_only=True)
class RailModule:
    """What the module offers to the pipeline, and what runs beside."""

    work: DispatchWork
    inbox: Inbox

    @classmethod
    def build(
        cls,
        submissions: Submissions,
        personal: PersonalData,
        rail: Rail,
        notifications: Notifications,
        voucher: RailVoucher,
        poll_seconds: float,
        clock: Clock,
    ) -> RailModule:
        """Wires the module."""
        files = Iso20022BankFiles()
        return cls(
            work=DispatchWork(submissions, personal, files, rail, clock),
            inbox=Inbox(submissions, rail, files, notifications, voucher, poll_seconds),
        )
