"""Third act: a file and a batch, followed until every instruction has ended."""

from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from ringfence.commands.errors import CommandFailed
from ringfence.ids import external_id
from ringfence.payments import Decision, Instruction, InstructionState, InstructionStatus

from ringfence_local_stack.demo.onboarding import Stage
from ringfence_local_stack.demo.script import Expected, batch, content, expectations, listed, orders

END_SECONDS = 60.0
HELD = InstructionStatus.HELD


@dataclass
class Followed:
    """An instruction with every state it went through."""

    instruction: Instruction
    expected: Expected
    path: list[InstructionState] = field(default_factory=list)

    @property
    def name(self) -> str:
        """End-to-end identification."""
        return self.instruction.order.end_to_end_id

    @property
    def id(self) -> UUID:
        """Instruction id."""
        return self.instruction.state.instruction_id

    @property
    def last(self) -> InstructionState:
        """The last state it is known to have reached."""
        return self.path[-1] if self.path else self.instruction.state

    @property
    def has_ended_as_expected(self) -> bool:
        """Whether it stands where it must."""
        return (self.last.status, self.last.reason) == (self.expected.status, self.expected.reason)


def submit_file(stage: Stage) -> tuple[UUID, list[UUID]]:
    """Hands in the pain.001 file; returns its submission and instructions."""
    answer = stage.client.payments.submit_file(content("lantern-pain.001.xml"))
    if answer.submission_id is None:
        raise CommandFailed(f"the example file was refused:\n{answer.status_report.decode()}")
    return answer.submission_id, answer.instruction_ids


def submit_batch(stage: Stage) -> tuple[UUID, list[UUID]]:
    """Hands in the batch over gRPC; returns its submission and instructions."""
    submission_id = external_id("demo.submission", stage.book_id, "batch")
    states = stage.client.payments.submit(submission_id, batch(stage.book_id))
    return submission_id, [each.instruction_id for each in states]


def submit_of_listed(stage: Stage) -> tuple[UUID, list[UUID]]:
    """Hands in what the listed client pays; returns its submission and instructions."""
    submission_id = external_id("demo.submission", stage.book_id, "listed")
    states = stage.client.payments.submit(submission_id, orders(stage.book_id, listed().batch))
    return submission_id, [each.instruction_id for each in states]


def follow(
    stage: Stage, submission_id: UUID, ids: list[UUID], on_step: Callable[[InstructionState, list[str]], None]
) -> list[Followed]:
    """Follows a submission to its end on the status stream; the second person decides what is held.

    Raises CommandFailed when an instruction ends otherwise than the script says, or not in time.
    """
    expected = expectations()
    found = stage.client.payments.instructions(ids)
    followed = {each.state.instruction_id: Followed(each, expected[each.order.end_to_end_id]) for each in found}
    for changes in stage.client.payments.watch(0, submission_id, seconds=END_SECONDS):
        for state in changes.states:
            followed[state.instruction_id].path.append(state)
        for state, ids_reached in _grouped(changes.states):
            on_step(state, [followed[each].name for each in ids_reached])
        decide(stage, [each for each in followed.values() if each.last.status is HELD])
        if all(each.has_ended_as_expected for each in followed.values()):
            return list(followed.values())
        _refuse_wrong_ends(list(followed.values()))
    late = ", ".join(
        f"{each.name} is {_shown(each.last)}" for each in followed.values() if not each.has_ended_as_expected
    )
    raise CommandFailed(f"after {END_SECONDS:g} s {late}")


def decide(stage: Stage, held: list[Followed]) -> None:
    """The platform's second person decides, each time as the script says; a decision that was taken before stands."""
    for each in held:
        if not each.expected.decision:
            raise CommandFailed(f"{each.name} is held, which was not expected: {each.last.reason}")
        decision = Decision[each.expected.decision]
        stage.approver.payments.decide([each.id], decision, "decided by the second person of the platform")


def _grouped(states: list[InstructionState]) -> list[tuple[InstructionState, list[UUID]]]:
    """Which instructions reached the same state for the same reason together."""
    groups: dict[tuple[InstructionStatus, str], tuple[InstructionState, list[UUID]]] = {}
    for state in states:
        groups.setdefault((state.status, state.reason), (state, []))[1].append(state.instruction_id)
    return list(groups.values())


def _refuse_wrong_ends(followed: list[Followed]) -> None:
    for each in followed:
        is_wrong = each.last.status.is_end and not each.has_ended_as_expected
        if is_wrong and not _may_still_change(each):
            wanted = f"{each.expected.status.name} {each.expected.reason}".rstrip()
            raise CommandFailed(f"{each.name} ended as {_shown(each.last)}, expected was {wanted}")


def _may_still_change(each: Followed) -> bool:
    """Whether only the bank's statement is missing."""
    return each.last.status is InstructionStatus.SETTLED and each.expected.status is InstructionStatus.RECONCILED


def _shown(state: InstructionState) -> str:
    return f"{state.status.name} {state.reason}".rstrip()
