"""Erasure: by two operators, where nothing stands against it, and for good."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.access.hands import Hand
from ringfence_kernel.proposals.application import Decision, Effect, Proposals, Verdict
from ringfence_kernel.proposals.domain.state import Proposal
from ringfence_kernel.values.clock import Clock
from ringfence_kernel.values.errors import DomainError
from ringfence_kernel.values.ids import ZERO_ID, new_id, show
from ringfence_kernel.writing import plain
from ringfence_kernel.writing.writer import GroupWriter, Unit

from ringfence_identity.batches import DONE, Answer, answered, pending
from ringfence_identity.data_keys.commands import SubjectKeys
from ringfence_identity.parties.application.ports import (
    AuditLog,
    ErasureRegister,
    HeldAliases,
    Lifetimes,
    Neighbours,
    Registered,
    RegisterMark,
)
from ringfence_identity.parties.application.recording import record_of_party
from ringfence_identity.parties.domain import erasing, parties
from ringfence_identity.parties.domain.erasing import Looked, Retention
from ringfence_identity.parties.domain.errors import (
    ErasureNotLogged,
    ErasureRegisterUnavailable,
    ErasureRegisterWrong,
)
from ringfence_identity.parties.domain.events import PartyErased
from ringfence_identity.parties.domain.state import State
from ringfence_identity.principals.queries import PrincipalQueries

ERASE = "identity.EraseParties"
LOGGED_SECONDS, LOOK_SECONDS = 5.0, 0.1
"""How long an answer waits for the audit log, which signs every second, and between two looks at it."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """A party to erase, by its tenant's id for it."""

    tenant: bytes
    party: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasurePorts:
    """What an erasure asks of others, and the place that outlives every restore."""

    neighbours: Neighbours
    lifetimes: Lifetimes
    register: ErasureRegister
    log: AuditLog
    mark: RegisterMark
    retention: Retention
    clock: Clock


@dataclass(slots=True)
class Erasing:
    """Proposes, carries out and repeats erasures.

    Other services are looked at before a decision, since none may wait for them, and what was seen counts for a short
    while. Nobody is told of an erasure before it stands in the register and in the audit log.
    """

    writer: GroupWriter
    state: State
    principals: PrincipalQueries
    keys: SubjectKeys
    aliases: HeldAliases
    proposals: Proposals
    ports: ErasurePorts
    _looked: dict[bytes, Looked] = field(default_factory=dict)
    _registered: set[bytes] = field(default_factory=set)
    _logged: set[bytes] = field(default_factory=set)

    def effects(self) -> list[Effect]:
        """Returns what is registered with the proposals of the service."""
        return [Effect(name=ERASE, basis=self._basis, carry_out=self._carry_out, describe=_described)]

    async def propose(self, tenant: bytes, ids: Sequence[bytes], caller: Caller) -> list[Answer]:
        """Returns an answer per party; those that are erased already are done, as `not_told` has it.

        Raises OperatorRequired, PeerUnavailable, StoreUnavailable.
        """
        self.principals.require_operator(caller.subject)
        asked = [Erasure(tenant, party) for party in dict.fromkeys(ids)]
        await self._look(asked)

        def propose(unit: Unit) -> list[Answer]:
            waiting: list[Erasure] = []

            def decide(unit: Unit, erasure: Erasure) -> Answer:
                if not parties.erase(self.state, self.principals, tenant, erasure.party, caller.subject):
                    return Answer(DONE)
                self._require_erasable(erasure, unit.now_ns)
                waiting.append(erasure)
                return pending(b"")

            found = dict(zip(asked, answered(unit, asked, decide), strict=True))
            if waiting:
                payload = plain.encode(waiting)
                proposal = self.proposals.propose(
                    unit, ERASE, subject=tenant, tenant=tenant, payload=payload, caller=caller
                )
                found |= {each: pending(proposal) for each in waiting}
            return [found[Erasure(tenant, party)] for party in ids]

        answers = await self.writer.commit(propose, weight=len(asked))
        reason = await self.not_told(any(each.reason == DONE for each in answers))
        return [Answer(reason) if each.reason == DONE else each for each in answers]

    async def prepare(self, decisions: Sequence[Decision | DomainError]) -> set[bytes]:
        """Looks at other services for what is about to be confirmed; gives what of it is an erasure, or was before.

        Raises PeerUnavailable.
        """
        confirmed = {
            each.proposal for each in decisions if isinstance(each, Decision) and each.verdict is Verdict.CONFIRM
        }
        state = self.proposals.state
        waiting = [each for each in state.in_order() if each.id in confirmed and each.effect == ERASE]
        await self._look([erasure for each in waiting for erasure in _erasures_of(each)])
        return {each.id for each in waiting} | {each for each in confirmed if self._was_erasure(each)}

    def _was_erasure(self, proposal: bytes) -> bool:
        end = self.proposals.state.end_of(proposal)
        return end is not None and end.effect == ERASE

    async def not_told(self, any_done: bool) -> str:
        """Gives why an erasure that is done may not be told as done yet, DONE where it may.

        It stands all the same, and so does whatever else was decided with it; whoever asks again is told again.
        """
        try:
            await self.settle()
            if any_done:
                await self.await_log()
        except (ErasureRegisterUnavailable, ErasureNotLogged) as error:
            return error.reason
        return DONE

    async def settle(self) -> None:
        """Puts into the register whoever is erased and not there yet; raises ErasureRegisterUnavailable.

        What no commit has made durable never gets there: the register keeps for good what a group may take back.
        What it says comes from events alone, so that a process that ended in between leaves nothing out.
        """
        missing = await self.writer.commit(self._missing)
        named = await self.ports.lifetimes.erased_as([each.subject for each in missing])
        for each in missing:
            entry = replace(each, party=named.get(each.subject, each.party))
            await asyncio.to_thread(self.ports.register.add, entry)
            self._registered.add(each.subject)

    async def await_log(self) -> None:
        """Waits until everybody who is erased is so in the signed log as well; raises ErasureNotLogged after a while.

        The erasure stands all the same: without the log it is not told as done, and who asks again waits again.
        """
        missing = await self.writer.commit(lambda unit: self.state.erased.keys() - self._logged)
        if not missing:
            return
        try:
            await asyncio.wait_for(self._signed(self.writer.head.position), LOGGED_SECONDS)
        except TimeoutError:
            raise ErasureNotLogged from None
        self._logged |= missing

    async def _signed(self, position: int) -> None:
        warned = set[str]()
        while True:
            if await self.ports.log.has(position, warned):
                return
            await asyncio.sleep(LOOK_SECONDS)

    async def replay(self) -> None:
        """Erases again whom the register names and this database does not: it was restored from before.

        Raises ErasureRegisterUnavailable, ErasureRegisterWrong, StoreUnavailable.
        """
        await asyncio.to_thread(self._require_own_register)
        self._registered = await asyncio.to_thread(lambda: set(self.ports.register.subjects()))
        unknown = await self.writer.commit(lambda unit: sorted(self._registered - self.state.erased.keys()))
        found = await asyncio.to_thread(lambda: [self.ports.register.read(each) for each in unknown])

        def erase(unit: Unit) -> None:
            for each in found:
                self._erase(unit, each.subject, each.tenant, each.party, ZERO_ID)
                self.aliases.retire(unit, each.tenant, each.subject, each.iban_indexes, ZERO_ID)

        await self.writer.commit(erase)
        await self.settle()

    def _require_own_register(self) -> None:
        """Gives both their marker at first use; an empty register, or another's, would forget who is erased."""
        register, mark = self.ports.register, self.ports.mark
        known = mark.known()
        if not known:
            register.mark(new_id())
            mark.keep(register.marker())
            known = mark.known()
        if register.marker() != known:
            raise ErasureRegisterWrong

    def _missing(self, unit: Unit) -> list[Registered]:
        missing = [each for each in self.state.erased if each not in self._registered]
        return [
            Registered(each, self.state.parties[each].tenant, each, tuple(self.aliases.kept_of(each)))
            for each in missing
        ]

    def forget(self) -> None:
        """Drops what was looked at for decisions that were made, or never will be."""
        now_ns = self.ports.clock.now_ns()
        self._looked = {key: each for key, each in self._looked.items() if now_ns - each.at_ns <= erasing.LOOK_LASTS_NS}

    async def _look(self, asked: Sequence[Erasure]) -> None:
        self.forget()
        by_tenant: dict[bytes, dict[bytes, bytes]] = {}
        for each in asked:
            subject = self.state.subject_of(each.tenant, each.party)
            known = self.state.parties.get(subject)
            if known is not None and not known.erased:
                by_tenant.setdefault(each.tenant, {})[subject] = each.party
        for tenant, found in by_tenant.items():
            now_ns = self.ports.clock.now_ns()
            looked = await self.ports.neighbours.look(tenant, found, now_ns)
            last = await self.ports.lifetimes.last_events(list(found))
            for subject, has in looked.items():
                self._looked[subject] = replace(has, last_event_ns=last.get(subject, now_ns))

    def _require_erasable(self, erasure: Erasure, now_ns: int) -> None:
        subject = self.state.subject_of(erasure.tenant, erasure.party)
        held = subject in self.state.legal_holds
        erasing.require_erasable(self._looked.get(subject), self.ports.retention, held, now_ns)

    def _carry_out(self, unit: Unit, proposal: Proposal, hand: Hand) -> None:
        erasures = _erasures_of(proposal)
        for each in erasures:
            self._require_erasable(each, unit.now_ns)
        for each in erasures:
            self._erase(unit, self.state.subject_of(each.tenant, each.party), each.tenant, each.party, hand.principal)

    def _erase(self, unit: Unit, subject: bytes, tenant: bytes, party: bytes, by: bytes) -> None:
        """Lays the tombstone and destroys the key in one commit, aliases first; of a stranger the key alone."""
        if subject in self.state.parties:
            self.aliases.remove_all(unit, tenant, subject, by)
            record_of_party(unit, self.state, subject, [PartyErased(tenant, party, by)])
        unit.commit_also(self.keys.destruction(subject))

    def _basis(self, proposal: Proposal) -> bytes:
        found = sha256()
        for each in _erasures_of(proposal):
            party = self.state.parties.get(self.state.subject_of(each.tenant, each.party))
            found.update(repr(party and (party.id, party.version)).encode())
        return found.digest()


@dataclass(slots=True)
class ErasingProposals(Proposals):
    """The proposals of identity: an erasure is looked at before, and is in register and log before the answer."""

    erasing: Erasing | None = None

    async def decide(self, decisions: Sequence[Decision | DomainError], caller: Caller) -> list[str]:
        """Decides in order within one commit; raises PeerUnavailable beside.

        Of what was done, erasures alone are answered by ERASURE_REGISTER_UNAVAILABLE or ERASURE_NOT_LOGGED.
        """
        if self.erasing is None:
            return await Proposals.decide(self, decisions, caller)
        erasures = await self.erasing.prepare(decisions)
        reasons = await Proposals.decide(self, decisions, caller)
        erased = [
            reason == DONE and isinstance(each, Decision) and each.proposal in erasures
            for each, reason in zip(decisions, reasons, strict=True)
        ]
        not_told = await self.erasing.not_told(any(erased))
        return [not_told if is_erased else reason for is_erased, reason in zip(erased, reasons, strict=True)]


def _erasures_of(proposal: Proposal) -> list[Erasure]:
    return plain.decode(memoryview(proposal.payload), list[Erasure])


def _described(proposal: Proposal) -> str:
    erasures = _erasures_of(proposal)
    named = ", ".join(show(each.party) for each in erasures)
    return f"erase for good {len(erasures)} client(s) of platform {show(proposal.tenant)}: {named}"
