"""`ringfence answer` and `verify answer`: all facts about a subject, and the proof that there are no others."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

import typer
from ringfence_desk import times
from ringfence_desk.language import Language
from ringfence_desk.names import Names
from ringfence_verifier import (
    Answer,
    Checkpoint,
    Fact,
    KeySuccession,
    LogState,
    NoContradiction,
    Opening,
    VerificationError,
    VerifierKey,
    contradiction,
    verify_answer,
    verify_receipt,
)

from ringfence.client import Client
from ringfence.commands import local, told
from ringfence.commands.connect import As, client_as
from ringfence.commands.errors import CommandFailed
from ringfence.commands.outcome import moment
from ringfence.commands.terminal import note, say, show_if_any
from ringfence.commands.told import InLanguage, InZone
from ringfence.commands.trusted import (
    REMEMBERED,
    Key,
    Keys,
    LogKey,
    PolicyFile,
    demanded,
    key_of,
    keys_of,
    policy_of,
    text_of,
)
from ringfence.proven import told_of
from ringfence.remembered import Remembered


def answer(
    principal: As,
    subject: Annotated[UUID, typer.Argument(help="Party, account, instruction, transfer, submission or principal.")],
    key: LogKey = "",
    policy: PolicyFile = None,
    save: Annotated[Path | None, typer.Option(dir_okay=False, help="Where to write it, for `verify answer`.")] = None,
    language: InLanguage = Language.ENGLISH,
    zone: InZone = "",
) -> None:
    """Gets all facts about a subject, verifies that they are all, and shows them, the oldest first.

    The log has to extend the newest checkpoint that was verified with these credentials before. An answer that is too
    long for one file goes on in FILE.2, FILE.3 and so on.
    """
    vkey = key_of(key) if key else sandbox_key()
    with client_as(principal) as client:
        remembered = memory_of(client)
        known = remembered.keys(VerifierKey.parse(vkey).name, vkey) if remembered else vkey
        wanted = demanded(policy, remembered, vkey)
        got = client.audit.answer(subject, known, policy=wanted)
        if remembered:
            prove, receipts = client.audit.consistency_proof, got.key_receipts
            remembered.accept(got.note, vkey, prove, receipts, policy=wanted)
    if save:
        for number, piece in enumerate(got.pieces, start=1):
            file = save if number == 1 else save.with_name(f"{save.name}.{number}")
            file.write_bytes(piece)
            note(f"written to {file}")
    found = _Shown(subject, got.facts, 0, got.until_leaf, got.checkpoint, got.state, got.openings)
    _show(found, language, told.zone_of(zone))


def verify(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", exists=True, dir_okay=False, help="A complete answer, in all its pieces."),
    ],
    key: Key,
    keys: Keys = None,
    policy: PolicyFile = None,
    receipt: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="A receipt of a fact that the answer should have and has not."),
    ] = None,
    language: InLanguage = Language.ENGLISH,
    zone: InZone = "",
) -> None:
    """Proves offline that these are all facts about a subject; with a receipt of another one, that the log has lied.

    Where pieces are missing it says which part of the log they are of, and fails: of the rest they prove nothing.
    """
    trusted, asked = keys_of(key, keys), policy_of(policy)
    pieces = [(file, verify_answer(file.read_bytes(), trusted, policy=asked)) for file in files]
    # A lie is told before any statement that rests on the liar's word.
    none = _contradicted(pieces, receipt, trusted) if receipt else ""
    pieces.sort(key=lambda piece: piece[1].from_leaf)
    for (_, before), (file, after) in pairwise(pieces):
        _require_fits(before, after, file)
    first, last = pieces[0][1], pieces[-1][1]
    for name, seconds in sorted(last.witnesses.items()):
        note(f"witnessed by {name.decode(errors='replace')} at {moment(seconds * 10**9)}")
    if first.checkpoint != last.checkpoint:
        note(
            "the pieces are under several checkpoints; that the later extend the earlier was for who got them to prove"
        )
    facts = [fact for _, piece in pieces for fact in piece.facts]
    shown = _Shown(UUID(bytes=last.key), facts, first.from_leaf, last.until_leaf, last.checkpoint, last.state)
    _show(shown, language, told.zone_of(zone))
    if none:
        note(none)
    if not shown.is_whole:
        raise CommandFailed(f"{shown.part}: this is not all about {shown.subject}; give the other pieces, or ask anew")


@dataclass(frozen=True)
class _Shown:
    """Facts about a subject from one leaf on and before another, under the newest checkpoint that they stand under."""

    subject: UUID
    facts: Sequence[tuple[int, Fact]]
    from_leaf: int
    until_leaf: int
    checkpoint: Checkpoint
    state: LogState
    openings: Mapping[int, Sequence[Opening]] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        """Tells whether it is all that the log states an index of."""
        return self.from_leaf == 0 and self.until_leaf == self.state.index_size

    @property
    def part(self) -> str:
        """Names a part of the log."""
        return f"A PART only: facts {self.from_leaf} to {self.until_leaf - 1} of {self.state.index_size}"


def _contradicted(pieces: Sequence[tuple[Path, Answer]], receipt: Path, trusted: str | KeySuccession) -> str:
    """Raises VerificationError where a receipt shows that the log has lied; else gives why it shows nothing."""
    text = text_of(receipt)
    index = verify_receipt(text, trusted).index
    file, _ = next((each for each in pieces if each[1].from_leaf <= index < each[1].until_leaf), pieces[0])
    try:
        found = contradiction(file.read_bytes(), text, trusted)
    except NoContradiction as none:
        return str(none)
    raise VerificationError(f"{found}; {file} and {receipt} show it to anybody who has the log's key")


def _require_fits(before: Answer, after: Answer, file: Path) -> None:
    """Demands that a piece goes on where another has ended; raises VerificationError."""
    older, newer = before.checkpoint, after.checkpoint
    if (before.key, older.origin) != (after.key, newer.origin):
        raise VerificationError(f"{file} is about something else, or of another log")
    if before.until_leaf != after.from_leaf:
        raise VerificationError(
            f"the pieces do not fit: {file} is from fact {after.from_leaf} on, and one ends before {before.until_leaf}"
        )
    if newer.size < older.size:
        raise VerificationError(f"{file} is under an older checkpoint than the piece before it")
    if newer.size == older.size and newer.root != older.root:
        raise VerificationError(f"{file} is of another history of {newer.origin} than the piece before it")


def _show(shown: _Shown, language: Language, zone: ZoneInfo | None) -> None:
    """Prints facts as a statement, under what is proven of them."""
    count, about = len(shown.facts), f"about {shown.subject}"
    if not shown.is_whole:
        what = f"{shown.part}. In this part there {'is' if count == 1 else 'are'} {count or 'no'} of them {about}"
    elif count > 1:
        what = f"These are all {count} facts {about}, and there are no others"
    else:
        what = f"There is one fact {about}, and no other" if count else f"There is no fact {about}"
    where = f"facts {shown.from_leaf} to {shown.until_leaf - 1} of {shown.checkpoint.size} in {shown.checkpoint.origin}"
    say(f"{what}: proven for {where}, as of {times.moment(shown.state.time_ns, Language.ENGLISH)}")
    facts = [told_of(index, fact, shown.openings.get(index, ())) for index, fact in shown.facts]
    rows = told.rows(facts, Names.of(facts), language, zone)
    show_if_any("Facts", told.columns(zone), rows, right=told.RIGHT)


def memory_of(client: Client) -> Remembered | None:
    """What was seen of logs with a client's credentials; None, and a note, where there is no folder to keep it in."""
    folder = client.credentials.folder
    if folder is None or not os.access(folder, os.W_OK):
        note("what was seen of the log before is not compared: there is no folder to keep it in")
        return None
    return Remembered(folder / REMEMBERED)


def sandbox_key() -> str:
    """The log's public key of the sandbox."""
    with local.sandbox("without --key, answers") as box:
        return box.log_key()
