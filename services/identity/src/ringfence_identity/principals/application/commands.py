"""Handlers of the methods about principals."""

from collections.abc import Sequence
from dataclasses import dataclass

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.proposals.application import Proposals
from ringfence_kernel.proposals.domain.state import Proposal
from ringfence_kernel.telemetry.logs import get
from ringfence_kernel.values.ids import show
from ringfence_kernel.writing import plain
from ringfence_kernel.writing.writer import GroupWriter, Unit

from ringfence_identity.batches import DONE, Answer, Item, answer_each, decide_each, pending, record_all
from ringfence_identity.principals.application.acts import ACTIVATE, PIN, REGISTER, RENEW
from ringfence_identity.principals.domain import principals
from ringfence_identity.principals.domain.errors import ExistsWithDifferentData, PrincipalNotFound
from ringfence_identity.principals.domain.principals import FirstPrincipal, NewPin, NewPrincipal, OtherIds
from ringfence_identity.principals.domain.state import Principal, State, Status

_LOG = get(__name__)


@dataclass(frozen=True, slots=True)
class PrincipalCommands:
    """Proposes and suspends principals, and rotates their keys."""

    writer: GroupWriter
    state: State
    others: OtherIds
    proposals: Proposals

    async def bootstrap(self, first: Sequence[FirstPrincipal]) -> int:
        """Registers the first principals in one commit where there are none yet; returns how many were registered."""

        def register(unit: Unit) -> int:
            if self.state.principals:
                return 0
            for each in first:
                record_all(unit, principals.bootstrap(self.state, each, unit.now_ns))
            return len(first)

        return await self.writer.commit(register, weight=len(first) or 1)

    async def register(self, new: Sequence[Item[NewPrincipal]], caller: Caller) -> list[Answer]:
        """Proposes principals; returns an answer for each, APPROVAL_PENDING with the proposal's id where it waits."""

        def register(unit: Unit, each: NewPrincipal) -> Answer:
            principals.require_operator(self.state, caller.subject)
            if not principals.register(self.state, self.others, each, caller.subject, unit.now_ns):
                return Answer(DONE)
            self.proposals.sweep(unit)
            payload = plain.encode(each)
            for waiting in self.proposals.about(REGISTER, each.id):
                if waiting.payload != payload:
                    raise ExistsWithDifferentData
                return pending(waiting.id)
            return self._propose(unit, REGISTER, each.id, payload, caller, each.tenant)

        return await answer_each(self.writer, new, register, self.proposals.sweeping)

    async def confirm(self, ids: Sequence[bytes], caller: Caller) -> list[Answer]:
        """Proposes that suspensions end, or names what waits about principals; returns an answer for each.

        An id says nothing of what was read about it: what waits is confirmed by the id of its proposal alone.
        """

        def confirm(unit: Unit, principal_id: bytes) -> Answer:
            principals.require_operator(self.state, caller.subject)
            self.proposals.sweep(unit)
            for waiting in self._registering_or_activating(principal_id):
                return pending(waiting.id)
            principal = principals.find(self.state, principal_id)
            if principal.status is Status.ACTIVE:
                return Answer(DONE)
            return self._propose(unit, ACTIVATE, principal_id, b"", caller, _platform(principal))

        return await answer_each(self.writer, ids, confirm, self.proposals.sweeping)

    async def renew(self, ids: Sequence[bytes], until_ns: int, caller: Caller) -> list[Answer]:
        """Proposes that roles end at another time; returns an answer for each."""

        def renew(unit: Unit, principal_id: bytes) -> Answer:
            principals.require_operator(self.state, caller.subject)
            if not principals.renew(self.state, principal_id, until_ns, caller.subject, unit.now_ns):
                return Answer(DONE)
            tenant = _platform(self.state.principals[principal_id])
            return self._propose(unit, RENEW, principal_id, until_ns.to_bytes(8, "big"), caller, tenant)

        return await answer_each(self.writer, ids, renew, self.proposals.sweeping)

    async def pin(self, new: Sequence[Item[NewPin]], caller: Caller) -> list[Answer]:
        """Proposes certificates that alone may be presented; returns an answer for each."""

        def pin(unit: Unit, each: NewPin) -> Answer:
            principals.require_operator(self.state, caller.subject)
            tenant = _platform(principals.find(self.state, each.principal))
            return self._propose(unit, PIN, each.principal, plain.encode(each), caller, tenant)

        return await answer_each(self.writer, new, pin, self.proposals.sweeping)

    async def suspend(self, ids: Sequence[bytes], note: str, by: bytes) -> list[str]:
        """Stops principals, and voids what waits about them and from them; returns one reason per principal."""

        def suspend(unit: Unit, principal_id: bytes) -> str:
            principals.require_operator(self.state, by)
            principals.check_note(note)
            known = principal_id in self.state.principals
            refused = self.proposals.refuse_about(unit, principal_id, note, by)
            if known:
                record_all(unit, principals.suspend(self.state, principal_id, note, by))
                self.proposals.sweep(unit)
            elif not refused:
                raise PrincipalNotFound
            return DONE

        return await decide_each(self.writer, ids, suspend)

    async def rotate_key(self, caller: Caller, public_key: bytes, overlap_seconds: int) -> int:
        """Replaces the principal's own key; returns when the last older key ends, UTC nanoseconds.

        What waits about the principal and rests on its keys is void by that at once, and the log names each such pin.
        Raises InvalidArgument, PrincipalNotActive, TokenEnded.
        """
        principal = caller.subject

        def rotate(unit: Unit) -> tuple[int, list[bytes]]:
            self.proposals.require_token(caller)
            waiting = {each.id for each in self.proposals.about(PIN, principal) if unit.now_ns < each.expires_ns}
            events = principals.rotate_key(self.state, principal, public_key, overlap_seconds, unit.now_ns)
            record_all(unit, events)
            self.proposals.sweep(unit)
            left = {each.id for each in self.proposals.about(PIN, principal)}
            ends_ns = principals.older_keys_end_ns(self.state.principals[principal]) or unit.now_ns
            return ends_ns, sorted(waiting - left)

        ends_ns, voided = await self.writer.commit(rotate)
        for proposal in voided:
            _LOG.warning("pin_voided_by_rotation", principal=show(principal), proposal=show(proposal))
        return ends_ns

    def _registering_or_activating(self, principal_id: bytes) -> list[Proposal]:
        return [*self.proposals.about(REGISTER, principal_id), *self.proposals.about(ACTIVATE, principal_id)]

    def _propose(
        self, unit: Unit, effect: str, subject: bytes, payload: bytes, caller: Caller, tenant: bytes
    ) -> Answer:
        made = self.proposals.propose(unit, effect, subject=subject, payload=payload, caller=caller, tenant=tenant)
        return pending(made)


def _platform(principal: Principal) -> bytes:
    """Returns the platform that a principal belongs to, empty for a platform itself and those above all."""
    return principal.tenant if principal.tenant not in (None, principal.id) else b""
