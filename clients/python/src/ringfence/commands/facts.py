"""`ringfence receipt`, `checkpoint` and `evidence`: proofs to keep, and what a bank hands in."""

from base64 import b64encode
from pathlib import Path
from typing import Annotated

import typer
from ringfence_verifier import verify_signed, write_openings

from ringfence.commands.connect import As, client_as
from ringfence.commands.new_file import require_new, write_new
from ringfence.commands.terminal import note, show
from ringfence.commands.trusted import AskedKey, Keys, keys_of, text_of
from ringfence.commands.verify import require_goes_on, texts_beside


def receipt(
    principal: As,
    index: Annotated[int, typer.Argument(min=0, help="Index of the fact in the log.")],
    file: Annotated[Path, typer.Argument(dir_okay=False, help="Where to write it (C2SP tlog-proof).")],
) -> None:
    """Gets the receipt of a fact, which `ringfence verify receipt` proves offline, and the texts beside it."""
    with client_as(principal) as client:
        got = client.audit.receipt(index)
    file.write_text(got.proof, encoding="utf-8")
    note(f"written to {file}")
    if got.openings:
        beside = texts_beside(file)
        beside.write_text(write_openings(got.openings), encoding="utf-8")
        note(f"the texts that the fact commits to are in {beside}")


def checkpoint(
    principal: As,
    file: Annotated[
        Path, typer.Argument(dir_okay=False, help="Where to write it (C2SP tlog-checkpoint); nothing is replaced.")
    ],
    key: AskedKey,
    keys: Keys = None,
    since: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="One that was kept: FILE.proof shows that this goes on from it."
        ),
    ] = None,
) -> None:
    """Gets the log's newest checkpoint, cosigned, to be kept; `ringfence verify consistency` compares two.

    Where it does not go on from the one that was kept, nothing is written.
    """
    trusted = keys_of(key, keys)
    proof = file.with_name(f"{file.name}.proof")
    require_new(file, *([proof] if since else []))
    older = verify_signed(text_of(since), trusted) if since else None
    with client_as(principal) as client:
        note_text = client.audit.checkpoint()
        newer = verify_signed(note_text, trusted)
        is_between = older is not None and 0 < older.size < newer.size
        path = client.audit.consistency_proof(older.size, newer.size) if older and is_between else []
    if older is not None:
        require_goes_on(older, newer, path, str(since), "the log's newest checkpoint, which is got without --since")
        write_new(proof, "".join(f"{b64encode(each).decode()}\n" for each in path).encode())
    write_new(file, note_text.encode())
    note(f"written to {file}")
    if older is not None:
        note(f"the proof that it goes on from {since} is in {proof}")


def evidence(
    principal: As,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A camt.054 notification.")],
) -> None:
    """Hands in a notification as the bank that wrote it; the same file again changes nothing."""
    with client_as(principal) as client:
        answer = client.payments.submit_evidence(file.read_bytes())
    counts = [answer.credited, answer.suspended, answer.duplicates, answer.confirmed]
    show("Entries", ["credited", "in suspense", "known before", "confirmed"], [[str(each) for each in counts]])
