"""Handlers of the methods about principals."""

from collections.abc import Sequence
from dataclasses import dataclass

from ringfence_kernel.writing.writer import GroupWriter, Unit

from ringfence_identity.application.batches import APPROVAL_PENDING, DONE, Item, commit, commit_each, record_all
from ringfence_identity.domain import principals
from ringfence_identity.domain.principals import FirstPrincipal, NewPrincipal
from ringfence_identity.domain.state import State, Status


@dataclass(frozen=True, slots=True)
class PrincipalCommands:
    """Registers, confirms and suspends principals, and rotates their keys. `by` is the acting principal."""

    writer: GroupWriter
    state: State

    async def bootstrap(self, first: Sequence[FirstPrincipal]) -> int:
        """Registers the first principals in one commit where there are none yet; returns how many were registered."""

        def register(unit: Unit) -> int:
            if self.state.principals:
                return 0
            for each in first:
                record_all(unit, principals.bootstrap(self.state, each))
            return len(first)

        count: int = await commit(self.writer, register, len(first) or 1)
        return count

    async def register(self, new: Sequence[Item[NewPrincipal]], by: bytes) -> list[str]:
        """Returns one reason per principal; APPROVAL_PENDING where a second operator must confirm."""

        def outcome(each: NewPrincipal) -> str:
            return APPROVAL_PENDING if self.state.principals[each.id].status is Status.PENDING else DONE

        return await commit_each(self.writer, new, lambda each: principals.register(self.state, each, by), outcome)

    async def confirm(self, ids: Sequence[bytes], by: bytes) -> list[str]:
        """Returns one reason per principal."""
        return await commit_each(self.writer, ids, lambda each: principals.confirm(self.state, each, by))

    async def suspend(self, ids: Sequence[bytes], note: str, by: bytes) -> list[str]:
        """Returns one reason per principal."""
        return await commit_each(self.writer, ids, lambda each: principals.suspend(self.state, each, note, by))

    async def rotate_key(self, principal: bytes, public_key: bytes, overlap_seconds: int) -> int:
        """Replaces the principal's own key; returns when the last older key ends, UTC nanoseconds.

        Raises InvalidArgument, PrincipalNotActive.
        """

        def rotate(unit: Unit) -> int:
            events = principals.rotate_key(self.state, principal, public_key, overlap_seconds, unit.now_ns)
            record_all(unit, events)
            return principals.older_keys_end_ns(self.state.principals[principal]) or unit.now_ns

        ends_ns: int = await commit(self.writer, rotate)
        return ends_ns
