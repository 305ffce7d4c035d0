"""How old the lists in force are, for telemetry."""

from __future__ import annotations

from ringfence_kernel.service.leadership import Leadership
from ringfence_kernel.service.measures import while_leading
from ringfence_kernel.telemetry.gauges import Gauges
from ringfence_kernel.values.clock import NANOSECONDS

from ringfence_payment_instruction.screening.application.queries import ListsInForce

COUNT, AGE, LIMIT = (
    "ringfence.screening.lists",
    "ringfence.screening.list.age",
    "ringfence.screening.list.age.limit",
)


def measure(gauges: Gauges, leadership: Leadership, lists: ListsInForce) -> None:
    """Has it observed in the process that leads, which alone knows of every import."""

    def age() -> list[tuple[float, dict[str, str]]]:
        seconds = lists.oldest_seconds()
        return [] if seconds is None else [(seconds, {})]

    limit = lists.maximum_age_ns / NANOSECONDS
    for name, unit, meaning, look in (
        (COUNT, "{list}", "Sanctions lists in force.", lambda: [(lists.count(), {})]),
        (AGE, "s", "Age of the oldest sanctions list in force.", age),
        (LIMIT, "s", "Age at which a list is stale.", lambda: [(limit, {})]),
    ):
        gauges.observe(name, unit, meaning, while_leading(leadership, look), aside=True)
