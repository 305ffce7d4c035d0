"""`ringfence dossier` and `verify dossier`: facts with all that proves them, in one file."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from ringfence_verifier import VerifierKey
from ringfence_verifier.dossier import Dossier, verify_dossier
from ringfence_verifier.dossier.manifest import KEYS

from ringfence.commands.complete import memory_of, sandbox_key
from ringfence.commands.connect import As, client_as
from ringfence.commands.errors import CommandFailed
from ringfence.commands.new_file import require_new, write_new
from ringfence.commands.outcome import moment
from ringfence.commands.terminal import note, say, show
from ringfence.commands.trusted import Key, Keys, LogKey, PolicyFile, demanded, key_of, keys_of, policy_of
from ringfence.commands.typed import TIMES, time_ns
from ringfence.dossier_words import words
from ringfence.dossiers import Asked
from ringfence.stretches import PeriodOpen

NOT_ALL = "its maker reads some platforms only: that there are no other facts about what was asked is not proven"


def dossier(
    principal: As,
    file: Annotated[Path, typer.Argument(dir_okay=False, help="Where to write it; nothing that is there is replaced.")],
    subjects: Annotated[
        list[UUID] | None,
        typer.Option("--about", help="Party, account, payment, transfer, submission or principal; again for more."),
    ] = None,
    from_time: Annotated[
        datetime | None, typer.Option("--from", formats=TIMES, help="All facts taken over from then on, UTC.")
    ] = None,
    until_time: Annotated[datetime | None, typer.Option("--until", formats=TIMES, help="Before then, UTC.")] = None,
    linked: Annotated[
        bool, typer.Option("--linked", help="Also the transfers, bank entries and proposals that these facts name.")
    ] = False,
    texts: Annotated[
        bool, typer.Option(help="With the texts that facts commit to, which may be personal data.")
    ] = True,
    key: LogKey = "",
    policy: PolicyFile = None,
) -> None:
    """Makes a dossier of all facts about subjects, or of a period, as a regulator, for whoever checks them offline.

    Every answer in it is complete and proven before it is written, and the log has that you made it, and of what.
    """
    if not subjects and not (from_time and until_time):
        raise typer.BadParameter("give --about, or --from and --until")
    require_new(file)
    between = (time_ns(from_time), time_ns(until_time)) if from_time and until_time else None
    vkey = key_of(key) if key else sandbox_key()
    with client_as(principal) as client:
        remembered = memory_of(client)
        known = remembered.keys(VerifierKey.parse(vkey).name, vkey) if remembered else vkey
        wanted = demanded(policy, remembered, vkey)
        asked = Asked(tuple(subjects or ()), between, is_linked=linked, has_texts=texts)
        try:
            made, found = client.dossiers.made(asked, known, policy=wanted)
        except PeriodOpen as error:
            raise CommandFailed(str(error)) from None
        if remembered:
            receipts = [content.decode() for name, content in found.entries if name.startswith(KEYS)]
            remembered.accept(found.note, vkey, client.audit.consistency_proof, receipts, policy=wanted)
    write_new(file, made)
    if not found.is_complete:
        note(NOT_ALL)
    note(f"written to {file}: {len(made):,} bytes; `ringfence verify dossier` checks it anywhere")


def verify(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A dossier.")],
    key: Key,
    keys: Keys = None,
    policy: PolicyFile = None,
) -> None:
    """Proves a dossier offline: that nothing in it was changed, left out, added or reordered, and what it says."""
    found = verify_dossier(file.read_bytes(), keys_of(key, keys), policy=policy_of(policy))
    for name, seconds in sorted(found.witnesses.items()):
        note(f"witnessed by {name.decode(errors='replace')} at {moment(seconds * 10**9)}")
    _note_words(found)
    if not found.is_complete:
        note(NOT_ALL)
    reader = UUID(bytes=found.binding.reader_id)
    count, checkpoint = len(found.facts), found.checkpoint
    made = f"made by {reader} at {moment(found.binding.time_ns)}"
    say(f"This dossier holds: {count} facts of {checkpoint.size} in {checkpoint.origin}, {made}")
    rows = [
        [_asked(each.about, each.between_ns), str(len(each.files)), "as shown" if each.is_shown else "complete"]
        for each in found.manifest.questions
    ]
    show("Asked", ["about", "pieces", "answer"], rows, right=["pieces"])


def _note_words(found: Dossier) -> None:
    """Says whether the files in words are those that this release writes: that is not proven by the log."""
    entries, ours = dict(found.entries), words(found.facts)
    differ = [name for name, content in sorted(ours.items()) if entries.get(f"facts/{name}") != content]
    if differ:
        note(f"this release would say it otherwise in {', '.join(differ)}: rest on facts/raw.csv and facts/raw.json")


def _asked(about: bytes | None, between_ns: tuple[int, int] | None) -> str:
    if about is not None:
        return str(UUID(bytes=about))
    from_ns, until_ns = between_ns or (0, 0)
    return f"{moment(from_ns)} to {moment(until_ns)}"
