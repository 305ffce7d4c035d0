"""`ringfence answer` and `verify answer`: all facts about a subject, and the proof that there are no others."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from ringfence_verifier import (
    Checkpoint,
    Fact,
    LogState,
    NoContradiction,
    VerificationError,
    contradiction,
    verify_answer,
)

from ringfence.audit import CompleteAnswer
from ringfence.client import Client
from ringfence.commands import local
from ringfence.commands.connect import As, client_as
from ringfence.commands.outcome import moment
from ringfence.commands.terminal import note, say, show_if_any
from ringfence.commands.trusted import REMEMBERED, Key, PolicyFile, key_of, policy_of, text_of
from ringfence.commands.wording import amount_of, gist_of
from ringfence.remembered import Remembered

TIME = "time_ns"


def answer(
    principal: As,
    subject: Annotated[UUID, typer.Argument(help="Party, account, instruction, transfer, submission or principal.")],
    key: Annotated[str, typer.Option("--key", help="The log's public key; the sandbox's where left out.")] = "",
    policy: PolicyFile = None,
    save: Annotated[Path | None, typer.Option(dir_okay=False, help="Where to write it, for `verify answer`.")] = None,
) -> None:
    """Gets all facts about a subject, verifies that they are all, and shows them, the oldest first.

    The log has to extend the newest checkpoint that was verified with these credentials before. An answer that is too
    long for one file goes on in FILE.2, FILE.3 and so on.
    """
    vkey = key_of(key) if key else _sandbox_key()
    with client_as(principal) as client:
        got = client.audit.answer(subject, vkey, policy=policy_of(policy))
        _remember(client, got, vkey)
    if save:
        for number, piece in enumerate(got.pieces, start=1):
            file = save if number == 1 else save.with_name(f"{save.name}.{number}")
            file.write_bytes(piece)
            note(f"written to {file}")
    _show(subject, got.facts, (0, got.until_leaf), got.checkpoint, got.state)


def verify(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A complete answer.")],
    key: Key,
    policy: PolicyFile = None,
    receipt: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="A receipt of a fact that the answer should have and has not."),
    ] = None,
) -> None:
    """Proves offline that these are all facts about a subject; with a receipt of another one, that the log has lied."""
    content, vkey = file.read_bytes(), key_of(key)
    checked = verify_answer(content, vkey, policy=policy_of(policy))
    for name, seconds in sorted(checked.witnesses.items()):
        note(f"witnessed by {name.decode(errors='replace')} at {moment(seconds * 10**9)}")
    span = checked.from_leaf, checked.until_leaf
    _show(UUID(bytes=checked.key), checked.facts, span, checked.checkpoint, checked.state)
    if receipt is not None:
        try:
            found = contradiction(content, text_of(receipt), vkey)
        except NoContradiction as none:
            note(str(none))
            return
        raise VerificationError(f"{found}; {file} and {receipt} show it to anybody who has the log's key")


def _show(
    subject: UUID, facts: Sequence[tuple[int, Fact]], span: tuple[int, int], checkpoint: Checkpoint, state: LogState
) -> None:
    """Prints facts as a statement, under what is proven of them."""
    count = len(facts)
    what = (
        f"These are all {count} facts about {subject}, and there are no others"
        if count > 1
        else (f"There is one fact about {subject}, and no other" if count else f"There is no fact about {subject}")
    )
    where = f"facts {span[0]} to {span[1] - 1} of {checkpoint.size} in {checkpoint.origin}"
    say(f"{what}: proven for {where}, as of {_moment(state.time_ns)}")
    rows = [[str(index), _when(fact), fact.kind, amount_of(fact), gist_of(fact)] for index, fact in facts]
    show_if_any("Facts", ["index", "time", "kind", "amount", "what"], rows, right=["index", "amount"])


def _when(fact: Fact) -> str:
    time_ns = fact.fields.get(TIME, 0)
    return _moment(time_ns) if isinstance(time_ns, int) else ""


def _moment(time_ns: int) -> str:
    """A time as people read it; what lies beyond the calendar as the number that it is."""
    try:
        return moment(time_ns)
    except (ValueError, OverflowError, OSError):
        return str(time_ns)


def _remember(client: Client, got: CompleteAnswer, vkey: str) -> None:
    folder = client.credentials.folder
    if folder is None or not os.access(folder, os.W_OK):
        note("what was seen of the log before is not compared: there is no folder to keep it in")
        return
    Remembered(folder / REMEMBERED).accept(got.note, vkey, client.audit.consistency_proof)


def _sandbox_key() -> str:
    with local.sandbox("without --key, answers") as box:
        return box.log_key()
