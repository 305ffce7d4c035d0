"""`ringfence waiting`, `approve`, `reject`, `cancel` and `revoke`: payments that wait, and decisions on them."""

from typing import Annotated
from uuid import UUID

import typer

from ringfence.client import Client
from ringfence.commands.connect import As, Book, client_as
from ringfence.commands.errors import CommandFailed, ExitCode
from ringfence.commands.terminal import show
from ringfence.commands.typed import Tenant
from ringfence.money import show as amount
from ringfence.payments import DECISION_NOT_TAKEN, Decision, Instruction, InstructionState, InstructionStatus

Ids = Annotated[list[UUID] | None, typer.Argument(help="Ids of payments; lists those that wait where left out.")]
Note = Annotated[str, typer.Option("--note", help="Why, at most 280 characters; no personal data.")]
_WAITS_FOR = {
    InstructionStatus.HELD: "a second person",
    InstructionStatus.RECEIVED: "checks",
    InstructionStatus.VALIDATED: "checks",
    InstructionStatus.AUTHENTICATED: "screening",
    InstructionStatus.SCREENED: "custody",
    InstructionStatus.RESERVED: "hand-over to the bank",
    InstructionStatus.SENT: "the bank",
    InstructionStatus.UNKNOWN: "the bank",
}


def waiting(principal: As, book: Book = None) -> None:
    """Lists the payments of a platform that have not ended, with what each waits for and why."""
    with client_as(principal) as client:
        _list(client, book)


def approve(principal: As, ids: Ids = None, note: Note = "", book: Book = None) -> None:
    """Lets held payments go on, as somebody else than their maker; an operator names the platform by --book."""
    _decide(principal, ids, Decision.APPROVE, note, book)


def reject(principal: As, ids: Ids = None, note: Note = "", book: Book = None) -> None:
    """Refuses held payments for good, as one who may approve them."""
    _decide(principal, ids, Decision.REJECT, note, book)


def cancel(principal: As, ids: Ids = None, note: Note = "") -> None:
    """Withdraws payments as their maker, before they are handed over to the bank."""
    _decide(principal, ids, None, note, None)


def revoke(
    principal: As,
    submission: Annotated[UUID, typer.Argument(help="The submission whose authorisation ends.")],
    note: Annotated[str, typer.Option("--note", help="Why, at most 280 characters; no personal data.")],
    tenant: Tenant,
) -> None:
    """Ends the authorisation of one submission, for good: what the bank does not have of it stops."""
    with client_as(principal) as client:
        client.identity.revoke_authorisation(tenant, submission, note)
    show("Revoked", ["submission"], [[str(submission)]])


def _decide(principal: str, ids: list[UUID] | None, decision: Decision | None, note: str, book: UUID | None) -> None:
    with client_as(principal) as client:
        if not ids:
            _list(client, book)
            return
        payments = client.payments
        states = payments.decide(ids, decision, note, book) if decision else payments.cancel(ids, note)
        show("Payments", ["instruction", "status", "reason"], [_state_row(each) for each in states])
    if any(each.reason in DECISION_NOT_TAKEN for each in states):
        raise CommandFailed("a decision was not taken: see the reason above", ExitCode.REFUSED)


def _list(client: Client, book: UUID | None) -> None:
    found = [each for status in _WAITS_FOR for each in client.payments.list_instructions(book, status=status)]
    columns = ["instruction", "amount", "payee", "status", "waits for", "reason"]
    show("Payments that wait", columns, [_row(each) for each in found], right=["amount"])


def _row(waiting: Instruction) -> list[str]:
    return [
        str(waiting.state.instruction_id),
        amount(waiting.order.amount_minor, waiting.order.currency),
        waiting.order.creditor_name,
        waiting.state.status.name.lower(),
        _WAITS_FOR.get(waiting.state.status, ""),
        waiting.state.reason,
    ]


def _state_row(state: InstructionState) -> list[str]:
    return [str(state.instruction_id), state.status.name.lower(), state.reason]
