"""`ringfence verify log`: every leaf of a log, from the log itself or from a mirror, and what was seen of it before."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Protocol
from urllib.parse import urlsplit
from uuid import UUID

import typer
from ringfence_verifier import (
    Checkpoint,
    KeySuccession,
    LogAudit,
    LogSummary,
    Policy,
    VerificationError,
    VerifierKey,
    verify_key_succession,
)
from ringfence_verifier.mirror.pulling import Source
from ringfence_verifier.policy import NONE

from ringfence.audit import Finding, Leaf
from ringfence.client import Client
from ringfence.commands import local
from ringfence.commands.connect import client_as
from ringfence.commands.errors import CommandFailed
from ringfence.commands.terminal import note, output, show
from ringfence.commands.trusted import REMEMBERED, LogKey, PolicyFile, key_of, read_policy
from ringfence.mirrored import MirroredLog, shown_head
from ringfence.remembered import Remembered, require_among, verified_end

Check = Callable[[], None]


class Shown(Protocol):
    """Whoever shows a log: itself, or a mirror."""

    def keyed_checkpoint(self) -> tuple[str, list[str]]:
        """Its checkpoint, and receipts of how its keys have followed one another, all unverified."""

    def consistency_proof(self, from_size: int, to_size: int) -> list[bytes]:
        """The proof that one size extends another."""

    def leaves(self, from_index: int, until_index: int) -> Iterator[Leaf]:
        """Leaves in order of the log."""


@dataclass(frozen=True)
class Asked:
    """What a log is held to: its key, that of the log in whose place it stands, a policy, and the file that gave it.

    Of a mirror's copy a cosignature by one of these names in the policy too, which are the mirror's.
    """

    key: str
    ended_key: str
    policy: Policy | None
    policy_file: bytes
    whole: bool
    mirror: frozenset[bytes] = frozenset()

    def require(self, note: str, keys: KeySuccession | None = None) -> None:
        """Demands of a checkpoint the keys that have to have signed it, the policy and the mirror.

        Raises VerificationError.
        """
        if keys is not None:
            keys.verify_checkpoint(note)
        seen = {} if self.policy is None else self.policy.verify(note, keys)[1]
        if self.mirror and self.mirror.isdisjoint(seen):
            raise VerificationError("the checkpoint that the mirror shows is not cosigned by it")


def log(
    principal: Annotated[str, typer.Option("--as", help="A regulator.")] = "regulator",
    key: LogKey = "",
    policy: PolicyFile = None,
    whole: Annotated[bool, typer.Option("--whole", help="Read it from its beginning, whatever was read.")] = False,
    ended_key: Annotated[
        str, typer.Option(help="The key of the log in whose place it stands, where that is another key.")
    ] = "",
    mirror: Annotated[
        str, typer.Option(metavar="URL", help="Read a mirror's copy, which it has to have cosigned; needs a policy.")
    ] = "",
    mirror_name: Annotated[
        str, typer.Option(metavar="NAME", help="The mirror's name in the policy, where that names others too.")
    ] = "",
    memory: Annotated[
        Path | None, typer.Option(file_okay=False, help="Of a mirror: where to keep what was seen of its copy.")
    ] = None,
    authority: Annotated[
        Path | None, typer.Option(exists=True, help="Of a mirror: who issues its certificate, PEM; else the system's.")
    ] = None,
    client_certificate: Annotated[
        Path | None, typer.Option(exists=True, help="Of a mirror: the certificate that it gives entries for, PEM.")
    ] = None,
    client_key: Annotated[Path | None, typer.Option(exists=True, help="Of a mirror: the key of that, PEM.")] = None,
) -> None:
    """Downloads the log and verifies every fact, every service's feed, and what rests on a bank's word.

    It goes on from what was read with these credentials before. The log has to extend the newest checkpoint that was
    verified with them; what contradicts that is kept. A policy is demanded of its checkpoint, from then on each time,
    and compared with the one by which the log says that it publishes. In a sandbox each service's stored events are
    read and verified as well.
    """
    content = policy.read_bytes() if policy is not None else b""
    wanted = read_policy(policy, content) if policy is not None else None
    asked = Asked(key_of(key), key_of(ended_key), wanted, content, whole)
    if mirror_name and not mirror:
        raise CommandFailed("--mirror-name names the mirror of --mirror, which is not given")
    if mirror:
        with closing(Source(mirror, authority, client_certificate, client_key)) as source:
            _report(_failures([lambda: _verify_mirror(source, asked, memory, mirror_name)]))
        return
    if key:
        with client_as(principal) as client:
            _report(_failures([lambda: _verify_log(client.audit, _folder_of(client), asked), *_others(client)]))
        return
    with local.sandbox("without --key, the checks") as box:
        regulator, of_box = box.client(principal), replace(asked, key=box.log_key())
        checks: list[Check] = [
            lambda: _verify_log(regulator.audit, _folder_of(regulator), of_box),
            *_others(regulator),
        ]
        _report(_failures([*checks, *box.rebuild_checks()]))


def _verify_mirror(source: Source, asked: Asked, memory: Path | None, name: str) -> None:
    if not asked.key or asked.policy is None or urlsplit(source.url).scheme != "https":
        raise CommandFailed("of a mirror's copy give --mirror with an https URL, --key, and --policy that names it")
    asked = replace(asked, mirror=_mirror_in(asked.policy, name))
    origin = VerifierKey.parse(asked.key).name
    remembered = Remembered(memory) if memory else None
    keys = remembered.keys(origin, asked.key) if remembered else KeySuccession.of(asked.key)
    require_among(keys, asked.key)
    shown = MirroredLog(source, origin, keys)
    asked = replace(asked, policy=_demanded(remembered, origin, asked.policy))
    signed, _ = shown.keyed_checkpoint()
    checked = shown_head(signed, keys)
    asked.require(signed)
    if remembered is not None:
        remembered.compare(checked, signed, keys, shown.consistency_proof)
    audit = _begun(remembered, origin, asked)
    summary = _read(shown, audit, checked)
    # Who has an ended key has signed it by that alone: only the entries say which keys have to have signed.
    keys = summary.keys_from(keys.keys[0].vkey)
    asked.require(signed, keys)
    _require_end(summary, asked, remembered)
    if remembered is not None:
        remembered.keep(signed, keys, shown.consistency_proof)
    _keep_and_tell(summary, audit, keys, asked, remembered)


def _mirror_in(policy: Policy, name: str) -> frozenset[bytes]:
    """Gives by which names a policy has a mirror: of that name or, where none is given, its only cosigner.

    Raises CommandFailed where it has none, or would be met without anybody.
    """
    if policy.quorum == NONE:
        raise CommandFailed("the policy's quorum is none: of a mirror's copy it has to demand a cosignature")
    names = {each.key.name for each in policy.witnesses.values()}
    if not name and len(names) > 1:
        raise CommandFailed("the policy names several cosigners: say by --mirror-name which of them the mirror is")
    found = {
        at for at, each in policy.witnesses.items() if not name or name in (at.decode(errors="replace"), each.key.name)
    }
    if not found:
        raise CommandFailed(f"the policy names no cosigner {name!r}")
    return frozenset(found)


def _verify_log(shown: Shown, folder: Path | None, asked: Asked) -> None:
    remembered, origin = Remembered(folder) if folder else None, VerifierKey.parse(asked.key).name
    asked = replace(asked, policy=_demanded(remembered, origin, asked.policy))
    signed, receipts = shown.keyed_checkpoint()
    if remembered is None:
        note("what was seen of the log before is not compared: there is no folder to keep it in")
        keys, _ = verify_key_succession(receipts, asked.key)
        checked = keys.verify_checkpoint(signed)
    else:
        checked = remembered.accept(signed, asked.key, shown.consistency_proof, receipts, policy=asked.policy)
        keys = remembered.keys(origin, asked.key)
    asked.require(signed, keys)
    audit = _begun(remembered, origin, asked)
    summary = _read(shown, audit, checked)
    if summary.keys_from(keys.keys[0].vkey) != keys:
        raise VerificationError("the keys that the log has shown are not those that its leaves name")
    _require_end(summary, asked, remembered)
    _keep_and_tell(summary, audit, keys, asked, remembered)


def _begun(remembered: Remembered | None, origin: str, asked: Asked) -> LogAudit:
    """Gives what to go on from."""
    return LogAudit() if remembered is None or asked.whole else remembered.reading(origin)


def _require_end(summary: LogSummary, asked: Asked, remembered: Remembered | None) -> None:
    """Verifies what a log says of the one in whose place it stands, by its key; raises VerificationError."""
    ended = summary.predecessor
    if ended is None:
        return
    vkey = asked.ended_key or VerifierKey.of(ended.origin, VerifierKey.parse(asked.key).public_key).text()
    if remembered is None:
        verified_end(ended, vkey)
    else:
        remembered.require_owned(ended, vkey)


def _keep_and_tell(
    summary: LogSummary, audit: LogAudit, keys: KeySuccession, asked: Asked, remembered: Remembered | None
) -> None:
    """Keeps what was read, and says what a log that is verified holds."""
    origin = VerifierKey.parse(asked.key).name
    _tell_keys(keys)
    if remembered is not None:
        if len(keys.keys) > 1:
            note(f"the keys are kept in {remembered.keys_file(origin)}: offline, give them with --keys")
        remembered.keep_reading(origin, audit)
        if asked.policy_file:
            remembered.keep_policy(origin, asked.policy_file)
    _show(summary)
    _published_by(summary, asked.policy)


def _demanded(remembered: Remembered | None, origin: str, given: Policy | None) -> Policy | None:
    """Gives the policy that is given, or else the one that was demanded last; says where they differ."""
    if remembered is None:
        return given
    before, wanted = remembered.policy(origin), remembered.demanded(origin, given)
    if before is not None and wanted is not None:
        if given is None:
            note(f"demanded is the policy of before, {before.sha256.hex()}")
        elif before.sha256 != wanted.sha256:
            note(f"demanded is policy {wanted.sha256.hex()} in the place of {before.sha256.hex()}")
    return wanted


def _published_by(summary: LogSummary, policy: Policy | None) -> None:
    """Says by which policies the log has published; raises VerificationError where it has left the one demanded."""
    for each in summary.policies[1:]:
        output.print(f"the log's policy changed at leaf {each.first}: {each}", highlight=False, soft_wrap=True)
    if policy is None:
        return
    summary.require_policy_kept(policy.sha256)
    if not summary.policies or summary.policies[-1].sha256 != policy.sha256:
        by = summary.policies[-1] if summary.policies else "no policy of witnesses"
        note(f"the policy that is demanded is the reader's own: the log publishes by {by}")


def _tell_keys(keys: KeySuccession) -> None:
    """Says how the log's key has changed."""
    for before, after in pairwise(keys.keys):
        ended = "both sign" if before.last is None else f"the one before signs up to {before.last}"
        output.print(f"the log's key changed at {after.first} facts, {ended}:", highlight=False)
        output.print(f"  {after.vkey}", highlight=False, soft_wrap=True)


def _read(shown: Shown, audit: LogAudit, checked: Checkpoint) -> LogSummary:
    """Reads the log from where an audit stands as far as a checkpoint."""
    before = f", {audit.size} were read before" if audit.size else ""
    note(f"reading {checked.size - audit.size} facts{before}")
    for leaf in shown.leaves(audit.size, checked.size):
        audit.add(leaf.content)
    return audit.finish(checked)


def _folder_of(client: Client) -> Path | None:
    """Gives where what was seen of logs is kept beside credentials, if something can be kept there."""
    folder = client.credentials.folder
    return folder / REMEMBERED if folder is not None and os.access(folder, os.W_OK) else None


def _compare_sources(client: Client) -> None:
    note("asking the log to compare itself with its sources, event by event")
    differing = [
        f"{each.source} {each.finding.name.lower()} {each.detail}".rstrip()
        for each in client.audit.verify_sources(recompute=True)
        if each.finding is not Finding.AGREES
    ]
    if differing:
        raise CommandFailed("; ".join(differing))


def prove_transfers(client: Client) -> None:
    """Shows what custody has booked on a bank's word and nothing justifies; raises VerificationError then."""
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
    return [lambda: _compare_sources(client), lambda: prove_transfers(client)]


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
    if wrong := [each for each in summary.books if not (each.is_same and each.is_covered)]:
        named = ", ".join(f"{UUID(bytes=each.tenant_id)} {each.ledger:03d} (leaf {each.leaf})" for each in wrong)
        output.print(f"books that do not come out: {named}", highlight=False, soft_wrap=True)
    elif summary.books:
        output.print(f"books: the newest of {len(summary.books)} come out", highlight=False)
    if ended := summary.predecessor:
        output.print(f"takes the place of {ended.origin}, which had signed {ended.size} facts", highlight=False)
    output.print(f"verified: {summary.size} facts, root {summary.root.hex()}", highlight=False, soft_wrap=True)
