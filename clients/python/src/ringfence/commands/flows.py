"""`ringfence fee`, `suspense`, `own-money`, `guarantee` and `shortfall`: what moves beside clients' payments."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import typer

from ringfence.commands.connect import As, client_as
from ringfence.commands.errors import CommandFailed, ExitCode
from ringfence.commands.outcome import moment
from ringfence.commands.pay import announce
from ringfence.commands.terminal import Tabled, show
from ringfence.commands.typed import DAY, Currency, Tenant, minor, sha256
from ringfence.flows import Fee, FeeAgreement, OwnPayout, Suspended
from ringfence.ids import new_id
from ringfence.money import show as amount
from ringfence.payments import InstructionState, InstructionStatus

fee = typer.Typer(help="Fees that clients have agreed to.", no_args_is_help=True)
suspense = typer.Typer(help="Money whose owner was not known: two operators decide.", no_args_is_help=True)
own_money = typer.Typer(help="The platform's own money.", no_args_is_help=True)
shortfall = typer.Typer(help="What the platform owes its clients.", no_args_is_help=True)
guarantee = typer.Typer(help="Guarantees for clients' overdrafts.", no_args_is_help=True)

Sum = Annotated[str, typer.Option("--amount", help="Amount, for instance 12.50.")]
Reference = Annotated[str, typer.Option(help="End-to-end reference, 1 to 35 characters.")]
Entry = Annotated[UUID, typer.Option(help="The bank's entry.")]
SuspenseAccount = Annotated[UUID, typer.Option("--account", help="Suspense account where the money lies.")]
Identifier = Annotated[UUID | None, typer.Option("--id", help="Id to repeat it safely; a new one where left out.")]


def add_to(app: typer.Typer) -> None:
    """Adds the groups to the command."""
    app.add_typer(fee, name="fee")
    app.add_typer(suspense, name="suspense")
    app.add_typer(own_money, name="own-money")
    app.add_typer(guarantee, name="guarantee")
    app.add_typer(shortfall, name="shortfall")


@fee.command("agree")
def agree(
    principal: As,
    client_id: Annotated[UUID, typer.Option("--client", help="Party that pays.")],
    kind: Annotated[str, typer.Option(help="What it is for, 1 to 35 characters.")],
    maximum: Annotated[str, typer.Option("--maximum", help="One fee at most, for instance 5.00.")],
    document: Annotated[str, typer.Option(help="SHA-256 of the document that the client has accepted, hexadecimal.")],
    from_day: Annotated[datetime, typer.Option("--from", formats=DAY, help="First day.")],
    until_day: Annotated[datetime, typer.Option("--until", formats=DAY, help="Last day.")],
    rate_ppm: Annotated[int, typer.Option(help="Millionths of the payment that a fee is for; 0 for none.")] = 0,
    currency: Currency = "EUR",
    identifier: Identifier = None,
) -> None:
    """Records a fee agreement that a client has accepted."""
    key = identifier or new_id()
    agreement = FeeAgreement(
        id=key,
        client_id=client_id,
        kind=kind,
        currency=currency,
        maximum_minor=minor(maximum, currency),
        rate_ppm=rate_ppm,
        from_day=from_day.date(),
        until_day=until_day.date(),
        document_sha256=sha256(document),
    )
    with client_as(principal) as client:
        announce(key, identifier)
        client.flows.agree_fee(agreement)


@fee.command("end")
def end(principal: As, agreement: Annotated[UUID, typer.Option(help="Agreement to end.")]) -> None:
    """Ends a fee agreement."""
    with client_as(principal) as client:
        client.flows.end_fee_agreement(agreement)


@fee.command("list", cls=Tabled)
def listed(principal: As) -> None:
    """Lists the platform's fee agreements."""
    with client_as(principal) as client:
        rows = [
            [
                str(each.id),
                str(each.client_id),
                each.kind,
                amount(each.maximum_minor, each.currency),
                str(each.rate_ppm),
                f"{each.from_day} to {each.until_day}",
            ]
            for each in client.flows.fee_agreements()
        ]
    show("Fee agreements", ["agreement", "client", "kind", "maximum", "rate ppm", "days"], rows, right=["maximum"])


@fee.command("charge", cls=Tabled)
def charge(
    principal: As,
    agreement: Annotated[UUID, typer.Option(help="Agreement that it is debited under.")],
    debtor: Annotated[str, typer.Option("--from", help="Client's IBAN.")],
    account: Annotated[UUID, typer.Option(help="Account for fees.")],
    sum_: Sum,
    reference: Reference,
    currency: Currency = "EUR",
    base: Annotated[UUID | None, typer.Option("--for", help="The client's payment that it is for.")] = None,
    identifier: Identifier = None,
) -> None:
    """Debits an agreed fee."""
    key = identifier or new_id()
    row = Fee(
        id=None if base else key,
        agreement_id=agreement,
        base_instruction_id=base,
        end_to_end_id=reference,
        debtor_iban=debtor,
        fee_account_id=account,
        amount_minor=minor(sum_, currency),
        currency=currency,
    )
    with client_as(principal) as client:
        announce(key, identifier)
        (state,) = client.flows.charge_fees(key, [row])
    _report(state)


@suspense.command("allocate", cls=Tabled)
def allocate(
    principal: As,
    tenant: Tenant,
    entry: Entry,
    account: SuspenseAccount,
    creditor: Annotated[str, typer.Option("--to", help="IBAN of the client that it belongs to.")] = "",
    platform_account: Annotated[UUID | None, typer.Option(help="Account of the platform's own instead.")] = None,
) -> None:
    """Gives money in suspense to whom it belongs, once another operator approves."""
    if bool(creditor) == bool(platform_account):
        raise typer.BadParameter("give one of --to and --platform-account")
    with client_as(principal) as client:
        suspended = Suspended(tenant_id=tenant, entry_id=entry, suspense_account_id=account)
        _report(client.flows.allocate_suspense(suspended, creditor_iban=creditor, platform_account_id=platform_account))


@suspense.command("return", cls=Tabled)
def give_back(
    principal: As,
    tenant: Tenant,
    entry: Entry,
    account: SuspenseAccount,
    bank: Annotated[str, typer.Option(help="IBAN of the platform's account at the bank.")],
) -> None:
    """Returns money in suspense to its payer, once another operator approves."""
    with client_as(principal) as client:
        suspended = Suspended(tenant_id=tenant, entry_id=entry, suspense_account_id=account)
        _report(client.flows.return_suspense(suspended, bank))


@suspense.command("list", cls=Tabled)
def all_suspended(principal: As, tenant: Tenant) -> None:
    """Lists a platform's money in suspense, the oldest first."""
    with client_as(principal) as client:
        found = sorted(client.flows.all_suspended(tenant), key=lambda each: (each.suspended_ns, each.entry_id))
    columns = ["entry", "amount", "reference", "since", "reason", "clearing"]
    rows = [
        [
            str(each.entry_id),
            amount(each.amount_minor, each.currency),
            each.reference,
            moment(each.suspended_ns),
            each.reason,
            each.clearing.status.name.lower() if each.clearing else "",
        ]
        for each in found
    ]
    show("Suspense", columns, rows)


@suspense.command("show", cls=Tabled)
def shown(principal: As, tenant: Tenant, entry: Entry) -> None:
    """Shows why money lies in suspense, and whom the lists of now name behind it."""
    with client_as(principal) as client:
        state = client.flows.suspended(tenant, entry)
    sum_ = amount(state.entry.amount_minor, state.entry.currency)
    shown_ = [str(state.entry.entry_id), sum_, state.reason, "yes" if state.blocked else "no"]
    show("Suspense", ["entry", "amount", "reason", "blocked"], [shown_])
    rows = [[each.list_reference, each.finding_sha256.hex()] for each in state.findings]
    show("Findings", ["list entry", "finding"], rows)


@suspense.command("release", cls=Tabled)
def release(
    principal: As,
    tenant: Tenant,
    entry: Entry,
    document: Annotated[str, typer.Option(help="SHA-256 of the document that shows it, hexadecimal.")],
    note: Annotated[str, typer.Option(help="Why the lists name somebody else; no personal data.")],
) -> None:
    """Proposes to release blocked money: the lists name somebody else. Another operator confirms."""
    digest = sha256(document)
    with client_as(principal) as client:
        proposal = client.flows.release_suspended(tenant, entry, digest, note)
    show("Proposal", ["proposal", "entry"], [[str(proposal), str(entry)]])


@own_money.command("out", cls=Tabled)
def pay_out(
    principal: As,
    account: Annotated[UUID, typer.Option(help="Account of the platform's own.")],
    bank: Annotated[str, typer.Option(help="IBAN of the platform's account at the bank.")],
    creditor: Annotated[str, typer.Option("--to", help="Payee's IBAN.")],
    name: Annotated[str, typer.Option(help="Payee's name.")],
    sum_: Sum,
    reference: Reference,
    currency: Currency = "EUR",
    remittance: Annotated[str, typer.Option(help="Text for the payee.")] = "",
    identifier: Identifier = None,
) -> None:
    """Pays the platform's own money out by the bank."""
    key = identifier or new_id()
    payout = OwnPayout(
        id=key,
        end_to_end_id=reference,
        platform_account_id=account,
        bank_iban=bank,
        creditor_iban=creditor,
        creditor_name=name,
        amount_minor=minor(sum_, currency),
        currency=currency,
        remittance=remittance,
    )
    with client_as(principal) as client:
        announce(key, identifier)
        _report(client.flows.pay_out(payout))


@guarantee.command("fund", cls=Tabled)
def fund(
    principal: As,
    account: Annotated[UUID, typer.Option("--from", help="Account of the platform's own.")],
    guarantee_account: Annotated[UUID, typer.Option("--to", help="Guarantee account.")],
    sum_: Sum,
    reference: Reference,
    currency: Currency = "EUR",
    identifier: Identifier = None,
) -> None:
    """Puts the platform's own money into guarantee."""
    key, sum_minor = identifier or new_id(), minor(sum_, currency)
    with client_as(principal) as client:
        announce(key, identifier)
        _report(client.flows.fund_guarantee(key, reference, account, guarantee_account, sum_minor, currency))


@shortfall.command("fund", cls=Tabled)
def fund_shortfall(
    principal: As,
    account: Annotated[UUID, typer.Option("--from", help="Account of the platform's own.")],
    sum_: Sum,
    reference: Reference,
    currency: Currency = "EUR",
    identifier: Identifier = None,
) -> None:
    """Puts the platform's own money where it owes its clients some."""
    key, sum_minor = identifier or new_id(), minor(sum_, currency)
    with client_as(principal) as client:
        announce(key, identifier)
        _report(client.flows.fund_shortfall(key, reference, account, sum_minor, currency))


def _report(state: InstructionState) -> None:
    row = [str(state.instruction_id), state.status.name.lower(), state.reason]
    show("Instruction", ["instruction", "status", "reason"], [row])
    if state.status is InstructionStatus.REJECTED:
        raise CommandFailed("it was refused: see the reason above", ExitCode.REFUSED)
