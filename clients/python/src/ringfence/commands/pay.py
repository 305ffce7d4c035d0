"""`ringfence pay`: one payment, or a pain.001 file, and what becomes of it."""

import time
from pathlib import Path
from typing import Annotated, cast
from uuid import UUID

import typer

from ringfence.client import Client
from ringfence.commands.connect import As, client_as
from ringfence.commands.errors import CommandFailed, ExitCode
from ringfence.commands.terminal import note, output, show
from ringfence.commands.typed import choice, minor
from ringfence.ids import external_id, new_id
from ringfence.money import show as amount
from ringfence.particulars import Agent, ChargeBearer, Code, Document, OtherAccount, StructuredRemittance
from ringfence.payments import Instruction, InstructionStatus, NewInstruction

_LOOK_SECONDS = 0.2


def pay(
    principal: As,
    debtor: Annotated[str, typer.Option("--from", help="Payer's IBAN, of a client of the platform.")] = "",
    creditor: Annotated[str, typer.Option("--to", help="Payee's IBAN.")] = "",
    name: Annotated[str, typer.Option(help="Payee's name.")] = "",
    sum_: Annotated[str, typer.Option("--amount", help="Amount, for instance 12.50.")] = "",
    currency: Annotated[str, typer.Option(help="ISO 4217 code.")] = "EUR",
    identifier: Annotated[
        UUID | None, typer.Option("--id", help="Id of the payment, a UUID: the same again is the same payment.")
    ] = None,
    remittance: Annotated[str, typer.Option(help="Text for the payee.")] = "",
    invoice: Annotated[list[str] | None, typer.Option(help="Number of an invoice that is paid.")] = None,
    reference: Annotated[str, typer.Option(help="The payee's own reference, for instance RF18539007547034.")] = "",
    purpose: Annotated[str, typer.Option(help="What it is for: an ISO 20022 code, for instance SALA.")] = "",
    charges: Annotated[ChargeBearer | None, choice(ChargeBearer, "--charges", help="Who bears the charges.")] = None,
    uetr: Annotated[UUID | None, typer.Option(help="UETR, a UUID of version 4; made where left out.")] = None,
    account: Annotated[str, typer.Option(help="Number of the payee's account where it has no IBAN.")] = "",
    bank: Annotated[str, typer.Option(help="BIC of the payee's bank.")] = "",
    file: Annotated[
        Path | None, typer.Option(help="A pain.001 file instead of one payment.", exists=True, dir_okay=False)
    ] = None,
    wait: Annotated[float, typer.Option(help="Seconds to wait for the end.")] = 20.0,
) -> None:
    """Orders a payment for a client of the platform and follows it to its end, or until it waits for somebody.

    The same payment under the same --id is the same payment, however often it is ordered; another one is refused. The
    id is printed before anything is sent. A file is the same by its content.
    """
    given = [debtor, creditor or account, name, sum_]
    others = [identifier, remittance, invoice, reference, purpose, charges, uetr, bank]
    if any([*given, *others]) if file else not all(given):
        raise typer.BadParameter("give --from, --to or --account, --name and --amount, or --file alone")
    order = None
    if file is None:
        key = identifier or new_id()
        order = NewInstruction(
            id=key,
            end_to_end_id=key.hex,
            debtor_iban=debtor,
            creditor_iban=creditor,
            creditor_name=name,
            amount_minor=minor(sum_, currency),
            currency=currency,
            remittance=remittance,
            uetr=str(uetr or ""),
            charge_bearer=charges,
            purpose=Code(purpose) if purpose else None,
            structured_remittance=structured(invoice or [], reference),
            creditor_agent=Agent(bic=bank) if bank else None,
            creditor_account=OtherAccount(identification=account) if account else None,
        )
    with client_as(principal) as client:
        if order is not None:
            announce(order.id, identifier)
        ids = _submit(client, order) if order else _submit_file(client, cast(Path, file))
        _report(follow(client, ids, wait))


def structured(invoices: list[str], reference: str) -> list[StructuredRemittance]:
    """The remittance that says which invoices are paid, and by what the payee knows that."""
    if not invoices and not reference:
        return []
    documents = [Document(type=Code("CINV"), number=each) for each in invoices]
    return [StructuredRemittance(documents=documents, creditor_reference=reference)]


def announce(key: UUID, given: UUID | None) -> None:
    """Tells an id that was not given but made, before anything is sent, so that the same can be asked for again."""
    if given is None:
        note(f"the same again, should this break off: --id {key}")


def follow(client: Client, ids: list[UUID], seconds: float) -> list[Instruction]:
    """The instructions once each has ended, is held for a second person, or `seconds` are over."""
    end = time.monotonic() + seconds
    while True:
        found = client.payments.instructions(ids)
        resting = [each.state.status.is_end or each.state.status is InstructionStatus.HELD for each in found]
        if all(resting) or time.monotonic() > end:
            return found
        time.sleep(_LOOK_SECONDS)


def _submit(client: Client, order: NewInstruction) -> list[UUID]:
    client.payments.submit(external_id("command.pay", order.id, "submission"), [order])
    return [order.id]


def _submit_file(client: Client, file: Path) -> list[UUID]:
    answer = client.payments.submit_file(file.read_bytes())
    if answer.submission_id is None:
        output.print(answer.status_report.decode(), highlight=False, soft_wrap=True)
        raise CommandFailed(f"{file} was refused whole; its pain.002 is printed above", ExitCode.REFUSED)
    note(f"submission {answer.submission_id}")
    return answer.instruction_ids


def _report(found: list[Instruction]) -> None:
    rows = [
        [
            each.order.end_to_end_id,
            amount(each.order.amount_minor, each.order.currency),
            each.state.status.name.lower(),
            each.state.reason,
            str(each.state.instruction_id),
        ]
        for each in found
    ]
    show("Payments", ["end to end", "amount", "status", "reason", "instruction"], rows, right=["amount"])
    if any(each.state.status in (InstructionStatus.REJECTED, InstructionStatus.FAILED) for each in found):
        raise CommandFailed("a payment was refused: see the reason above", ExitCode.REFUSED)
