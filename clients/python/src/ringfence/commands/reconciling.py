"""`ringfence match` and `breaks`: what banks and the books agree about, and what not."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import typer

from ringfence.commands.connect import As, Book, client_as
from ringfence.commands.outcome import moment, proposed
from ringfence.commands.terminal import Tabled, show
from ringfence.commands.typed import DAY, Why, choice, minor
from ringfence.money import from_minor
from ringfence.reconciliation import Break, BreakKind, BreakStatus, CorrectingEntry, MatchedPair

match = typer.Typer(help="Lines of banks and of the books that are one.", no_args_is_help=True)
breaks = typer.Typer(help="What banks and the books disagree about.", no_args_is_help=True)

Mirror = Annotated[UUID, typer.Option(help="Account of the bank mirror.")]
Which = Annotated[UUID, typer.Argument(help="Id of the break.")]
_PAIR = ["match", "movement", "transfer", "by", "confidence", "amount", "undone"]
_BREAK = ["break", "kind", "status", "amount", "day", "due", "assigned to"]


@match.command("day", cls=Tabled)
def day(
    principal: As,
    mirror: Mirror,
    on: Annotated[datetime | None, typer.Option(formats=DAY, help="Day; left out, of the newest statement.")] = None,
    book: Book = None,
) -> None:
    """Shows how a mirror and a day stand."""
    with client_as(principal) as client:
        found = client.reconciliation.day(mirror, on.date() if on else None, book)
    statement = str(found.statement_id or "missing")
    rows = [
        ["statement", statement],
        ["closing", str(found.closing_minor)],
        ["books", str(found.books_minor)],
        ["open with the bank", f"{found.open_bank_lines}, {found.open_bank_minor}"],
        ["open in the books", f"{found.open_books_lines}, {found.open_books_minor}"],
        ["suggestions", str(found.suggestions)],
        ["open breaks", str(found.open_breaks)],
        ["blocked", "yes" if found.is_blocked else "no"],
    ]
    show(f"Day {found.day}, minor units", ["what", "is"], rows)


@match.command("open", cls=Tabled)
def open_lines(
    principal: As,
    mirror: Mirror,
    of_books: Annotated[bool, typer.Option("--books", help="Lines of the books instead of the bank's.")] = False,
    book: Book = None,
) -> None:
    """Shows lines that are not matched."""
    with client_as(principal) as client:
        found = list(client.reconciliation.open_lines(mirror, of_bank=not of_books, book_id=book))
    rows = [[str(each.id), str(each.day), str(each.amount_minor), each.state.name.lower()] for each in found]
    show("Open lines, minor units", ["line", "day", "amount", "state"], rows, right=["amount"])


@match.command("list", cls=Tabled)
def matches(
    principal: As,
    mirror: Mirror,
    on: Annotated[datetime, typer.Option(formats=DAY, help="Booking day.")],
    book: Book = None,
) -> None:
    """Shows the matches of a day."""
    with client_as(principal) as client:
        found = list(client.reconciliation.matches(mirror, on.date(), book))
    show("Matches, minor units", _PAIR, [_pair_row(str(each.match_id), each) for each in found], right=["amount"])


@match.command("suggested", cls=Tabled)
def suggested(principal: As, mirror: Mirror, book: Book = None) -> None:
    """Shows what may be one, for somebody to decide."""
    with client_as(principal) as client:
        found = client.reconciliation.suggestions(mirror, book)
    rows = [_pair_row(str(each.id), pair) for each in found for pair in each.pairs]
    show("Suggestions", _PAIR, rows, right=["amount"])


@match.command("decide", cls=Tabled)
def decide(
    principal: As,
    mirror: Mirror,
    suggestion: Annotated[UUID, typer.Argument(help="Id of the suggestion.")],
    reason: Why,
    refuse: Annotated[bool, typer.Option("--refuse", help="They are not one.")] = False,
    book: Book = None,
) -> None:
    """Confirms or refuses a suggestion."""
    with client_as(principal) as client:
        client.reconciliation.decide(mirror, suggestion, confirmed=not refuse, note=reason, book_id=book)
    show("Suggestions", ["suggestion", "is"], [[str(suggestion), "refused" if refuse else "a match"]])


@match.command("make", cls=Tabled)
def make(
    principal: As,
    mirror: Mirror,
    movement: Annotated[list[UUID], typer.Option(help="The bank's line; may be repeated.")],
    transfer: Annotated[list[UUID], typer.Option(help="The books' line; may be repeated.")],
    book: Book = None,
) -> None:
    """Matches lines whose sums are the same."""
    with client_as(principal) as client:
        client.reconciliation.match(mirror, [(one, other) for one in movement for other in transfer], book)
    show("Lines", ["line", "is"], [[str(each), "matched"] for each in (*movement, *transfer)])


@match.command("undo", cls=Tabled)
def undo(
    principal: As,
    mirror: Mirror,
    which: Annotated[UUID, typer.Argument(help="Id of the match.")],
    reason: Why,
    book: Book = None,
) -> None:
    """Takes a match apart; no money moves."""
    with client_as(principal) as client:
        client.reconciliation.undo(mirror, which, note=reason, book_id=book)
    show("Matches", ["match", "is"], [[str(which), "undone"]])


@breaks.command("list", cls=Tabled)
def list_breaks(
    principal: As,
    mirror: Annotated[UUID | None, typer.Option(help="Account of a bank mirror.")] = None,
    kind: Annotated[BreakKind | None, choice(BreakKind, "--kind", help="Only of this kind.")] = None,
    status: Annotated[BreakStatus | None, choice(BreakStatus, "--status", help="Only of this status.")] = None,
    book: Book = None,
) -> None:
    """Shows breaks that are not closed."""
    with client_as(principal) as client:
        found = list(client.reconciliation.breaks(book, mirror, kind, status))
    show("Breaks", _BREAK, list(map(_break_row, found)), right=["amount"])


@breaks.command("show", cls=Tabled)
def show_break(principal: As, which: Which) -> None:
    """Shows a break, closed ones too."""
    with client_as(principal) as client:
        found = client.reconciliation.find_break(which)
    show("Breaks", _BREAK, [_break_row(found)], right=["amount"])


@breaks.command("life", cls=Tabled)
def life(principal: As, which: Which) -> None:
    """Shows every step of a break, and who took it."""
    with client_as(principal) as client:
        found = client.reconciliation.case(which)
    rows = [
        [
            moment(each.time_ns),
            each.status.name.lower(),
            str(each.actor_id or ""),
            str(each.assignee_id or ""),
            each.note,
        ]
        for each in found.steps
    ]
    show("Life of the break", ["time", "status", "by", "for", "note"], rows)


@breaks.command("assign", cls=Tabled)
def assign(
    principal: As,
    which: Which,
    reason: Why,
    to: Annotated[UUID | None, typer.Option(help="Principal; left out, whoever types this.")] = None,
) -> None:
    """Gives a break to somebody."""
    with client_as(principal) as client:
        client.reconciliation.assign(which, note=reason, assignee_id=to)
    _stepped(which, "assigned")


@breaks.command("correct", cls=Tabled)
def correct(
    principal: As,
    which: Which,
    debit: Annotated[UUID, typer.Option(help="Account to debit.")],
    credit: Annotated[UUID, typer.Option(help="Account to credit.")],
    amount: Annotated[str, typer.Option(help="Amount, in the break's currency.")],
    reason: Why,
) -> None:
    """Proposes a compensating entry; another operator confirms."""
    with client_as(principal) as client:
        found = client.reconciliation.find_break(which)
        entry = CorrectingEntry(debit, credit, minor(amount, found.currency))
        proposal_id = client.reconciliation.correct(which, [entry], reason=reason)
    proposed(f"correction of {which}", proposal_id)


@breaks.command("fund", cls=Tabled)
def fund(
    principal: As,
    which: Which,
    transfer: Annotated[UUID, typer.Option(help="The platform's money to what it owes.")],
    reason: Why,
) -> None:
    """Says by which transfer a shortfall was paid in."""
    with client_as(principal) as client:
        client.reconciliation.fund(which, transfer, note=reason)
    _stepped(which, "resolved")


@breaks.command("close", cls=Tabled)
def close(principal: As, which: Which, reason: Why) -> None:
    """Closes a break that is resolved."""
    with client_as(principal) as client:
        client.reconciliation.close(which, note=reason)
    _stepped(which, "closed")


@breaks.command("reopen", cls=Tabled)
def reopen(principal: As, which: Which, reason: Why) -> None:
    """Opens a break again."""
    with client_as(principal) as client:
        client.reconciliation.reopen(which, note=reason)
    _stepped(which, "reopened")


def _stepped(which: UUID, status: str) -> None:
    show("Breaks", ["break", "status"], [[str(which), status]])


def _pair_row(name: str, each: MatchedPair) -> list[str]:
    ids = [str(line or "") for line in (each.movement_id, each.transfer_id)]
    by = f"{each.stage.name.lower()}, version {each.version}"
    return [name, *ids, by, f"{each.confidence} %", str(each.amount_minor), "yes" if each.is_undone else ""]


def _break_row(each: Break) -> list[str]:
    sign = "-" if each.amount_minor < 0 else ""
    amount = f"{sign}{from_minor(abs(each.amount_minor), each.currency)} {each.currency}"
    names = [each.kind.name.lower(), each.status.name.lower()]
    return [str(each.id), *names, amount, str(each.day), str(each.due_day), str(each.assignee_id or "")]
