"""Has the log signed: what signs it, what is anchored before, and who cosigns; and its commands of its own."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from ringfence_kernel.service import CannotRun, Command, EventSourced, Runtime, opened_store
from ringfence_kernel.service.leadership import Leadership
from ringfence_kernel.values.settings import InvalidSetting

from ringfence_audit.log.adapters.carrying_over import carry_over
from ringfence_audit.log.adapters.http_witnesses import HttpWitnesses
from ringfence_audit.log.adapters.mirror import Mirror
from ringfence_audit.log.adapters.ordering_rotation import CannotRotate, order_rotation
from ringfence_audit.log.adapters.refilling import CannotRefill, refill
from ringfence_audit.log.adapters.successor import CannotBegin, begin_successor
from ringfence_audit.log.adapters.tile_model import TileModel
from ringfence_audit.log.adapters.tile_reader import TileReader
from ringfence_audit.log.adapters.vault_anchor import VaultAnchor
from ringfence_audit.log.adapters.vault_signer import VaultSigner
from ringfence_audit.log.application.anchoring import Anchoring
from ringfence_audit.log.application.checkpointer import Checkpointer
from ringfence_audit.log.application.commands import SignCheckpoint
from ringfence_audit.log.application.measures import measure
from ringfence_audit.log.application.ports import Index
from ringfence_audit.log.application.publishing import Publishing
from ringfence_audit.log.application.rotating import Rotating
from ringfence_audit.log.domain.merkle import TileTree
from ringfence_audit.log.domain.state import State
from ringfence_audit.log.domain.witnesses import PolicyMalformed, read_policy
from ringfence_audit.settings import AuditSettings


def signing_checkpoints(
    runtime: Runtime[AuditSettings], core: EventSourced, log: State, leadership: Leadership, index: Index
) -> Checkpointer:
    """Has the log's head anchored, signed and cosigned, and all of it measured; raises InvalidSetting."""
    signer, tree = VaultSigner(runtime.vault.transit, log.origin), TileTree(TileReader(core.store).tiles)
    anchoring = Anchoring(VaultAnchor(runtime.vault.versioned), tree.root_under)
    publishing = _publishing(runtime.settings, tree, anchoring)
    rotating = Rotating(log, signer)
    sign = SignCheckpoint(core.writer, log, TileModel(), signer, anchoring, publishing, rotating, index)
    checkpointer = Checkpointer(sign, lambda: not log.is_due)
    measure(runtime.gauges, leadership, log, checkpointer, anchoring, publishing)
    return checkpointer


def _publishing(settings: AuditSettings, tree: TileTree, anchoring: Anchoring) -> Publishing:
    """Asks the witnesses of the site's policy; raises InvalidSetting where that is none."""
    if not settings.witness_policy:
        return Publishing()
    try:
        policy = read_policy(settings.witness_policy)
    except PolicyMalformed as error:
        raise InvalidSetting("RINGFENCE_WITNESS_POLICY", f"a witness policy ({error})") from None
    return Publishing(
        policy,
        HttpWitnesses(settings.witness_ca_file),
        tree.proven_extension,
        anchoring.is_overtaken,
        is_open=settings.witness_quorum == "alarmed",
    )


def adopt_state_leaves(settings: AuditSettings, typed: argparse.Namespace) -> Mapping[str, object]:
    """Carries the log over to the format of this release; says whether it was of the one before."""
    with opened_store(settings) as store:
        return {"carried_over": carry_over(store)}


def begin_log(settings: AuditSettings, typed: argparse.Namespace) -> Mapping[str, object]:
    """Begins the log in the place of another, whose last checkpoint is in a file; raises CannotRun."""
    try:
        note = typed.checkpoint.read_text(encoding="utf-8")
        with opened_store(settings) as store:
            ended = begin_successor(store, settings.log_origin, note, typed.key)
    except (CannotBegin, OSError, UnicodeDecodeError) as error:
        raise CannotRun(str(error)) from None
    return {"origin": settings.log_origin, "predecessor": ended.origin, "size": ended.size, "root": ended.root.hex()}


def rotate_key(settings: AuditSettings, typed: argparse.Namespace) -> Mapping[str, object]:
    """Has another key of Vault take the place of the one that signs checkpoints; raises CannotRun."""
    try:
        with opened_store(settings) as store:
            vkey = order_rotation(store, settings.log_origin, typed.public_key, typed.overlap_hours * 3_600)
    except CannotRotate as error:
        raise CannotRun(str(error)) from None
    return {"ordered": vkey, "overlap_hours": typed.overlap_hours}


def _of_the_next_key(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--public-key", required=True, help="the new version's public key in base64, as Vault shows it")
    parser.add_argument(
        "--overlap-hours", type=int, default=30 * 24, help="how long the old key signs beside it; %(default)d"
    )


def refill_log(settings: AuditSettings, typed: argparse.Namespace) -> Mapping[str, object]:
    """Appends what a mirror holds of the log and its database does not; raises CannotRun."""
    mirror = Mirror(typed.mirror, typed.authority, typed.certificate, typed.certificate_key)
    try:
        with opened_store(settings) as store:
            reached = refill(store, settings.log_origin, mirror, typed.key)
    except CannotRefill as error:
        raise CannotRun(str(error)) from None
    return {"origin": settings.log_origin, "size": reached.size, "root": reached.root.hex()}


def _of_the_mirror(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--mirror", required=True, metavar="URL", help="where a mirror serves what it holds, https")
    parser.add_argument("--key", required=True, help="the key that this log signs by, a vkey of its name")
    parser.add_argument("--authority", type=Path, required=True, help="who issues the mirror's certificate, PEM")
    parser.add_argument("--certificate", type=Path, required=True, help="what is shown to the mirror, PEM")
    parser.add_argument("--certificate-key", type=Path, required=True, help="its key, PEM")


def _of_the_ended(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkpoint", type=Path, required=True, help="the last checkpoint that is known of it")
    parser.add_argument("--key", required=True, help="the key that it is signed by, a vkey of its name")


COMMANDS = {
    "carry-over": Command(
        help="have the log state what it knows in leaves, where it still does in lines of its checkpoints",
        run=adopt_state_leaves,
    ),
    "begin-successor": Command(
        help="begin this log, of a new origin, in the place of one whose leaves are lost",
        run=begin_log,
        arguments=_of_the_ended,
    ),
    "rotate-key": Command(
        help="have a new version of the key in Vault sign checkpoints, the old one beside it for a while",
        run=rotate_key,
        arguments=_of_the_next_key,
    ),
    "refill": Command(
        help="put back from a mirror what an empty or rolled back database of this log lacks",
        run=refill_log,
        arguments=_of_the_mirror,
    ),
}
