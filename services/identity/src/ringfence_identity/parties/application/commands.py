"""Handlers of the methods about parties."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.proposals.application import Proposals
from ringfence_kernel.values.errors import DomainError
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.writing.deciding import InSteps, Steps
from ringfence_kernel.writing.departed import LookAgain
from ringfence_kernel.writing.looking_up import Knowing, while_current
from ringfence_kernel.writing.recent import LookedUp
from ringfence_kernel.writing.writer import GroupWriter, Unit

from ringfence_identity.batches import DONE, Answer, Item, answered, decide_each, deciding, prepare_each
from ringfence_identity.data_keys.commands import SubjectKey, SubjectKeys
from ringfence_identity.parties.application.owners import CompanyOwners
from ringfence_identity.parties.application.personal import PersonalData
from ringfence_identity.parties.application.recording import record_of_party
from ringfence_identity.parties.application.releases import propose_release, release_waits
from ringfence_identity.parties.domain import blocking, owners, parties
from ringfence_identity.parties.domain.blocking import PartyBlock
from ringfence_identity.parties.domain.errors import SubjectErased
from ringfence_identity.parties.domain.events import PartyErased
from ringfence_identity.parties.domain.kyc import PartyKind
from ringfence_identity.parties.domain.owners import NewOwners
from ringfence_identity.parties.domain.parties import KycDecision, NewParty
from ringfence_identity.parties.domain.state import Decided, State
from ringfence_identity.principals.queries import Actor, PrincipalQueries

FIRST_VERSION = 1


@dataclass(frozen=True, slots=True)
class Registration:
    """A party to register, in clear."""

    id: bytes
    kind: PartyKind
    personal: PersonalData


@dataclass(frozen=True, slots=True)
class PartyCommands:
    """Registers and decides on parties."""

    writer: GroupWriter
    state: State
    principals: PrincipalQueries
    keys: SubjectKeys
    decisions: Knowing[Decided]
    proposals: Proposals

    async def register(self, registrations: Sequence[Item[Registration]], actor: Actor) -> list[str]:
        """Returns one reason per party; new keys are made and wrapped together before anything is recorded.

        Raises TenantNotFound, VaultUnavailable, StoreUnavailable.
        """
        tenant = actor.tenant or b""
        self.principals.require_tenant(tenant)
        blind_key = await self.keys.blind_index_key()

        def register(unit: Unit, new: NewParty) -> str:
            record_of_party(unit, self.state, new.subject, parties.register(self.state, self.principals, new, actor))
            return DONE

        async def attempt() -> list[str]:
            subjects = {
                each.id: parties.subject_of(self.state, self.principals, tenant, each.id)
                for each in registrations
                if not isinstance(each, DomainError)
            }
            keys = await self.keys.fetch(list(subjects.values()), create=True)

            new = {subject for subject in subjects.values() if subject not in self.state.parties}

            def sealable(each: Registration) -> NewParty:
                subject = subjects[each.id]
                return _sealable(each, tenant, subject, keys[subject], blind_key, is_new=subject in new)

            def register_all(unit: Unit) -> Steps[list[str]]:
                # Another tenant may have taken an id meanwhile: what was sealed for it is sealed for another subject.
                if any(
                    parties.subject_of(self.state, self.principals, tenant, each) != subjects[each] for each in subjects
                ):
                    raise LookAgain
                return (yield from deciding(unit, items, register))

            items = await prepare_each(registrations, sealable)
            return await self.writer.commit(InSteps(register_all), weight=len(items))

        return await while_current(attempt)

    async def record_owners(self, companies: Sequence[Item[CompanyOwners]], actor: Actor) -> list[str]:
        """Returns one reason per company; raises TenantNotFound, VaultUnavailable, StoreUnavailable."""
        tenant = actor.tenant or b""
        self.principals.require_tenant(tenant)
        readable = [each for each in companies if not isinstance(each, DomainError)]
        subjects = {each.party: self.state.subject_of(tenant, each.party) for each in readable}
        known = [subject for subject in subjects.values() if subject in self.state.parties]
        keys = await self.keys.fetch(known, create=False)
        items = [
            each
            if isinstance(each, DomainError)
            else _sealable_owners(each, subjects[each.party], keys.get(subjects[each.party], SubjectKey()))
            for each in companies
        ]

        def record(unit: Unit, new: NewOwners) -> str:
            events = owners.record(self.state, self.principals, new, actor)
            record_of_party(unit, self.state, self.state.subject_of(tenant, new.party), events)
            return DONE

        return await decide_each(self.writer, items, record)

    async def block(self, blocks: Sequence[Item[PartyBlock]], by: bytes) -> list[str]:
        """Returns one reason per party that a list names; raises StoreUnavailable, Overloaded."""

        def block(unit: Unit, listed: PartyBlock) -> str:
            subject = self.state.subject_of(listed.tenant, listed.party)
            waits = release_waits(self.proposals, subject)
            record_of_party(unit, self.state, subject, blocking.block(self.state, listed, by, release_waits=waits))
            self.proposals.sweep(unit)
            return DONE

        return await decide_each(self.writer, blocks, block)

    async def decide_kyc(self, decisions: Sequence[Item[KycDecision]], caller: Caller) -> list[Answer]:
        """Returns an answer per decision; APPROVAL_PENDING where a second operator must confirm.

        Raises StoreUnavailable, Overloaded.
        """

        def decide(unit: Unit, decision: KycDecision, table: LookedUp[Decided]) -> Answer:
            events = parties.decide_kyc(self.state, self.principals, decision, caller.subject, table)
            subject = self.state.subject_of(decision.tenant, decision.party)
            if parties.needs_two_people(events):
                return propose_release(self.proposals, unit, subject, decision, caller)
            record_of_party(unit, self.state, subject, events)
            return Answer(DONE)

        def decide_all(unit: Unit, table: LookedUp[Decided]) -> list[Answer]:
            return answered(unit, decisions, lambda unit, each: decide(unit, each, table))

        keys = [each.key for each in decisions if not isinstance(each, DomainError) and each.key]
        return await self.decisions.commit(keys, decide_all, weight=len(decisions))


def key_forgetter(keys: SubjectKeys) -> Callable[[list[Recorded]], None]:
    """Returns a listener of the writer that drops the keys of parties whose erasure was committed."""

    def forget(recorded: list[Recorded]) -> None:
        if erased := [each.stream for each in recorded if isinstance(each.event, PartyErased)]:
            keys.forget(erased)

    return forget


def _sealable(
    registration: Registration, tenant: bytes, subject: bytes, key: SubjectKey, blind_key: bytes, *, is_new: bool
) -> NewParty:
    """Returns a party to decide on; what is new, as far as is known, is sealed already."""
    personal = registration.personal
    sealed = personal.sealed(key.key, subject, FIRST_VERSION) if is_new and key.key else None

    def seal(version: int) -> dict[str, bytes]:
        if sealed is not None and version == FIRST_VERSION:
            return sealed
        # The key is gone although no tombstone is known: the events are older than the key table (a restore).
        if not key.key:
            raise SubjectErased
        return personal.sealed(key.key, subject, version)

    digest = personal.digest(key.key) if key.key else b""
    index = personal.number_index(blind_key, tenant, registration.kind)
    return NewParty(registration.id, subject, registration.kind, index, digest, seal)


def _sealable_owners(company: CompanyOwners, subject: bytes, key: SubjectKey) -> NewOwners:
    def seal(version: int) -> dict[str, bytes]:
        if not key.key:
            raise SubjectErased
        return company.sealed(key.key, subject, version)

    digest = company.digest(key.key) if key.key else b""
    return NewOwners(company.party, len(company.owners), digest, seal)
