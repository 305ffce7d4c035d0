"""The rail module, wired."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence_kernel.proposals.application import Proposals
from ringfence_kernel.values.clock import Clock

from ringfence_payment_instruction.rail.adapters.bank_files import Iso20022BankFiles
from ringfence_payment_instruction.rail.adapters.travel_rule import read_travel_rule
from ringfence_payment_instruction.rail.api import AnswersApi
from ringfence_payment_instruction.rail.application.answering import Answering
from ringfence_payment_instruction.rail.application.dispatch import DispatchWork
from ringfence_payment_instruction.rail.application.inbox import Inbox
from ringfence_payment_instruction.rail.application.ports import (
    Notifications,
    Outbox,
    Payers,
    Rail,
    RailVoucher,
    Received,
    Returns,
    Seals,
    SettlementDays,
)
from ringfence_payment_instruction.rail.application.telling import Telling
from ringfence_payment_instruction.rail.application.working_off import WorkingOff
from ringfence_payment_instruction.rail.domain.state import State
from ringfence_payment_instruction.standing.application.stops import Stops
from ringfence_payment_instruction.submissions.application.personal import PersonalData
from ringfence_payment_instruction.submissions.application.submissions import Submissions


@dataclass(frozen=True, slots=True, kw_only=True)
class RailPorts:
    """Everything outside that the module needs."""

    rail: Rail
    payers: Payers
    outbox: Outbox
    received: Received
    seals: Seals
    voucher: RailVoucher
    poll_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RailModule:
    """What the module offers to callers and to the pipeline, and what runs beside."""

    api: AnswersApi
    work: DispatchWork
    inbox: Inbox

    @classmethod
    def build(
        cls,
        submissions: Submissions,
        state: State,
        proposals: Proposals,
        personal: PersonalData,
        stops: Stops,
        ports: RailPorts,
        notifications: Notifications,
        returns: Returns,
        clock: Clock,
        settlement: SettlementDays,
    ) -> RailModule:
        """Wires the module."""
        files = Iso20022BankFiles()
        answering = Answering(submissions, state, ports.outbox, ports.seals, returns, ports.voucher)
        working_off = WorkingOff(submissions, state, proposals)
        proposals.register([working_off.effect()])
        return cls(
            api=AnswersApi(answering, working_off),
            work=DispatchWork(
                submissions=submissions,
                personal=personal,
                stops=stops,
                files=files,
                payers=ports.payers,
                telling=Telling(read_travel_rule()),
                seals=ports.seals,
                outbox=ports.outbox,
                rail=ports.rail,
                clock=clock,
                settlement=settlement,
            ),
            inbox=Inbox(
                answering=answering,
                rail=ports.rail,
                received=ports.received,
                seals=ports.seals,
                files=files,
                notifications=notifications,
                voucher=ports.voucher,
                poll_seconds=ports.poll_seconds,
            ),
        )
