"""How many payments are where they should not stay, for telemetry: counted when somebody asks, from what is open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from ringfence_kernel.service.leadership import Leadership
from ringfence_kernel.service.measures import while_leading
from ringfence_kernel.telemetry.gauges import Gauges
from ringfence_kernel.values.clock import NANOSECONDS, Clock

from ringfence_payment_instruction.submissions.domain.state import State
from ringfence_payment_instruction.submissions.domain.status import Stage, Status
from ringfence_payment_instruction.submissions.domain.submission import Submission

HELD, UNKNOWN, WAITING = "ringfence.payments.held", "ringfence.payments.unknown", "ringfence.submissions.waiting"
OUTBOX, OUTBOX_AGE = "ringfence.outbox.messages", "ringfence.outbox.age"
Observed = list[tuple[float, dict[str, str]]]


@dataclass(frozen=True, slots=True)
class OpenPayments:
    """Counts of open submissions. May be asked in any thread: what changes meanwhile may be counted either way."""

    state: State
    clock: Clock

    def held(self) -> Observed:
        """Returns how many payments wait for a second person."""
        return [(self._with_status(Status.HELD), {})]

    def unknown(self) -> Observed:
        """Returns of how many payments the bank has not said in time whether it made them."""
        return [(self._with_status(Status.UNKNOWN), {})]

    def waiting(self) -> Observed:
        """Returns how many submissions wait for another part, by the reason."""
        reasons = Counter(reason for each in self._open() for reason in {reason for _, reason in each.waiting})
        return [(count, {"ringfence.refusal.reason": reason}) for reason, count in reasons.items()]

    def undelivered(self) -> Observed:
        """Returns how many messages were decided on that the bank does not have."""
        return [(len(self._undelivered()), {})]

    def undelivered_seconds(self) -> Observed:
        """Returns for how long the oldest of them has waited, 0 where there is none."""
        now_ns = self.clock.now_ns()
        return [((now_ns - min(self._undelivered(), default=now_ns)) / NANOSECONDS, {})]

    def gauge(self, gauges: Gauges, leadership: Leadership) -> None:
        """Has all of it observed in the process that leads, aside from its event loop."""
        for name, unit, meaning, look in (
            (HELD, "{payment}", "Payments that wait for a second person.", self.held),
            (UNKNOWN, "{payment}", "Payments whose fate the bank has not told in time.", self.unknown),
            (WAITING, "{submission}", "Submissions that wait for another part, by reason.", self.waiting),
            (OUTBOX, "{message}", "Messages that the bank does not have yet.", self.undelivered),
            (OUTBOX_AGE, "s", "Age of the oldest message that the bank does not have yet.", self.undelivered_seconds),
        ):
            gauges.observe(name, unit, meaning, while_leading(leadership, look), aside=True)

    def _open(self) -> Iterable[Submission]:
        # The list is made at once; the table may change while it is gone through.
        return (each for each in list(self.state.submissions.values()) if not each.closed_position)

    def _with_status(self, status: Status) -> int:
        return sum(each.statuses.count(status) for each in self._open())

    def _undelivered(self) -> list[int]:
        """Returns when each was decided on, UTC nanoseconds."""
        found = []
        for each in self._open():
            messages = {each.references.get(index) for index in each.at_stage(Stage.DISPATCH)}
            found += [made_ns for message in messages if message and (made_ns := each.messages.get(message))]
        return found
