"""How many answers of the bank wait for people, for telemetry."""

from __future__ import annotations

from ringfence_kernel.service.leadership import Leadership
from ringfence_kernel.service.measures import while_leading
from ringfence_kernel.telemetry.gauges import Gauges

from ringfence_payment_instruction.rail.domain.state import State

EXCEPTED = "ringfence.answers.excepted"


def measure(gauges: Gauges, leadership: Leadership, state: State) -> None:
    """Has it observed in the process that leads."""

    def excepted() -> list[tuple[float, dict[str, str]]]:
        return [(len(state.waiting), {})]

    meaning = "Answers of the bank that fit no payment, or several, or contradict: two people work them off."
    gauges.observe(EXCEPTED, "{answer}", meaning, while_leading(leadership, excepted))
