"""How many safeguarding days are not signed, and how many are so too late, for telemetry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator

from ringfence_kernel.service.leadership import Leadership
from ringfence_kernel.service.measures import while_leading
from ringfence_kernel.telemetry.gauges import Gauges

from ringfence_custody.safeguarding.domain.days import Day, Status

OPEN, MISSED = "ringfence.safeguarding.days.open", "ringfence.safeguarding.days.missed"

Observed = Iterator[tuple[float, dict[str, str]]]


def measure_days(gauges: Gauges, leadership: Leadership, days: Callable[[], Collection[Day]]) -> None:
    """Has days counted in the process that leads, by whoever asks; `days` are those that are not signed now.

    A day is one of a platform, pool and currency. A version that was reopened after its day was over counts as missed.
    """

    def open_days() -> Observed:
        counts = Counter(each.status for each in days())
        return iter(
            [
                (counts[status], {"ringfence.safeguarding.status": status.name.lower()})
                for status in Status
                if status is not Status.SIGNED
            ]
        )

    def missed_days() -> Observed:
        return iter([(sum(each.is_missed for each in days()), {})])

    for name, meaning, look in (
        (OPEN, "Safeguarding days that are cut and not signed.", open_days),
        (MISSED, "Those that should have been signed by now.", missed_days),
    ):
        gauges.observe(name, "{day}", meaning, while_leading(leadership, look))
