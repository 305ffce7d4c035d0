"""`ringfence registers`: banks, their acknowledgement letters, agents and key people."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

import typer

from ringfence.client import Client
from ringfence.commands.connect import As, Book, client_as
from ringfence.commands.outcome import proposed
from ringfence.commands.terminal import Tabled, show
from ringfence.commands.typed import DAY, Tenant, Why, choice, sha256
from ringfence.ids import new_id
from ringfence.money import show as amount
from ringfence.registers import AppointmentKind, NewAppointment, NewBank

registers = typer.Typer(help="Banks, letters, agents and key people; acts take two operators.", no_args_is_help=True)

LetterId = Annotated[UUID, typer.Argument(help="Letter.")]
NewId = Annotated[UUID | None, typer.Option("--id", help="Its id, to repeat it safely; a new one where left out.")]
Account = Annotated[UUID, typer.Option("--account", help="Bank mirror.")]
Bic = Annotated[str, typer.Option("--bic", help="ISO 9362, 8 or 11 characters.")]
Document = Annotated[Any, typer.Option("--document", parser=sha256, metavar="SHA256", help="SHA-256 of the document.")]
Review = Annotated[datetime, typer.Option("--review", formats=DAY, help="When it is to be reviewed.")]


def _on(help: str, *names: str) -> Any:
    return typer.Option(*names, formats=DAY, help=help)


@registers.command("banks", cls=Tabled)
def banks(principal: As) -> None:
    """Lists banks, with what is due."""
    with client_as(principal) as client:
        found = list(client.registers.banks())
    rows = [
        [
            each.bic,
            each.name,
            each.country,
            str(each.due_diligence),
            f"{each.review}{' (due)' if each.review_due else ''}",
            _percent(each.concentration_basis_points),
        ]
        for each in found
    ]
    show("Banks", ["bic", "name", "country", "due diligence", "review", "limit"], rows, right=["limit"])


@registers.command("bank", cls=Tabled)
def bank(
    principal: As,
    bic: Annotated[str, typer.Argument(help="ISO 9362, 8 or 11 characters.")],
    name: Annotated[str, typer.Option(help="Registered name.")],
    country: Annotated[str, typer.Option(help="ISO 3166-1 alpha-2.")],
    diligence: Annotated[datetime, _on("When due diligence was done.", "--due-diligence")],
    review: Review,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How much may lie there, hundredths of a per cent.")],
    document: Document,
) -> None:
    """Proposes a bank, or its renewed due diligence."""
    new = NewBank(
        bic=bic,
        name=name,
        country=country,
        due_diligence=diligence.date(),
        review=review.date(),
        concentration_basis_points=limit,
        document_sha256=document,
    )
    _act(principal, f"bank {bic}", lambda client: client.registers.register_bank(new))


@registers.command("mirrors", cls=Tabled)
def mirrors(
    principal: As,
    book: Book = None,
    without_letter: Annotated[bool, typer.Option("--without-letter", help="Only those without a letter.")] = False,
) -> None:
    """Lists bank mirrors with the letters in force; an operator's of all books where none is named."""
    with client_as(principal) as client:
        found = list(client.registers.mirrors(book, only_without_letter=without_letter))
    rows = [
        [
            str(each.account_id),
            str(each.book_id),
            each.currency,
            each.status.name.lower(),
            each.bic,
            each.letter_state.name.lower() if each.letter_state else "none",
            str(each.letter_id or ""),
        ]
        for each in found
    ]
    show("Mirrors", ["account", "book", "currency", "status", "bic", "letter state", "letter"], rows)


@registers.command("letters", cls=Tabled)
def letters(
    principal: As,
    book: Book = None,
    account: Annotated[UUID | None, typer.Option(help="Only those of this mirror.")] = None,
) -> None:
    """Lists letters, those that have ended too; an operator's of all books where none is named."""
    with client_as(principal) as client:
        found = list(client.registers.letters(book, account))
    rows = [
        [
            str(each.id),
            str(each.account_id),
            each.bic,
            each.kind.name.lower(),
            each.state.name.lower(),
            each.template_version,
            *map(_shown, (each.sent, each.countersigned, each.review, each.ended)),
            each.reason,
        ]
        for each in found
    ]
    columns = [
        "letter",
        "account",
        "bic",
        "kind",
        "state",
        "text",
        "sent",
        "countersigned",
        "review",
        "ended",
        "reason",
    ]
    show("Letters", columns, rows)


@registers.command("send", cls=Tabled)
def send(
    principal: As,
    tenant: Tenant,
    account: Account,
    bic: Bic,
    template: Annotated[str, typer.Option("--template", help="Version of the fixed text.")],
    text: Annotated[Any, typer.Option("--text", parser=sha256, metavar="SHA256", help="SHA-256 of the fixed text.")],
    sent: Annotated[datetime, _on("When it was sent.", "--sent")],
    letter: NewId = None,
) -> None:
    """Proposes a letter that was sent to a bank."""
    key = letter or new_id()

    def act(client: Client) -> UUID | None:
        return client.registers.send_letter(
            key, tenant, account, bic=bic, template_version=template, template_sha256=text, sent=sent.date()
        )

    _act(principal, f"letter {key}", act)


@registers.command("countersign", cls=Tabled)
def countersign(
    principal: As,
    letter: LetterId,
    countersigned: Annotated[datetime, _on("When the bank countersigned it.", "--on")],
    review: Review,
    document: Document,
) -> None:
    """Proposes that a bank has countersigned a letter; its mirror becomes active."""

    def act(client: Client) -> UUID | None:
        return client.registers.countersign_letter(
            letter, countersigned=countersigned.date(), document_sha256=document, review=review.date()
        )

    _act(principal, f"letter {letter}", act)


@registers.command("exempt", cls=Tabled)
def exempt(
    principal: As,
    tenant: Tenant,
    account: Account,
    bic: Bic,
    reason: Why,
    review: Review,
    document: Document,
    letter: NewId = None,
) -> None:
    """Proposes that a mirror needs no letter; it becomes active."""
    key = letter or new_id()

    def act(client: Client) -> UUID | None:
        return client.registers.exempt_mirror(
            key, tenant, account, bic=bic, reason=reason, document_sha256=document, review=review.date()
        )

    _act(principal, f"exemption {key}", act)


@registers.command("review", cls=Tabled)
def review_letter(
    principal: As,
    letter: LetterId,
    reviewed: Annotated[datetime, _on("When it was reviewed.", "--on")],
    review: Review,
    document: Document,
) -> None:
    """Proposes that a letter in force was reviewed, and stands."""

    def act(client: Client) -> UUID | None:
        return client.registers.review_letter(
            letter, reviewed=reviewed.date(), document_sha256=document, review=review.date()
        )

    _act(principal, f"letter {letter}", act)


@registers.command("end", cls=Tabled)
def end(
    principal: As, letter: LetterId, ended: Annotated[datetime, _on("When it ended.", "--on")], reason: Why
) -> None:
    """Proposes the end of a letter; a mirror without another one is not active any more."""

    def act(client: Client) -> UUID | None:
        return client.registers.end_letter(letter, ended=ended.date(), reason=reason)

    _act(principal, f"letter {letter}", act)


@registers.command("people", cls=Tabled)
def people(principal: As, on: Annotated[datetime | None, _on("Only those on this day.", "--on")] = None) -> None:
    """Lists agents and key people, by id."""
    with client_as(principal) as client:
        found = list(client.registers.appointments(on.date() if on else None))
    rows = [
        [
            str(each.id),
            each.kind.name.lower().replace("_", " "),
            str(each.subject_id),
            each.role,
            str(each.book_id or "all"),
            _shown(each.from_),
            _shown(each.until),
            each.reason,
        ]
        for each in found
    ]
    show("People", ["appointment", "kind", "subject", "role", "platform", "from", "until", "reason"], rows)


@registers.command("appoint", cls=Tabled)
def appoint(
    principal: As,
    kind: Annotated[AppointmentKind, choice(AppointmentKind, "--kind", help="In what.")],
    subject: Annotated[UUID, typer.Option(help="Identity's party or person.")],
    role: Annotated[str, typer.Option(help="Code of the function, for instance SMF16; no name.")],
    from_: Annotated[datetime, _on("First day.", "--from")],
    document: Document,
    until: Annotated[datetime | None, _on("Last day; open where left out.", "--until")] = None,
    platform: Annotated[UUID | None, typer.Option(help="Platform whom it concerns; all where left out.")] = None,
    appointment: NewId = None,
) -> None:
    """Proposes an agent or a key person."""
    new = NewAppointment(
        id=appointment or new_id(),
        kind=kind,
        subject_id=subject,
        role=role,
        document_sha256=document,
        from_=from_.date(),
        until=until.date() if until else None,
        book_id=platform,
    )
    _act(principal, f"appointment {new.id}", lambda client: client.registers.appoint(new))


@registers.command("dismiss", cls=Tabled)
def dismiss(
    principal: As,
    appointment: Annotated[UUID, typer.Argument(help="Appointment.")],
    until: Annotated[datetime, _on("Last day.", "--until")],
    reason: Why,
) -> None:
    """Proposes to end an appointment before its time."""

    def act(client: Client) -> UUID | None:
        return client.registers.end_appointment(appointment, until=until.date(), reason=reason)

    _act(principal, f"appointment {appointment}", act)


@registers.command("concentration", cls=Tabled)
def concentration(principal: As, book: Book = None) -> None:
    """Shows how a platform's money is spread over banks, by currency, against each bank's limit."""
    with client_as(principal) as client:
        found = client.registers.concentration(book)
    rows = [
        [
            each.currency,
            each.bic or "without letter",
            amount(each.amount_minor, each.currency),
            _percent(each.share_basis_points),
            _percent(each.limit_basis_points),
            "above" if each.breached else "",
        ]
        for each in found
    ]
    columns = ["currency", "bank", "amount", "share", "limit", "breach"]
    show("Concentration", columns, rows, right=["amount", "share", "limit"])


def _act(principal: str, what: str, act: Callable[[Client], UUID | None]) -> None:
    with client_as(principal) as client:
        proposal_id = act(client)
    proposed(what, proposal_id)


def _percent(basis_points: int) -> str:
    return f"{basis_points // 100}.{basis_points % 100:02} %"


def _shown(day: date | None) -> str:
    return str(day or "")
