"""What commands print of acts that may wait for another person, and of batches."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from ringfence.commands.errors import CommandFailed, ExitCode
from ringfence.commands.terminal import note, show
from ringfence.identity import ItemResult

_WAITS = frozenset({"APPROVAL_PENDING", "PENDING"})
_COLUMNS = ["what", "outcome", "proposal"]


def proposed(what: str, proposal_id: UUID | None) -> None:
    """Tells the proposal of an act, or that the act was done."""
    show("Outcome", _COLUMNS, [[what, "waits" if proposal_id else "done", str(proposal_id or "")]])
    if proposal_id:
        _tell_how()


def items(whats: Sequence[object], results: Sequence[ItemResult]) -> None:
    """Tells how each item of a batch ended; raises CommandFailed where one was refused."""
    rows = [[str(what), _outcome(each), str(each.proposal_id or "")] for what, each in zip(whats, results, strict=True)]
    show("Outcome", _COLUMNS, rows)
    if any(each.proposal_id for each in results):
        _tell_how()
    if any(each.reason and each.reason not in _WAITS for each in results):
        raise CommandFailed("something was refused: see the outcome above", ExitCode.REFUSED)


def moment(time_ns: int) -> str:
    """UTC nanoseconds as people read them; nothing for 0."""
    return f"{datetime.fromtimestamp(time_ns // 10**9, UTC):%Y-%m-%d %H:%M:%S} UTC" if time_ns else ""


def _outcome(result: ItemResult) -> str:
    if result.reason in _WAITS:
        return "waits"
    told = " ".join(f"{name}={value}" for name, value in result.metadata.items())
    return f"{result.reason} {told}".rstrip() or "done"


def _tell_how() -> None:
    note("another person confirms it: ringfence confirm PROPOSAL")
