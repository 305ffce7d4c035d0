"""How many entries of the bank are still to be posted, for telemetry."""

from __future__ import annotations

from ringfence_kernel.service.leadership import Leadership
from ringfence_kernel.service.measures import while_leading
from ringfence_kernel.telemetry.gauges import Gauges

from ringfence_payment_instruction.deposits.domain.state import State

WAITING = "ringfence.deposits.waiting"


def measure(gauges: Gauges, leadership: Leadership, state: State) -> None:
    """Has it observed in the process that leads, aside from its event loop."""

    def waiting() -> list[tuple[float, dict[str, str]]]:
        # The list is made at once; the table may change while it is gone through.
        return [(sum(len(each.waiting()) for each in list(state.evidence.values())), {})]

    meaning = "Entries of the bank that are not posted yet."
    gauges.observe(WAITING, "{entry}", meaning, while_leading(leadership, waiting), aside=True)
