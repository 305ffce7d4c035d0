"""Has the log signed: what signs it, what is anchored before, and who cosigns."""

from __future__ import annotations

from ringfence_kernel.service import EventSourced, Runtime
from ringfence_kernel.service.leadership import Leadership
from ringfence_kernel.service.settings import InvalidSetting

from ringfence_audit.log.adapters.http_witnesses import HttpWitnesses
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
    signer, tree = VaultSigner(runtime.vault.transit, log.origin), TileTree(TileReader(core.store).tile)
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
