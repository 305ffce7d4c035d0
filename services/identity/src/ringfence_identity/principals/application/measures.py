"""How long there are two operators, for telemetry: without them nothing can be granted, and nobody let in."""

from ringfence_kernel.service.leadership import Leadership
from ringfence_kernel.service.measures import while_leading
from ringfence_kernel.telemetry.gauges import Gauges
from ringfence_kernel.values.clock import DAY_NS, NANOSECONDS, Clock
from ringfence_kernel.writing.writer import GroupWriter

from ringfence_identity.principals.domain.roles import GRANT_DAYS, Kind
from ringfence_identity.principals.domain.state import State

LIFETIME = "ringfence.operators.lifetime"


def measure(gauges: Gauges, leadership: Leadership, writer: GroupWriter, state: State, clock: Clock) -> None:
    """Has it observed in the process that leads."""

    def seconds() -> list[tuple[float, dict[str, str]]]:
        if writer.is_stale:
            return []
        now_ns = clock.now_ns()
        latest_ns = now_ns + GRANT_DAYS[Kind.OPERATOR] * DAY_NS
        return [((state.two_operators_until_ns(now_ns, latest_ns) - now_ns) / NANOSECONDS, {})]

    meaning = "How long two operators at least may act."
    gauges.observe(LIFETIME, "s", meaning, while_leading(leadership, seconds), aside=True)
