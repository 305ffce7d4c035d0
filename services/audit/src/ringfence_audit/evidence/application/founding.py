"""Raises an alarm on transfers that rest on a bank's word which nobody has handed in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from ringfence_kernel.service.leadership import Leadership
from ringfence_kernel.service.measures import while_leading
from ringfence_kernel.telemetry import logs
from ringfence_kernel.telemetry.gauges import Gauges
from ringfence_kernel.values.clock import NANOSECONDS
from ringfence_kernel.values.ids import show

from ringfence_audit.evidence.domain.state import State

MISSING = "ringfence.evidence.missing"
BOUND_SECONDS = 60.0
"""Evidence is committed before custody is asked: after so long the log has what there is."""
LOOK_SECONDS = 5.0
_LOG = logs.get(__name__)


@dataclass(slots=True)
class Founding:
    """Looks now and then, in the process that leads; each transfer is named in the log once."""

    state: State
    now_ns: Callable[[], int]
    _named: set[bytes] = field(default_factory=set)

    def missing(self) -> dict[bytes, bytes]:
        """Returns the transfers without evidence for longer than the bound, and what each names."""
        latest_ns = self.now_ns() - int(BOUND_SECONDS * NANOSECONDS)
        found = list(self.state.unfounded.items())
        return {transfer: each.evidence for transfer, each in found if each.since_ns <= latest_ns}

    def look(self) -> None:
        """Names what is missing and was not named before."""
        missing = self.missing()
        for transfer in missing.keys() - self._named:
            _LOG.error("evidence_missing", transfer=show(transfer), evidence=missing[transfer].hex())
        self._named = set(missing)

    async def run(self) -> None:
        """Looks until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(LOOK_SECONDS)

    def gauge(self, gauges: Gauges, leadership: Leadership) -> None:
        """Has it observed in the process that leads."""
        meaning = "Transfers that rest on a bank's word of which the log has nothing."
        gauges.observe(MISSING, "{transfer}", meaning, while_leading(leadership, lambda: [(len(self.missing()), {})]))
