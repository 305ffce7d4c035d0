"""How old the lists in force are, and whom they have found, for telemetry."""

from __future__ import annotations

from ringfence_kernel.service.leadership import Leadership
from ringfence_kernel.service.measures import while_leading
from ringfence_kernel.telemetry.gauges import Gauges
from ringfence_kernel.values.clock import NANOSECONDS

from ringfence_payment_instruction.screening.application.queries import ListsInForce
from ringfence_payment_instruction.screening.domain.findings.state import State as FindingsState
from ringfence_payment_instruction.submissions.domain.state import State as Submissions

COUNT, AGE, LIMIT = (
    "ringfence.screening.lists",
    "ringfence.screening.list.age",
    "ringfence.screening.list.age.limit",
)
CLIENTS, UNBLOCKED, PAYMENTS = (
    "ringfence.screening.clients.listed",
    "ringfence.screening.clients.unblocked",
    "ringfence.screening.payments.stopped",
)


def measure(
    gauges: Gauges, leadership: Leadership, lists: ListsInForce, findings: FindingsState, submissions: Submissions
) -> None:
    """Has it observed in the process that leads, which alone knows of every import."""

    def stopped() -> int:
        # The list is made at once; the table may change while it is gone through.
        return sum(not each.is_done(index) for each in list(submissions.submissions.values()) for index in [*each.hits])

    def age() -> list[tuple[float, dict[str, str]]]:
        seconds = lists.oldest_seconds()
        return [] if seconds is None else [(seconds, {})]

    limit = lists.maximum_age_ns / NANOSECONDS
    for name, unit, meaning, look in (
        (COUNT, "{list}", "Sanctions lists in force.", lambda: [(lists.count(), {})]),
        (AGE, "s", "Age of the oldest sanctions list in force.", age),
        (LIMIT, "s", "Age at which a list is stale.", lambda: [(limit, {})]),
        (CLIENTS, "{client}", "Clients on a list and not released.", lambda: [(findings.listed_clients(), {})]),
        (
            UNBLOCKED,
            "{client}",
            "Of these, whom identity has not blocked yet.",
            lambda: [(len(findings.streams()), {})],
        ),
        (
            PAYMENTS,
            "{payment}",
            "Payments that a list stops before the bank has them.",
            lambda: [(stopped(), {})],
        ),
    ):
        gauges.observe(name, unit, meaning, while_leading(leadership, look), aside=True)
