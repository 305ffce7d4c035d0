"""Handlers of the methods about principals."""

from collections.abc import Sequence
from dataclasses import dataclass

from ringfence_kernel.writing.writer import GroupWriter, Unit

from ringfence_identity.batches import APPROVAL_PENDING, DONE, Item, decide_each, record_all
from ringfence_identity.principals.domain import principals
from ringfence_identity.principals.domain.principals import FirstPrincipal, NewPrincipal, OtherIds
from ringfence_identity.principals.domain.state import State, Status


@dataclass(frozen=True, slots=True)
class PrincipalCommands:
    """Registers, confirms and suspends principals, and rotates their keys. `by` is the acting principal."""

    writer: GroupWriter
    state: State
    others: OtherIds

    async def bootstrap(self, first: Sequence[FirstPrincipal]) -> int:
        """Registers the first principals in one commit where there are none yet; returns how many were registered."""

        def register(unit: Unit) -> int:
            if self.state.principals:
                return 0
            for each in first:
                record_all(unit, principals.bootstrap(self.state, each))
            return len(first)

        return await self.writer.commit(register, weight=len(first) or 1)

    async def register(self, new: Sequence[Item[NewPrincipal]], by: bytes) -> list[str]:
        """Returns one reason per principal; APPROVAL_PENDING where a second operator must confirm."""

        def register(unit: Unit, each: NewPrincipal) -> str:
            record_all(unit, principals.register(self.state, self.others, each, by))
            return APPROVAL_PENDING if self.state.principals[each.id].status is Status.PENDING else DONE

        return await decide_each(self.writer, new, register)

    async def confirm(self, ids: Sequence[bytes], by: bytes) -> list[str]:
        """Returns one reason per principal."""

        def confirm(unit: Unit, principal: bytes) -> str:
            record_all(unit, principals.confirm(self.state, principal, by))
            return DONE

        return await decide_each(self.writer, ids, confirm)

    async def suspend(self, ids: Sequence[bytes], note: str, by: bytes) -> list[str]:
        """Returns one reason per principal."""

        def suspend(unit: Unit, principal: bytes) -> str:
            record_all(unit, principals.suspend(self.state, principal, note, by))
            return DONE

        return await decide_each(self.writer, ids, suspend)

    async def rotate_key(self, principal: bytes, public_key: bytes, overlap_seconds: int) -> int:
        """Replaces the principal's own key; returns when the last older key ends, UTC nanoseconds.

        Raises InvalidArgument, PrincipalNotActive.
        """

        def rotate(unit: Unit) -> int:
            events = principals.rotate_key(self.state, principal, public_key, overlap_seconds, unit.now_ns)
            record_all(unit, events)
            return principals.older_keys_end_ns(self.state.principals[principal]) or unit.now_ns

        return await self.writer.commit(rotate)
