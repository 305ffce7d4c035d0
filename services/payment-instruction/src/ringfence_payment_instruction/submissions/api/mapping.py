"""Between the proto and the domain."""

from __future__ import annotations

import base64
from collections.abc import Iterable

from ringfence_kernel.rpc import bounds
from ringfence_kernel.rpc.caller import Caller
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_kernel.values.iban import compact
from ringfence_protos.payment_instruction.v1 import payment_instruction_pb2 as pb

from ringfence_payment_instruction.reads.application.queries import InstructionView
from ringfence_payment_instruction.submissions.application.ports import Submitter
from ringfence_payment_instruction.submissions.application.views import StateView
from ringfence_payment_instruction.submissions.domain.orders import Order
from ringfence_payment_instruction.submissions.domain.status import Directive

DIRECTIVES = {
    pb.DECISION_APPROVE: Directive.APPROVE,
    pb.DECISION_REJECT: Directive.REJECT,
    pb.DECISION_CANCEL: Directive.CANCEL,
}
# Texts beyond this are no slip of the pen: the whole request is refused instead of the row.
LONGEST_TEXT = 1_000


def submitter(caller: Caller) -> Submitter:
    """Returns the caller as the application knows callers."""
    thumbprint = base64.urlsafe_b64decode(
        caller.certificate_thumbprint + "=" * (-len(caller.certificate_thumbprint) % 4)
    )
    return Submitter(caller.subject, caller.tenant, caller.token, thumbprint)


def order(new: pb.NewInstruction) -> Order:
    """Returns what was ordered; raises InvalidArgument for an id or a text that cannot be kept."""
    for name in ("end_to_end_id", "debtor_iban", "creditor_iban", "creditor_name", "currency", "remittance"):
        bounds.size(f"instructions.{name}", len(getattr(new, name)), maximum=LONGEST_TEXT)
    return Order(
        instruction_id=bounds.identifier("instructions.id", new.id),
        end_to_end_id=new.end_to_end_id,
        debtor_iban=compact(new.debtor_iban),
        creditor_iban=compact(new.creditor_iban),
        creditor_name=new.creditor_name,
        amount_minor=new.amount_minor,
        currency=new.currency,
        remittance=new.remittance,
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


def instruction(view: InstructionView) -> pb.Instruction:
    """Returns an instruction as read."""
    return pb.Instruction(
        order=pb.NewInstruction(
            id=view.state.instruction_id,
            end_to_end_id=view.end_to_end_id,
            debtor_iban=view.clear.debtor_iban,
            creditor_iban=view.clear.creditor_iban,
            creditor_name=view.clear.creditor_name,
            amount_minor=view.amount_minor,
            currency=view.currency,
            remittance=view.clear.remittance,
        ),
        state=state(view.state),
        submission_id=view.submission_id,
        transfer_id=view.transfer_id,
        received_ns=view.received_ns,
        changed_ns=view.changed_ns,
        maker_id=view.maker,
        approver_id=view.approver,
    )


def page_token(after: tuple[int, int] | None) -> str:
    """Returns the token of the next page, empty at the end."""
    return "" if after is None else f"{after[0]}.{after[1]}"


def page_start(token: str) -> tuple[int, int] | None:
    """Returns where a page begins; raises InvalidArgument for a token that was never given."""
    if not token:
        return None
    position, _, index = token.partition(".")
    if not (position.isdecimal() and index.isdecimal() and len(token) <= 32):
        raise InvalidArgument("page_token must be one that was given", field="page_token")
    start = int(position), int(index)
    if start[0] >= 2**63 or start[1] >= 2**31:
        raise InvalidArgument("page_token must be one that was given", field="page_token")
    return start
