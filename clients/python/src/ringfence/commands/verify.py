"""`ringfence verify`: evidence checked on this machine, with a public key that the evidence does not bring along."""

import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from ringfence_verifier import (
    Checkpoint,
    KeySuccession,
    LogAudit,
    LogSummary,
    Opening,
    Policy,
    VerificationError,
    VerifiedLeaf,
    VerifierKey,
    open_fact,
    read_leaf,
    read_openings,
    verify_key_succession,
    verify_receipt,
    verify_safeguarding,
    verify_signed,
)

from ringfence.audit import Finding
from ringfence.client import Client
from ringfence.commands import complete, local
from ringfence.commands.connect import client_as
from ringfence.commands.errors import CommandFailed
from ringfence.commands.terminal import Tabled, note, output, show
from ringfence.commands.trusted import REMEMBERED, Key, Keys, PolicyFile, key_of, keys_of, text_of
from ringfence.commands.wording import fields_of
from ringfence.remembered import Remembered

Check = Callable[[], None]
app = typer.Typer(no_args_is_help=True, help="Checks receipts, complete answers, checkpoints and the whole log.")


@app.command()
def receipt(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A receipt (C2SP tlog-proof).")],
    key: Key,
    keys: Keys = None,
    leaf: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="The fact, where the receipt does not carry it.")
    ] = None,
) -> None:
    """Proves offline that the log holds a fact, and prints the fact, with the texts that lie beside the receipt."""
    proven = verify_receipt(text_of(file), keys_of(key, keys), leaf=leaf.read_bytes() if leaf else None)
    beside = texts_beside(file)
    print_fact(proven, read_openings(text_of(beside)) if beside.is_file() else ())


@app.command()
def checkpoint(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A checkpoint (C2SP tlog-checkpoint).")],
    key: Key,
    keys: Keys = None,
    policy: PolicyFile = None,
) -> None:
    """Checks the signature of a checkpoint offline, and who has witnessed it, and prints what it says."""
    checked = verify_signed(text_of(file), keys_of(key, keys))
    seen = _witnessed(text_of(file), policy)
    output.print(f"{checked.origin}: {checked.size} facts, root {checked.root.hex()}", highlight=False, soft_wrap=True)
    for head in checked.source_heads:
        output.print(f"  {head.source} up to position {head.position}, epoch {head.epoch}", highlight=False)
    for name, seconds in sorted(seen.items()):
        at = datetime.fromtimestamp(seconds, UTC).isoformat(sep=" ")
        output.print(f"  witnessed by {name} at {at}", highlight=False)


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


@app.command()
def log(
    principal: Annotated[str, typer.Option("--as", help="A regulator.")] = "regulator",
    key: Annotated[str, typer.Option("--key", help="The log's public key; the sandbox's where left out.")] = "",
    whole: Annotated[bool, typer.Option("--whole", help="Read it from its beginning, whatever was read.")] = False,
    ended_key: Annotated[
        str, typer.Option(help="The key of the log in whose place it stands, where that is another key.")
    ] = "",
) -> None:
    """Downloads the log and verifies every fact, every service's feed, and what rests on a bank's word.

    It goes on from what was read with these credentials before. The log has to extend the newest checkpoint that was
    verified with them; what contradicts that is kept. In a sandbox each service's stored events are read and verified
    as well.
    """
    if key:
        with client_as(principal) as client:
            _report(
                _failures([lambda: _verify_log(client, key_of(key), key_of(ended_key), whole=whole), *_others(client)])
            )
        return
    with local.sandbox("without --key, the checks") as box:
        regulator, log_key = box.client(principal), box.log_key()
        checks: list[Check] = [
            lambda: _verify_log(regulator, log_key, key_of(ended_key), whole=whole),
            *_others(regulator),
        ]
        _report(_failures([*checks, *box.rebuild_checks()]))


@app.command(cls=Tabled)
def evidence(principal: Annotated[str, typer.Option("--as", help="A regulator.")] = "regulator") -> None:
    """Shows transfers that custody has booked on a bank's word and that nothing the bank has said justifies."""
    with client_as(principal) as client:
        _prove_transfers(client)


app.command("answer", cls=Tabled)(complete.verify)


def texts_beside(receipt: Path) -> Path:
    """Gives where the texts are kept that a receipt's fact commits to."""
    return receipt.with_name(f"{receipt.name}.texts.json")


def print_fact(proven: VerifiedLeaf, openings: Sequence[Opening] = ()) -> None:
    """Prints a fact that a receipt has proven, with the texts that it commits to."""
    fact = open_fact(read_leaf(proven.leaf), openings)
    output.print(
        f"proven: fact {proven.index} of {proven.checkpoint.size} in {proven.checkpoint.origin}", highlight=False
    )
    show(fact.kind, ["field", "value"], fields_of(fact))


def _verify_log(client: Client, key: str, ended_key: str, *, whole: bool) -> None:
    folder = client.credentials.folder
    if folder is None or not os.access(folder, os.W_OK):
        note("what was seen of the log before is not compared: there is no folder to keep it in")
        signed, receipts = client.audit.keyed_checkpoint()
        keys, _ = verify_key_succession(receipts, key)
        summary = _read(client, LogAudit(), keys.verify_checkpoint(signed))
        _follow(summary, keys)
        _show(summary)
        return
    remembered = Remembered(folder / REMEMBERED)
    checked = client.audit.verified_checkpoint(key, remembered)
    keys = remembered.keys(checked.origin, key)
    audit = LogAudit() if whole else remembered.reading(checked.origin)
    summary = _read(client, audit, checked)
    _follow(summary, keys)
    if len(keys.keys) > 1:
        note(f"the keys are kept in {remembered.keys_file(checked.origin)}: offline, give them with --keys")
    if summary.predecessor:
        same = VerifierKey.of(summary.predecessor.origin, VerifierKey.parse(key).public_key)
        remembered.require_owned(summary.predecessor, ended_key or same.text())
    remembered.keep_reading(checked.origin, audit)
    _show(summary)


def _follow(summary: LogSummary, keys: KeySuccession) -> None:
    """Says how the log's key has changed; raises VerificationError where its leaves tell it otherwise."""
    told = summary.keys_from(keys.keys[0].vkey)
    if told != keys:
        raise VerificationError("the keys that the log has shown are not those that its leaves name")
    for before, after in pairwise(keys.keys):
        ended = "both sign" if before.last is None else f"the one before signs up to {before.last}"
        output.print(f"the log's key changed at {after.first} facts, {ended}:", highlight=False)
        output.print(f"  {after.vkey}", highlight=False, soft_wrap=True)


def _read(client: Client, audit: LogAudit, checked: Checkpoint) -> LogSummary:
    """Reads the log from where an audit stands as far as a checkpoint."""
    before = f", {audit.size} were read before" if audit.size else ""
    note(f"reading {checked.size - audit.size} facts{before}")
    for leaf in client.audit.leaves(audit.size, checked.size):
        audit.add(leaf.content)
    return audit.finish(checked)


def _compare_sources(client: Client) -> None:
    note("asking the log to compare itself with its sources, event by event")
    differing = [
        f"{each.source} {each.finding.name.lower()} {each.detail}".rstrip()
        for each in client.audit.verify_sources(recompute=True)
        if each.finding is not Finding.AGREES
    ]
    if differing:
        raise CommandFailed("; ".join(differing))


def _prove_transfers(client: Client) -> None:
    proof = client.audit.prove_transfers()
    note(f"{proof.judged_leaves} facts are judged, {proof.open} transfers are open")
    rows = [
        [
            str(each.leaf_index),
            each.flaw.name.lower(),
            each.move.name.lower(),
            str(each.transfer_id),
            str(each.tenant_id),
            str(each.amount_minor),
            str(each.ledger),
            str(each.entry_id or ""),
            each.evidence_sha256.hex()[:16],
        ]
        for each in proof.unproven
    ]
    if rows:
        columns = ["fact", "flaw", "move", "transfer", "tenant", "amount", "ledger", "entry", "file"]
        show("Transfers that nothing the bank has said justifies", columns, rows, right=["amount"])
        raise VerificationError(f"{len(rows)} transfers are not justified by what the bank has said")
    output.print("every transfer that is judged is justified by what the bank has said")


def _others(client: Client) -> list[Check]:
    return [lambda: _compare_sources(client), lambda: _prove_transfers(client)]


def _failures(checks: Sequence[Check]) -> list[str]:
    """Makes every check, also after one has failed: whoever looks for tampering wants to see all of it."""
    failures = []
    for check in checks:
        try:
            check()
        except (CommandFailed, VerificationError) as error:
            failures.append(str(error))
    return failures


def _report(failures: list[str]) -> None:
    if failures:
        raise VerificationError("\n".join(failures))
    output.print("everything agrees")


def _show(summary: LogSummary) -> None:
    show("Facts", ["kind", "facts"], [[k, str(n)] for k, n in sorted(summary.leaves_by_kind.items())], right=["facts"])
    heads = [[head.source, str(head.position), head.hash.hex()[:16]] for head in summary.source_heads]
    show("Sources, complete up to", ["service", "position", "chain hash"], heads, right=["position"])
    if ended := summary.predecessor:
        output.print(f"takes the place of {ended.origin}, which had signed {ended.size} facts", highlight=False)
    output.print(f"verified: {summary.size} facts, root {summary.root.hex()}", highlight=False, soft_wrap=True)


def _witnessed(note: str, policy: Path | None) -> dict[str, int]:
    """Returns who has cosigned a checkpoint and when; raises VerificationError where a policy asks for more."""
    if policy is None:
        return {}
    _, seen = Policy.parse(policy.read_bytes()).verify(note)
    return {name.decode(errors="replace"): seconds for name, seconds in seen.items()}
