"""How many operators may act, and for how long two, for telemetry: without two nobody can be let in again."""

from ringfence_kernel.service.leadership import Leadership
from ringfence_kernel.service.measures import while_leading
from ringfence_kernel.telemetry.gauges import Gauges
from ringfence_kernel.values.clock import NANOSECONDS, Clock
from ringfence_kernel.writing.writer import GroupWriter

from ringfence_identity.principals.queries import PrincipalQueries
from ringfence_identity.tokens.domain.state import State

ABLE = "ringfence.operators.able"
LIFETIME = "ringfence.operators.certificates.lifetime"


def measure(
    gauges: Gauges,
    leadership: Leadership,
    writer: GroupWriter,
    state: State,
    principals: PrincipalQueries,
    clock: Clock,
) -> None:
    """Has both observed in the process that leads."""

    def able() -> list[tuple[float, dict[str, str]]]:
        if writer.is_stale:
            return []
        return [(len(ends_ns(state, principals, clock.now_ns())), {})]

    def seconds() -> list[tuple[float, dict[str, str]]]:
        if writer.is_stale:
            return []
        now_ns = clock.now_ns()
        return [((two_certified_until_ns(state, principals, now_ns) - now_ns) / NANOSECONDS, {})]

    meaning = "How many persons may act as operators, and hold certificates that count."
    gauges.observe(ABLE, "{person}", meaning, while_leading(leadership, able), aside=True)
    meaning = "How long two operators at least hold certificates that count."
    gauges.observe(LIFETIME, "s", meaning, while_leading(leadership, seconds), aside=True)


def two_certified_until_ns(state: State, principals: PrincipalQueries, now_ns: int) -> int:
    """Returns until when two operators, two people, may act and hold certificates; `now_ns` where there are none."""
    last = ends_ns(state, principals, now_ns)[-2:]
    return last[0] if len(last) > 1 else now_ns


def ends_ns(state: State, principals: PrincipalQueries, now_ns: int) -> list[int]:
    """Returns, for each person who may act as an operator now, until when: role and certificate last, soonest first.

    Of a person with several principals the one counts that lasts longest. The end of a certificate that two people have
    pinned is not known, and counted as `State.certificates_end_ns` says.
    """
    ends: dict[bytes, int] = {}
    for each in principals.operators():
        end_ns = state.certificates_end_ns(each.id)
        if each.until_ns:
            end_ns = min(end_ns, each.until_ns)
        if end_ns > now_ns:
            ends[each.person] = max(ends.get(each.person, 0), end_ns)
    return sorted(ends.values())
