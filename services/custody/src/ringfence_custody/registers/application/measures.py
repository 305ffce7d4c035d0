"""What telemetry sees of the registers."""

from __future__ import annotations

from collections.abc import Iterator

from ringfence_kernel.service.leadership import Leadership
from ringfence_kernel.service.measures import while_leading
from ringfence_kernel.telemetry.gauges import Gauges

from ringfence_custody.registers.application.queries import Queries

BREACHES, REVIEWS = "ringfence.registers.concentration.breaches", "ringfence.registers.reviews.due"
UNLETTERED = "ringfence.registers.mirrors.unlettered"

Observed = Iterator[tuple[float, dict[str, str]]]


def gauge(queries: Queries, gauges: Gauges, leadership: Leadership) -> None:
    """Has the registers measured by telemetry, in the process that leads."""

    def breaches() -> Observed:
        yield queries.breaches(), {}

    def reviews() -> Observed:
        for kind, count in queries.reviews_due().items():
            yield count, {"ringfence.register": kind}

    def unlettered() -> Observed:
        yield queries.unlettered(), {}

    for name, unit, meaning, look in (
        (BREACHES, "{bank}", "Banks where more of a platform's money in a currency lies than may.", breaches),
        (REVIEWS, "{review}", "Reviews of banks and letters that are due.", reviews),
        (
            UNLETTERED,
            "{account}",
            "Bank mirrors active, or holding money, without a letter in force.",
            unlettered,
        ),
    ):
        gauges.observe(name, unit, meaning, while_leading(leadership, look))
