"""`ringfence answers`: what the bank has answered that no payment fits, or several; two operators decide."""

from typing import Annotated
from uuid import UUID

import typer

from ringfence.answers import AnsweredPayment, AnswerException
from ringfence.commands.connect import As, client_as
from ringfence.commands.terminal import Tabled, show
from ringfence.commands.typed import Tenant, sha256
from ringfence.money import show as amount

answers = typer.Typer(help="The bank's answers that people must look at.", no_args_is_help=True)

Exception_ = Annotated[UUID, typer.Option("--answer", help="The bank's answer.")]
Document = Annotated[str, typer.Option(help="SHA-256 of the document that shows it, hexadecimal.")]
Note = Annotated[str, typer.Option(help="Why; no personal data.")]


@answers.command("list", cls=Tabled)
def listed(principal: As) -> None:
    """Lists the answers that wait, with the ids by which the bank names payments and those that fit."""
    with client_as(principal) as client:
        rows = [_row(each) for each in client.answers.exceptions()]
    names = ["answer", "misfit", "says", "code", "amount", "message", "transaction", "end to end", "fitting payments"]
    show("Answers of the bank", names, rows, right=["amount"])


@answers.command("apply", cls=Tabled)
def apply(
    principal: As,
    exception: Exception_,
    tenant: Tenant,
    payment: Annotated[UUID, typer.Option(help="The payment that it is about.")],
    document: Document,
    note: Note,
) -> None:
    """Proposes that an answer is about a payment, and decides it. Another operator confirms."""
    digest, about = sha256(document), AnsweredPayment(tenant_id=tenant, instruction_id=payment)
    with client_as(principal) as client:
        proposal = client.answers.apply(exception, about, digest, note)
    show("Proposal", ["proposal", "answer"], [[str(proposal), str(exception)]])


@answers.command("dismiss", cls=Tabled)
def dismiss(principal: As, exception: Exception_, document: Document, note: Note) -> None:
    """Proposes that nothing follows from an answer. Another operator confirms."""
    digest = sha256(document)
    with client_as(principal) as client:
        proposal = client.answers.dismiss(exception, digest, note)
    show("Proposal", ["proposal", "answer"], [[str(proposal), str(exception)]])


def _row(each: AnswerException) -> list[str]:
    return [
        str(each.id),
        each.misfit.name,
        each.fate.name,
        each.iso_reason_code,
        amount(each.amount_minor, each.currency) if each.currency else "",
        each.message_id,
        each.transaction_id,
        each.end_to_end_id,
        " ".join(f"{candidate.tenant_id}/{candidate.instruction_id}" for candidate in each.candidates),
    ]
