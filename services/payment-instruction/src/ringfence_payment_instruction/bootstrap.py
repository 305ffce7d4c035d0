"""Puts the service together: the one place where ports meet adapters."""

from __future__ import annotations

from ringfence_kernel.service import (
    Assembly,
    EventSourced,
    RebuildReport,
    Runtime,
    Service,
    Servicer,
    Task,
    migrator,
    opened_store,
    rebuild,
)
from ringfence_kernel.store.codec import EventCodec
from ringfence_protos.payment_instruction.v1 import payment_instruction_pb2_grpc

from ringfence_payment_instruction.composition import Application, Parts, compose
from ringfence_payment_instruction.rail.adapters.principal import RailPrincipal
from ringfence_payment_instruction.rail.adapters.spool import SpoolRail
from ringfence_payment_instruction.reads.adapters.instructions_model import (
    InstructionsModel,
    InstructionsReader,
    migrations,
)
from ringfence_payment_instruction.screening.adapters.list_files import SanctionsFiles
from ringfence_payment_instruction.settings import PaymentInstructionSettings
from ringfence_payment_instruction.settlement.adapters.custody_client import CustodyClient
from ringfence_payment_instruction.submissions.adapters.identity_client import IdentityClient
from ringfence_payment_instruction.submissions.adapters.order_files import Iso20022Files
from ringfence_payment_instruction.submissions.api.servicer import PaymentInstructionServicer
from ringfence_payment_instruction.submissions.application.submissions import Desk
from ringfence_payment_instruction.submissions.domain.events import ALL
from ringfence_payment_instruction.submissions.domain.state import State

NAME = "payment-instruction"


def event_codec() -> EventCodec:
    """Returns the codec of this service's events."""
    return EventCodec(ALL)


async def assemble(runtime: Runtime[PaymentInstructionSettings]) -> Assembly:
    """Rebuilds the state, finds the work that it calls for, and wires servicers."""
    state, model = State(), InstructionsModel()
    core = await EventSourced.open(runtime, event_codec(), state, [model])
    reader = InstructionsReader(core.store, event_codec(), core.projectors[model.name])
    application = compose(_parts(runtime, Desk(core.writer, state), reader))
    application.pipeline.start()
    return Assembly(
        servicers=[_servicer(application), core.feed()],
        tasks=[
            *core.tasks(),
            Task("pipeline", application.pipeline.run),
            Task("deadlines", application.pipeline.deadlines.run),
            Task("inbox", application.inbox.run),
        ],
        checks=[core.check()],
    )


def _parts(runtime: Runtime[PaymentInstructionSettings], desk: Desk, reader: InstructionsReader) -> Parts:
    settings, clock = runtime.settings, runtime.clock
    return Parts(
        desk=desk,
        clock=clock,
        identity=IdentityClient(runtime.peer("identity"), clock),
        custody=CustodyClient(runtime.peer("custody")),
        rail=SpoolRail(settings.spool_directory),
        voucher=RailPrincipal(settings.rail_credentials_directory, settings.address_of("identity"), clock),
        files=Iso20022Files(),
        lists=SanctionsFiles(),
        read_model=reader,
        limits=settings.limits(),
        patience=settings.patience(),
        list_maximum_age_ns=settings.list_maximum_age_ns(),
        rail_poll_seconds=settings.rail_poll_seconds,
    )


def _servicer(application: Application) -> Servicer:
    instance = PaymentInstructionServicer(
        application.intake, application.evidence, application.decisions, application.lists, application.queries
    )
    return Servicer(
        payment_instruction_pb2_grpc.add_PaymentInstructionServiceServicer_to_server,
        instance,
        "ringfence.payment_instruction.v1.PaymentInstructionService",
    )


def verify(settings: PaymentInstructionSettings, compare: bool) -> RebuildReport:
    """Builds state and tables from events alone; with `compare` checks them against the live ones."""
    with opened_store(settings) as store:
        return rebuild(store, event_codec(), State(), [InstructionsModel()], compare=compare)


SERVICE = Service(
    name=NAME,
    settings=PaymentInstructionSettings,
    assemble=assemble,
    migrate=migrator(migrations),
    rebuild=verify,
)
