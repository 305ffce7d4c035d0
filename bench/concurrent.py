"""Many callers of one instruction each: every one submits, waits until it hears that it has settled, and goes on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import count, islice
from typing import Any, NamedTuple

import uvloop
from ringfence.ids import new_id
from ringfence.payments import InstructionStatus
from ringfence_protos.payment_instruction.v1 import payment_instruction_pb2 as pb
from ringfence_protos.payment_instruction.v1 import payment_instruction_pb2_grpc

from bench.book import Book
from bench.controls import Controls
from bench.cpu import CpuSpent
from bench.instructions import InstructionLoad
from bench.load import Seen, closed_loop
from bench.rows import Results, row
from bench.stack import MeasuredStack
from bench.wire import CALL_SECONDS, authorised

NAME, CALLERS = "instructions_concurrent", 256
SETTLE_SECONDS = 60.0
JOBS_AHEAD = 20_000
SERVICE = "payment-instruction"
SUBMIT = "/ringfence.payment_instruction.v1.PaymentInstructionService/SubmitInstructions"


class Submission(NamedTuple):
    """A submission of one instruction, as bytes of the wire."""

    instruction_id: bytes
    body: bytes


Settle = Callable[[Submission], Awaitable[int]]
"""Submits, and returns 1 when the instruction has settled."""


class Settled:
    """Who waits for which instruction, told by the platform's one stream of states."""

    def __init__(self) -> None:
        """Nobody waits yet."""
        self._waiting: dict[bytes, asyncio.Future[None]] = {}

    def expect(self, instruction_id: bytes) -> asyncio.Future[None]:
        """Returns what is done when the instruction has settled."""
        self._waiting[instruction_id] = asyncio.get_running_loop().create_future()
        return self._waiting[instruction_id]

    def note(self, state: pb.InstructionState) -> None:
        """Takes note of a state; one that is an end, and not the right one, is an error of whoever waits."""
        status = InstructionStatus(state.status)
        if not status.is_end or (waiting := self._waiting.pop(state.instruction_id, None)) is None:
            return
        if status is InstructionStatus.SETTLED:
            waiting.set_result(None)
        else:
            waiting.set_exception(RuntimeError(f"an instruction ended {status.name} {state.reason}"))


def concurrent_row(measured: MeasuredStack, book: Book, controls: Controls, results: Results, seconds: float) -> None:
    """Measures instructions per second, and the time from the submission until the caller knows that it has settled."""
    load = InstructionLoad(measured.sandbox)
    measured.settle(book)
    control = controls.measure(measured, 1)
    measured.settle(book)
    answers, spent = Seen(), CpuSpent()

    async def run() -> Seen:
        async with _submitting(load, answers) as settle:
            made = _jobs(load)
            await closed_loop(settle, list(islice(made, CALLERS)), CALLERS, SETTLE_SECONDS)
            answers.latencies_ms.clear()
            jobs = list(islice(made, JOBS_AHEAD))
            with measured.cpu.during(spent):
                return await closed_loop(settle, jobs, CALLERS, seconds)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        seen = runner.run(run())
    seen.cpu = spent
    figures = {"answer_p50_ms": answers.quantile_ms(0.5), "answer_p99_ms": answers.quantile_ms(0.99)}
    results.add(row(NAME, 1, CALLERS, seen, control, **figures))


@asynccontextmanager
async def _submitting(load: InstructionLoad, answers: Seen) -> AsyncIterator[Settle]:
    """Connects the platform, and its approver as the one who hears of states: the calls of each are bounded."""
    platform, settled = load.platform, Settled()
    async with (
        authorised(platform.client.credentials, SERVICE) as (channel, metadata),
        authorised(platform.approver.credentials, SERVICE) as (hearing, hearing_metadata),
    ):
        submit: Any = channel.unary_unary(SUBMIT, None, pb.SubmitInstructionsResponse.FromString)
        stub = payment_instruction_pb2_grpc.PaymentInstructionServiceStub(hearing)
        states = stub.WatchInstructions(pb.WatchInstructionsRequest(), metadata=hearing_metadata)

        async def hear() -> None:
            async for change in states:
                for state in change.states:
                    settled.note(state)

        async def settle(submission: Submission) -> int:
            waiting, began = settled.expect(submission.instruction_id), time.perf_counter()
            await submit(submission.body, metadata=metadata, timeout=CALL_SECONDS)
            answers.latencies_ms.append((time.perf_counter() - began) * 1_000)
            await asyncio.wait_for(waiting, SETTLE_SECONDS)
            return 1

        listener = asyncio.create_task(hear())
        try:
            yield settle
        finally:
            listener.cancel()


def _jobs(load: InstructionLoad) -> Iterator[list[Submission]]:
    """Yields submissions of one instruction, without end."""
    for number in count():
        order = load.order(number)
        instruction = pb.NewInstruction(
            id=order.id.bytes,
            end_to_end_id=order.end_to_end_id,
            debtor_iban=order.debtor_iban,
            creditor_iban=order.creditor_iban,
            creditor_name=order.creditor_name,
            amount_minor=order.amount_minor,
            currency=order.currency,
            remittance=order.remittance,
        )
        request = pb.SubmitInstructionsRequest(submission_id=new_id().bytes, instructions=[instruction])
        yield [Submission(order.id.bytes, request.SerializeToString())]
