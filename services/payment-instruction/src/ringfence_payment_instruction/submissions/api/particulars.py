"""What an order tells the bank, between the proto and the domain."""

from __future__ import annotations

from typing import Literal

from ringfence_kernel.values.addresses import ELEMENTS, PostalAddress
from ringfence_protos.common.v1 import postal_address_pb2 as address_pb
from ringfence_protos.payment_instruction.v1 import payment_instruction_pb2 as pb

from ringfence_payment_instruction.submissions.domain.particulars import (
    Agent,
    Choice,
    Document,
    OtherAccount,
    Particulars,
    Structured,
)

UNKNOWN = "UNKNOWN"
# Most orders have none of them, and each costs as much as the rest.
_PARTS: tuple[Literal["purpose", "creditor_address", "creditor_agent", "creditor_account"], ...] = (
    "purpose",
    "creditor_address",
    "creditor_agent",
    "creditor_account",
)
_BEARERS = {
    pb.CHARGE_BEARER_UNSPECIFIED: "",
    pb.CHARGE_BEARER_DEBTOR: "DEBT",
    pb.CHARGE_BEARER_CREDITOR: "CRED",
    pb.CHARGE_BEARER_SHARED: "SHAR",
    pb.CHARGE_BEARER_SERVICE_LEVEL: "SLEV",
}


def particulars(new: pb.NewInstruction) -> Particulars | None:
    """Returns what an order tells in fields, right or wrong; None where it tells nothing."""
    if not new.structured_remittance and not any(new.HasField(part) for part in _PARTS):
        if not (new.charge_bearer or new.ultimate_debtor_name or new.ultimate_creditor_name):
            return None
        return Particulars(
            charge_bearer=_BEARERS.get(new.charge_bearer, UNKNOWN),
            ultimate_debtor_name=new.ultimate_debtor_name,
            ultimate_creditor_name=new.ultimate_creditor_name,
        )
    agent, account = new.creditor_agent, new.creditor_account
    return Particulars(
        charge_bearer=_BEARERS.get(new.charge_bearer, UNKNOWN),
        purpose=_choice(new.purpose),
        ultimate_debtor_name=new.ultimate_debtor_name,
        ultimate_creditor_name=new.ultimate_creditor_name,
        creditor_address=_address(new.creditor_address),
        creditor_agent=Agent(agent.bic, agent.clearing_system, agent.clearing_member, agent.name),
        creditor_account=OtherAccount(account.identification, _choice(account.scheme), account.issuer),
        structured=tuple(map(_structured, new.structured_remittance)),
    )


def _choice(message: pb.CodeOrProprietary) -> Choice:
    return Choice(message.code, message.proprietary)


def _address(message: address_pb.PostalAddress) -> PostalAddress:
    texts = {name: getattr(message, name) for name in ELEMENTS}
    return PostalAddress(**texts, address_lines=tuple(message.address_lines))


def _structured(message: pb.StructuredRemittance) -> Structured:
    return Structured(
        tuple(Document(_choice(each.type), each.number, each.related_date) for each in message.documents),
        _choice(message.creditor_reference_type),
        message.creditor_reference,
        tuple(message.additional_information),
    )
