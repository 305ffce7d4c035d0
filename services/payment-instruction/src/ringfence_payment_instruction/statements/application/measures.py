"""How much of what banks tell waits for people, for telemetry."""

from __future__ import annotations

from collections.abc import Callable

from ringfence_kernel.service.leadership import Leadership
from ringfence_kernel.service.measures import while_leading
from ringfence_kernel.telemetry.gauges import Gauges

from ringfence_payment_instruction.statements.domain.movements import Movements
from ringfence_payment_instruction.statements.domain.state import State

EXCEPTED, HELD = "ringfence.bank.statements.excepted", "ringfence.bank.entries.held"


def measure(gauges: Gauges, leadership: Leadership, state: State) -> None:
    """Has it observed in the process that leads."""
    for name, unit, meaning, count in (
        (EXCEPTED, "{statement}", "Statements of banks that post nothing until two people work them off.", excepted),
        (HELD, "{entry}", "Entries of banks in doubt, whose money is held or lies in suspense.", in_doubt),
    ):
        gauges.observe(name, unit, meaning, while_leading(leadership, _of_all(state, count)))


def excepted(known: Movements) -> int:
    """Counts the exceptions of a mirror that are open."""
    return len(known.excepted)


def in_doubt(known: Movements) -> int:
    """Counts what two people may decide of a mirror, where no statement does."""
    return len(known.held) + len(known.loose)


def _of_all(state: State, count: Callable[[Movements], int]) -> Callable[[], list[tuple[float, dict[str, str]]]]:
    return lambda: [(sum(count(each) for each in [*state.mirrors.values()]), {})]
