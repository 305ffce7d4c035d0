"""The proof, wired."""

from __future__ import annotations

from collections.abc import Mapping

from ringfence_kernel.service import EventSourced, Runtime
from ringfence_kernel.service.leadership import Leadership

from ringfence_audit.evidence.adapters.findings_reader import FindingsReader
from ringfence_audit.evidence.application.passing import Passing
from ringfence_audit.evidence.application.ports import Source
from ringfence_audit.evidence.domain.state import State
from ringfence_audit.log.application.commands import NotePassed
from ringfence_audit.settings import AuditSettings


def evidence_passing(
    runtime: Runtime[AuditSettings],
    core: EventSourced,
    note: NotePassed,
    evidence: State,
    feeds: Mapping[str, Source],
    leadership: Leadership,
) -> Passing:
    """Gives what finds out that both sources are passed, measured."""
    sources = feeds["custody"], feeds["payment-instruction"]
    passing = Passing(evidence, note, *sources, FindingsReader(core.store), runtime.clock.now_ns)
    passing.gauge(runtime.gauges, leadership)
    return passing
