"""`ringfence verify`: evidence checked on this machine, with a public key that the evidence does not bring along."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

import typer
from ringfence_desk import times
from ringfence_desk.language import Language
from ringfence_desk.names import Names
from ringfence_verifier import (
    PAGE,
    Checkpoint,
    Opening,
    VerificationError,
    VerifiedLeaf,
    read_openings,
    verify_consistency,
    verify_receipt,
    verify_safeguarding,
    verify_signed,
)
from ringfence_verifier.note import decode_base64

from ringfence.commands import complete, dossier, proving, told, whole_log
from ringfence.commands.connect import client_as
from ringfence.commands.terminal import Tabled, note, output, say, show
from ringfence.commands.told import InLanguage, InZone
from ringfence.commands.trusted import Key, Keys, PolicyFile, keys_of, policy_of, text_of
from ringfence.proven import fact_of

app = typer.Typer(no_args_is_help=True, help="Checks receipts, complete answers, checkpoints and the whole log.")


@app.command()
def receipt(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A receipt (C2SP tlog-proof).")],
    key: Key,
    keys: Keys = None,
    leaf: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="The fact, where the receipt does not carry it.")
    ] = None,
    policy: PolicyFile = None,
    language: InLanguage = Language.ENGLISH,
    zone: InZone = "",
) -> None:
    """Proves offline that the log holds a fact, and prints the fact, with the texts that lie beside the receipt."""
    held = leaf.read_bytes() if leaf else None
    proven = verify_receipt(text_of(file), keys_of(key, keys), leaf=held, policy=policy_of(policy))
    _show_witnesses(proven.witnesses)
    beside = texts_beside(file)
    print_fact(proven, read_openings(text_of(beside)) if beside.is_file() else (), language, told.zone_of(zone))


@app.command()
def checkpoint(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A checkpoint (C2SP tlog-checkpoint).")],
    key: Key,
    keys: Keys = None,
    policy: PolicyFile = None,
) -> None:
    """Checks the signature of a checkpoint offline, and who has witnessed it, and prints what it says."""
    text, trusted, asked = text_of(file), keys_of(key, keys), policy_of(policy)
    checked = verify_signed(text, trusted)
    seen = asked.verify(text, None if isinstance(trusted, str) else trusted)[1] if asked else {}
    output.print(f"{checked.origin}: {checked.size} facts, root {checked.root.hex()}", highlight=False, soft_wrap=True)
    for head in checked.source_heads:
        output.print(f"  {head.source} up to position {head.position}, epoch {head.epoch}", highlight=False)
    _show_witnesses(seen)


@app.command()
def consistency(
    older: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A checkpoint that was kept.")],
    newer: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="One of the same log, of later.")],
    key: Key,
    proof: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="The hashes between them, each in base64 on a line of its own."),
    ] = None,
    keys: Keys = None,
    policy: PolicyFile = None,
) -> None:
    """Proves offline that a checkpoint's log goes on from an older one: nothing of that was changed or taken out.

    `ringfence checkpoint --since` writes the proof. A policy is demanded of both.
    """
    trusted, asked = keys_of(key, keys), policy_of(policy)
    known = None if isinstance(trusted, str) else trusted
    checked = [verify_signed(text_of(file), trusted) for file in (older, newer)]
    if asked:
        for file in (older, newer):
            asked.verify(text_of(file), known)
    before, after = checked
    hashes = [decode_base64(line, "a hash of the proof") for line in text_of(proof).splitlines()] if proof else []
    if proof is None and 0 < before.size < after.size:
        raise VerificationError(f"that {after.size} facts go on from {before.size} needs a proof: give it as --proof")
    require_goes_on(before, after, hashes, str(older), str(newer))
    output.print(
        f"{after.origin}: {after.size} facts go on from {before.size}, nothing of which has changed", highlight=False
    )


@app.command()
def safeguarding(
    folder: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="Receipts of all facts of a day, and nothing else.")
    ],
    key: Key,
    keys: Keys = None,
) -> None:
    """Computes a signed safeguarding day again offline, from receipts of its facts, and prints its figures."""
    files = sorted(each for each in folder.iterdir() if each.is_file())
    known = keys_of(key, keys)
    proven = {each.index: each.leaf for each in (verify_receipt(text_of(file), known) for file in files)}
    day = verify_safeguarding(proven.values())
    print(day.document, end="")
    note(f"proven from {len(proven)} facts: prepared by {UUID(bytes=day.prepared_by)}, reviewed by another")


@app.command(cls=Tabled)
def evidence(principal: Annotated[str, typer.Option("--as", help="A regulator.")] = "regulator") -> None:
    """Shows transfers that custody has booked on a bank's word and that nothing the bank has said justifies."""
    with client_as(principal) as client:
        whole_log.prove_transfers(client)


app.command()(whole_log.log)
app.command("answer", cls=Tabled)(complete.verify)
app.command("balance", cls=Tabled)(proving.balance)
app.command("dossier", cls=Tabled)(dossier.verify)


@app.command()
def page() -> None:
    """Prints where the page is that verifies complete answers in any browser, from the disk and without a network."""
    output.print(str(PAGE), highlight=False, soft_wrap=True)


def require_goes_on(
    before: Checkpoint, after: Checkpoint, hashes: Sequence[bytes], before_name: str, after_name: str
) -> None:
    """Raises VerificationError, by the names, where hashes do not prove that a log goes on from an older checkpoint."""
    try:
        verify_consistency(before.size, before.root, after.size, after.root, hashes)
    except VerificationError as error:
        raise VerificationError(
            f"{after_name} does not go on from {before_name}: {error}; "
            "if the proof is the log's, both show that it has forked"
        ) from None


def texts_beside(receipt: Path) -> Path:
    """Gives where the texts are kept that a receipt's fact commits to."""
    return receipt.with_name(f"{receipt.name}.texts.json")


def print_fact(
    proven: VerifiedLeaf,
    openings: Sequence[Opening] = (),
    language: Language = Language.ENGLISH,
    zone: ZoneInfo | None = None,
) -> None:
    """Prints a fact that a receipt has proven, with the texts that it commits to."""
    fact = fact_of(proven.index, proven.leaf, openings)
    names = Names.of([fact])
    output.print(
        f"proven: fact {proven.index} of {proven.checkpoint.size} in {proven.checkpoint.origin}", highlight=False
    )
    say(told.gist(fact, names, language))
    show(fact.kind, told.FIELDS, told.field_rows(fact, names, language, zone))


def _show_witnesses(seen: Mapping[bytes, int]) -> None:
    for name, seconds in sorted(seen.items()):
        at = times.moment(seconds * 10**9, Language.ENGLISH)
        output.print(f"  witnessed by {name.decode(errors='replace')} at {at}", highlight=False)
