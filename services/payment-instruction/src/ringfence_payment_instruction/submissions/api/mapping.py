"""Between the proto and the domain, for every module that shows instructions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ringfence_kernel.access.caller import current_caller
from ringfence_kernel.rpc import bounds
from ringfence_kernel.values.iban import compact
from ringfence_protos.payment_instruction.v1 import payment_instruction_pb2 as pb

from ringfence_payment_instruction.submissions.api.particulars import particulars
from ringfence_payment_instruction.submissions.application.tenants import tenant_for
from ringfence_payment_instruction.submissions.application.views import StateView
from ringfence_payment_instruction.submissions.domain.orders import Order

# Texts beyond this are no slip of the pen: the whole request is refused instead of the row.
LONGEST_TEXT = 1_000
LONGEST_ORDER = 64 * 1024
"""Bytes of one order."""
TEXTS = (
    "end_to_end_id", "debtor_iban", "creditor_iban", "creditor_name", "currency", "remittance",
    "ultimate_debtor_name", "ultimate_creditor_name", "uetr", "instruction_identification",
)  # fmt: skip
MAX_IDS = 1_000


def order(new: pb.NewInstruction) -> Order:
    """Returns what was ordered; raises InvalidArgument for an id or a text that cannot be kept."""
    for name in TEXTS:
        bounds.size(f"instructions.{name}", len(getattr(new, name)), maximum=LONGEST_TEXT)
    bounds.size("instructions", new.ByteSize(), maximum=LONGEST_ORDER)
    told = particulars(new)
    return Order(
        instruction_id=bounds.identifier("instructions.id", new.id),
        end_to_end_id=new.end_to_end_id,
        debtor_iban=compact(new.debtor_iban),
        creditor_iban=compact(new.creditor_iban),
        creditor_name=new.creditor_name,
        amount_minor=new.amount_minor,
        currency=new.currency,
        remittance=new.remittance,
        parties=told.parties() if told else (),
        carried=told.carried() if told else (),
        uetr=new.uetr,
        instruction_identification=new.instruction_identification,
        refusal=told.flaw() if told else "",
    )


def state(view: StateView) -> pb.InstructionState:
    """Returns how an instruction stands."""
    return pb.InstructionState(
        instruction_id=view.instruction_id,
        status=view.status,  # type: ignore[arg-type]  # the numbers are the same
        reason=view.reason,
        iso_reason_code=view.iso_reason,
    )


def states(views: Iterable[StateView]) -> list[pb.InstructionState]:
    """Returns how instructions stand."""
    return [state(view) for view in views]


def tenant(wanted: bytes) -> bytes:
    """Returns the tenant that the caller may ask about: permission comes before existence."""
    return tenant_for(current_caller(), bounds.optional_identifier("tenant_id", wanted))


def instruction_ids(values: Sequence[bytes]) -> list[bytes]:
    """Returns the ids asked about; raises InvalidArgument."""
    bounds.size("instruction_ids", len(values), minimum=1, maximum=MAX_IDS)
    return [bounds.identifier("instruction_ids", value) for value in values]
