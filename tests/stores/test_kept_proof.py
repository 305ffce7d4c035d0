"""What earlier releases have booked is proven by today's rules, or could name nothing: none of it is a finding."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ringfence_audit.evidence.adapters.findings_reader import FindingsReader
from ringfence_audit.evidence.adapters.proof_model import ProofModel
from ringfence_audit.log.domain.events import EVENTS, SourcesPassed
from ringfence_kernel.projecting.projector import fill
from ringfence_kernel.store import EventStore
from ringfence_kernel.store.codec import EventCodec
from ringfence_kernel.values.recorded import Recorded

from .test_kept_stores import KEPT, restored

WHOLE = 2**62


@pytest.mark.parametrize("folder", KEPT, ids=lambda folder: folder.name)
def test_a_kept_log_has_no_findings(folder: Path, database: Callable[[str], Any], tmp_path: Path) -> None:
    """The log is read into the tables from its first event, as an upgrade does, and all of it is judged."""
    kept = restored(database, folder, tmp_path, "audit")
    store, model = EventStore(kept.database.app_conninfo), ProofModel()
    try:
        fill(store, EventCodec(EVENTS), model)
        with store.connection() as connection, connection.transaction():
            read = connection.execute(
                "SELECT (SELECT count(*) FROM evidence_accounts) AS accounts,"
                " (SELECT count(*) FROM evidence_words) AS words"
            ).fetchone()
            model.project(connection, [Recorded(0, b"", 0, SourcesPassed(WHOLE, 0, 0), 0, "")])
        assert read is not None
        assert min(read["accounts"], read["words"]) > 0
        found = FindingsReader(store).find(None, (0, 0), 100)
        assert [(each.flaw.name, each.booking) for each in found] == []
        assert FindingsReader(store).counts().open == 0
    finally:
        store.close()
