"""An instruction from its submission to its end, as the platform sees it."""

from dataclasses import dataclass
from uuid import UUID

from ringfence.client import Client
from ringfence.payments import Instruction, InstructionStatus

from ringfence_local_stack.scenario.waiting import StillWaiting, eventually

Status = InstructionStatus


@dataclass(frozen=True)
class Payment:
    """An instruction that was handed in."""

    client: Client
    id: UUID

    def look(self) -> Instruction:
        """The instruction as it stands now."""
        (found,) = self.client.payments.instructions([self.id])
        return found

    def wait_for(self, *statuses: InstructionStatus, seconds: float = 10.0) -> Instruction:
        """The instruction once it is in one of these states; raises StillWaiting."""
        wanted = " or ".join(each.name for each in statuses)
        eventually(lambda: self.look().state.status in statuses, seconds)
        found = self.look()
        if found.state.status not in statuses:
            told = f"{found.state.status.name} {found.state.reason}".rstrip()
            raise StillWaiting(f"the payment is {told} after {seconds:g} s, not {wanted}")
        return found

    def outcome(self, seconds: float = 5.0) -> tuple[str, str]:
        """Status and reason, by name, once nothing moves it but a person or the bank, or when the time is over."""
        eventually(self._rests, seconds)
        state = self.look().state
        return state.status.name, state.reason

    def _rests(self) -> bool:
        status = self.look().state.status
        return status.is_end or status in (Status.HELD, Status.SENT)
