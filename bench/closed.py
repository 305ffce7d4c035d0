"""The row of what is closed: payment-instruction starts on millions of settled instructions, and knows them still."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from ringfence.ids import new_id
from ringfence.payments import InstructionStatus, NewInstruction, Payments

from bench.filling.instructions import Submitted, fill
from bench.instructions import InstructionLoad
from bench.load import Seen
from bench.rows import Results, row
from bench.stack import MeasuredStack
from bench.starts import start_twice

NAME, SERVICE = "payments_closed", "payment-instruction"
PER_SUBMISSION = 1_000
DUPLICATE = "DUPLICATE_INSTRUCTION_ID"


def payments_closed(measured: MeasuredStack, results: Results, instructions: int) -> None:
    """Settles one submission, appends copies of it while the service is down, and starts the service twice.

    Each time the submission is sent again, and two of the ids under another one: one that was really paid, and the
    last of the copies.
    """
    load = InstructionLoad(measured.sandbox)
    payments, tenant = load.platform.client.payments, load.platform.id
    submission_id, orders = new_id(), [load.order(number) for number in range(PER_SUBMISSION)]
    first_answer = payments.submit(submission_id, orders)
    load.await_settled([each.id for each in orders])
    measured.stack.service(SERVICE).stop()
    copies = max(1, instructions // PER_SUBMISSION - 1)
    rows = (copies + 1) * PER_SUBMISSION
    results.progress(f"filling the event store with {rows:,} settled instructions")
    submitted = Submitted(tenant, submission_id, [each.id for each in orders])
    last = fill(measured.stack.running.databases[SERVICE], submitted, copies)

    def is_right() -> bool:
        return payments.submit(submission_id, orders) == first_answer and _are_duplicates(payments, orders[0], last)

    seen = Seen(rows=rows)
    starts = start_twice(measured, SERVICE, seen, is_right)
    results.add(row(NAME, PER_SUBMISSION, 1, seen, None, **starts.figures()))


def _are_duplicates(payments: Payments, known: NewInstruction, other_id: UUID) -> bool:
    """Tells whether both ids are refused under a submission of their own."""
    states = payments.submit(new_id(), [known, replace(known, id=other_id)])
    return all((each.status, each.reason) == (InstructionStatus.REJECTED, DUPLICATE) for each in states)
