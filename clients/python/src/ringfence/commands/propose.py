"""`ringfence proposals`, `confirm`, `refuse` and `withdraw`: acts that take two people."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import typer

from ringfence.client import Client
from ringfence.commands.connect import As, client_as
from ringfence.commands.decide import Note
from ringfence.commands.errors import CommandFailed, ExitCode
from ringfence.commands.terminal import show
from ringfence.identity import ItemResult
from ringfence.proposals import Proposal, Proposals

Ids = Annotated[list[UUID], typer.Argument(help="Ids of proposals.")]
Decide = Callable[[Proposals, Sequence[UUID], str], list[ItemResult]]
_NOT_HERE = "PROPOSAL_NOT_FOUND"


def proposals(
    principal: As, platform: Annotated[UUID | None, typer.Option(help="Only those that concern this platform.")] = None
) -> None:
    """Lists what waits for a second person and may be decided, or was proposed, by the caller."""
    with client_as(principal) as client:
        rows = [_row(service, each) for service, of in client.proposals.items() for each in of.waiting(platform)]
    show("Proposals", ["proposal", "service", "what", "proposed by", "lapses"], rows)


def confirm(principal: As, ids: Ids, note: Note = "") -> None:
    """Carries proposals out, as another person with another key than who proposed them."""
    _decide(principal, ids, Proposals.confirm, note, "confirmed")


def refuse(principal: As, ids: Ids, note: Note = "") -> None:
    """Makes proposals void, as one who might confirm them."""
    _decide(principal, ids, Proposals.refuse, note, "refused")


def withdraw(principal: As, ids: Ids, note: Note = "") -> None:
    """Makes one's own proposals void."""
    _decide(principal, ids, Proposals.withdraw, note, "withdrawn")


def _decide(principal: str, ids: list[UUID], decide: Decide, note: str, done: str) -> None:
    with client_as(principal) as client:
        ends = {each: _decided(client, each, decide, note) for each in ids}
    rows = [[str(each), service, reason or done] for each, (service, reason) in ends.items()]
    show("Proposals", ["proposal", "service", "outcome"], rows)
    if any(reason for _, reason in ends.values()):
        raise CommandFailed("a proposal was not decided: see the outcome above", ExitCode.REFUSED)


def _decided(client: Client, proposal_id: UUID, decide: Decide, note: str) -> tuple[str, str]:
    """The service that knows the proposal, and why it is not decided; no service and NOT_FOUND where none does."""
    for service, of in client.proposals.items():
        (result,) = decide(of, [proposal_id], note)
        if result.reason != _NOT_HERE:
            return service, result.reason
    return "", _NOT_HERE


def _row(service: str, waiting: Proposal) -> list[str]:
    lapses = datetime.fromtimestamp(waiting.expires_ns / 1e9, UTC)
    what = f"{waiting.effect}: {waiting.description}"
    return [str(waiting.id), service, what, str(waiting.proposer_id), f"{lapses:%Y-%m-%d %H:%M} UTC"]
