"""What the process that leads shows of the log (docs/telemetry.md)."""

from __future__ import annotations

from ringfence_kernel.service.leadership import Leadership
from ringfence_kernel.service.measures import while_leading
from ringfence_kernel.telemetry.gauges import Gauges

from ringfence_audit.log.application.anchoring import Anchoring
from ringfence_audit.log.application.checkpointer import Checkpointer
from ringfence_audit.log.application.publishing import Publishing
from ringfence_audit.log.domain.state import State

SIZE, AGE = "ringfence.tree.size", "ringfence.checkpoint.age"
ROLLED_BACK, UNWITNESSED = "ringfence.tree.rolled_back", "ringfence.checkpoint.unwitnessed"


def measure(
    gauges: Gauges,
    leadership: Leadership,
    log: State,
    checkpointer: Checkpointer,
    anchoring: Anchoring,
    publishing: Publishing,
) -> None:
    """Has it observed how long the log is, how long it has gone without a checkpoint, whether it was rolled back."""
    size = while_leading(leadership, lambda: [(log.frontier.size, {})])
    age = while_leading(leadership, lambda: [(checkpointer.age_seconds(), {})])
    rolled_back = while_leading(leadership, lambda: [(int(anchoring.rolled_back or publishing.disputed), {})])
    gauges.observe(
        ROLLED_BACK, "1", "1 where the log does not go on from what it has signed, 0 otherwise.", rolled_back
    )
    unwitnessed = while_leading(leadership, lambda: [(int(log.lapsed is not None), {})])
    gauges.observe(
        UNWITNESSED, "1", "1 where checkpoints are published without a quorum of witnesses, 0 otherwise.", unwitnessed
    )
    gauges.observe(SIZE, "{leaf}", "Leaves of the log.", size)
    gauges.observe(AGE, "s", "How long the log has had leaves that no checkpoint covers.", age)
