"""For the domain's tests a history in memory, for the application's a world on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from ringfence_kernel.values.columns import pack
from ringfence_kernel.values.ids import ZERO_ID, external_id
from ringfence_kernel.values.money import currency
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.writing.journal import Journal
from ringfence_kernel.writing.states import States
from ringfence_local_stack.pytest_plugin import FilledDatabase
from ringfence_payment_instruction.modules import ModuleStates
from ringfence_payment_instruction.submissions.domain import events
from ringfence_payment_instruction.submissions.domain.days import LocalDays
from ringfence_payment_instruction.submissions.domain.orders import Order
from ringfence_payment_instruction.submissions.domain.past import replayed
from ringfence_payment_instruction.submissions.domain.receiving import NewSubmission, receive
from ringfence_payment_instruction.submissions.domain.state import REST_ROWS, State
from ringfence_payment_instruction.submissions.domain.status import Status
from ringfence_payment_instruction.submissions.domain.submission import Submission, stream_of

from .closing import REST
from .world import World, migrate

NOW_NS = 1_750_000_000_000_000_000
TENANT = external_id("test", b"", "platform")
MAKER = external_id("test", b"", "maker")
APPROVER = external_id("test", b"", "approver")


def an_id(text: str) -> bytes:
    """Returns an id that a text always stands for."""
    return external_id("test", b"", text)


class History:
    """State, journal and clock, with shortcuts to bring a submission to where a test begins."""

    def __init__(self, rest_rows: int = REST_ROWS) -> None:
        """Starts empty, at a fixed time."""
        states = ModuleStates(State(self.reopen, rest_rows))
        self.rest_rows = rest_rows
        self.submissions, self.deposits = states.submissions, states.deposits
        self.state = states.together()
        self.journal = Journal()
        self.log: list[Recorded] = []
        self.versions: dict[bytes, int] = {}
        self.now_ns = NOW_NS

    def record(self, stream: bytes, found: Sequence[Any]) -> Sequence[Any]:
        """Commits events to a stream."""
        for event in found:
            self.versions[stream] = self.versions.get(stream, 0) + 1
            recorded = Recorded(len(self.log) + 1, stream, self.versions[stream], event, self.now_ns, "")
            self.state.apply(recorded, self.journal)
            self.log.append(recorded)
        self.journal.clear()
        return found

    def replayed(self) -> States:
        """Returns the state that the events alone give."""
        state = ModuleStates(State(self.reopen, self.rest_rows)).together()
        for recorded in self.log:
            state.apply(recorded, Journal())
        return state

    def reopen(self, stream: bytes, version: int) -> Submission:
        """Returns a submission as its events before a version tell it."""
        return replayed(each for each in self.log if each.stream == stream and each.version < version)[0][stream]

    def submit(self, name: str, rows: int = 1, **changes: Any) -> Submission:
        """Takes in a submission of equal rows; see `new_submission` for what may be changed."""
        new = new_submission(name, rows, **changes)
        self.record(new.stream, receive(self.submissions, new, self.now_ns, LocalDays()))
        return self.submissions.known(new.stream)

    def status(self, submission: Submission, index: int = 0) -> Status:
        """Returns where an instruction stands."""
        return Status(submission.statuses[index])


def new_submission(
    name: str,
    rows: int = 1,
    *,
    ids: Sequence[bytes] | None = None,
    amount_minor: int = 100_00,
    creditor: bytes = an_id("creditor account"),
    execution_day: int = 0,
    invalid: Sequence[str] = (),
    forbidden: Sequence[str] = (),
    digest: bytes = b"d" * 32,
) -> NewSubmission:
    """Returns a checked submission of equal rows; a zero creditor means that the money leaves by the bank."""
    submission_id = an_id(name)
    ids = ids or [an_id(f"{name} {row}") for row in range(rows)]
    received = events.SubmissionReceived(
        TENANT, submission_id, events.KIND_BATCH, rows, digest, MAKER, "token", NOW_NS * 2
    )
    columns = events.InstructionsReceived(
        tenant=TENANT,
        submission_id=submission_id,
        first_index=0,
        instruction_ids=b"".join(ids),
        end_to_end_ids=("E2E",) * rows,
        debtor_accounts=an_id("debtor account") * rows,
        debtor_owners=an_id("debtor") * rows,
        creditor_accounts=creditor * rows,
        creditor_owners=an_id("creditor") * rows,
        creditor_indexes=an_id("index") * rows,
        amounts_minor=pack("Q", [amount_minor] * rows),
        ledgers=pack("H", [currency("EUR").numeric_code] * rows),
        execution_days=pack("i", [execution_day] * rows),
        debtor_sealed=(b"sealed",) * rows,
        creditor_sealed=(b"sealed",) * rows,
    )
    blank = ("",) * rows
    return NewSubmission(
        stream_of(TENANT, submission_id), received, (columns,), tuple(invalid) or blank, tuple(forbidden) or blank
    )


AN_ORDER = Order(
    instruction_id=an_id("order"),
    end_to_end_id="INV-1",
    debtor_iban="DE89370400440532013000",
    creditor_iban="GB29NWBK60161331926819",
    creditor_name="Ada Lovelace",
    amount_minor=12_34,
    currency="EUR",
)


@pytest.fixture
def history() -> History:
    """An empty history."""
    return History()


@pytest.fixture
def make_history() -> type[History]:
    """The class of histories, for tests that need several."""
    return History


@pytest.fixture
def make_id() -> Callable[[str], bytes]:
    """Returns ids that texts stand for."""
    return an_id


@pytest.fixture
def make_submission() -> Callable[..., NewSubmission]:
    """Returns `new_submission`."""
    return new_submission


@pytest.fixture
def order() -> Callable[..., Order]:
    """Returns a maker of valid orders with some fields changed."""
    return lambda **changes: replace(AN_ORDER, **changes)


@pytest.fixture
def external() -> bytes:
    """The creditor account of money that leaves by the bank."""
    return ZERO_ID


@pytest.fixture
async def world(filled_database: FilledDatabase) -> AsyncIterator[World]:
    """The application, started on a fresh database, with a sanctions list in force."""
    world = World(filled_database("payment-instruction", migrate))
    await world.start()
    await world.import_list()
    yield world
    await world.stop()


@pytest.fixture
async def small(filled_database: FilledDatabase) -> AsyncIterator[World]:
    """The application with room for three closed instructions in memory."""
    world = World(filled_database("payment-instruction", migrate))
    world.rest_rows = REST
    await world.start()
    await world.import_list()
    yield world
    await world.stop()
