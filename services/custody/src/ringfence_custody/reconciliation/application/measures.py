"""How many breaks are open, and how many late, for telemetry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator

from ringfence_kernel.service.leadership import Leadership
from ringfence_kernel.service.measures import while_leading
from ringfence_kernel.telemetry.gauges import Gauges

from ringfence_custody.reconciliation.application.ports import Days
from ringfence_custody.reconciliation.domain.breaks import Break, Kind

OPEN, LATE = "ringfence.breaks.open", "ringfence.breaks.late"

Observed = Iterator[tuple[float, dict[str, str]]]


def measure_breaks(gauges: Gauges, leadership: Leadership, breaks: Callable[[], Collection[Break]], days: Days) -> None:
    """Has breaks counted by kind, in the process that leads, by whoever asks; `breaks` are those to look at now."""

    def counted(is_counted: Callable[[Break], bool]) -> Observed:
        counts = Counter(each.kind for each in breaks() if each.is_open and is_counted(each))
        return iter([(counts[kind], {"ringfence.break.kind": kind.value.lower()}) for kind in Kind])

    def late(each: Break) -> bool:
        return days.today(each.ledger) > each.due_day

    gauges.observe(
        OPEN,
        "{break}",
        "Disagreements between banks and the books that are not settled.",
        while_leading(leadership, lambda: counted(lambda each: True)),
    )
    gauges.observe(
        LATE,
        "{break}",
        "Those that should have been settled by now.",
        while_leading(leadership, lambda: counted(late)),
    )
