"""Handlers of the methods about parties."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.proposals.application import Proposals
from ringfence_kernel.values.errors import DomainError
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.writing.looking_up import Knowing
from ringfence_kernel.writing.recent import LookedUp
from ringfence_kernel.writing.writer import GroupWriter, Unit

from ringfence_identity.batches import DONE, Answer, Item, answered, decide_each
from ringfence_identity.data_keys.commands import SubjectKey, SubjectKeys
from ringfence_identity.parties.application.personal import PersonalData
from ringfence_identity.parties.application.ports import HeldAliases, SealedPersonal
from ringfence_identity.parties.application.releases import propose_or_confirm, record_of
from ringfence_identity.parties.domain import parties
from ringfence_identity.parties.domain.errors import SubjectErased
from ringfence_identity.parties.domain.events import PartyErased
from ringfence_identity.parties.domain.kyc import PartyKind
from ringfence_identity.parties.domain.parties import KycDecision, NewParty
from ringfence_identity.parties.domain.state import Decided, Party, State
from ringfence_identity.principals.queries import Actor, PrincipalQueries


@dataclass(frozen=True, slots=True)
class Registration:
    """A party to register, in clear."""

    id: bytes
    kind: PartyKind
    personal: PersonalData


@dataclass(frozen=True, slots=True)
class ReadParty:
    """A party as read; `personal` is None once it is erased."""

    party: Party
    personal: PersonalData | None


@dataclass(frozen=True, slots=True)
class PartyCommands:
    """Registers, decides on, erases and reads parties."""

    writer: GroupWriter
    state: State
    principals: PrincipalQueries
    keys: SubjectKeys
    personal: SealedPersonal
    aliases: HeldAliases
    decisions: Knowing[Decided]
    proposals: Proposals

    async def register(self, registrations: Sequence[Item[Registration]], actor: Actor) -> list[str]:
        """Returns one reason per party; new keys are made and wrapped together before anything is recorded.

        Raises TenantNotFound, VaultUnavailable, StoreUnavailable.
        """
        self.principals.require_tenant(actor.tenant or b"")
        readable = [each for each in registrations if not isinstance(each, DomainError)]
        keys = await self.keys.fetch([each.id for each in readable], create=True)
        blind_key = await self.keys.blind_index_key()
        items = [
            each if isinstance(each, DomainError) else _sealable(each, actor, keys[each.id], blind_key)
            for each in registrations
        ]

        def register(unit: Unit, new: NewParty) -> str:
            record_of(unit, self.state, new.id, parties.register(self.state, self.principals, new, actor))
            return DONE

        return await decide_each(self.writer, items, register)

    async def decide_kyc(self, decisions: Sequence[Item[KycDecision]], caller: Caller) -> list[Answer]:
        """Returns an answer per decision; APPROVAL_PENDING where a second operator must confirm.

        Raises StoreUnavailable, Overloaded.
        """

        def decide(unit: Unit, decision: KycDecision, table: LookedUp[Decided]) -> Answer:
            events = parties.decide_kyc(self.state, self.principals, decision, caller.subject, table)
            if parties.needs_two_people(events):
                return propose_or_confirm(self.proposals, unit, decision, caller)
            record_of(unit, self.state, decision.party, events)
            return Answer(DONE)

        def decide_all(unit: Unit, table: LookedUp[Decided]) -> list[Answer]:
            return answered(unit, decisions, lambda unit, each: decide(unit, each, table))

        keys = [each.key for each in decisions if not isinstance(each, DomainError) and each.key]
        return await self.decisions.commit(keys, decide_all, weight=len(decisions))

    async def erase(self, tenant: bytes, ids: Sequence[bytes], by: bytes) -> list[str]:
        """Returns one reason per party; tombstone and destruction of the key are one commit, also when repeated.

        Its aliases go first. Memory drops the keys by `key_forgetter`, whether or not the caller is still there when
        the commit is done.
        """

        def erase(unit: Unit, party: bytes) -> str:
            events = parties.erase(self.state, self.principals, tenant, party, by)
            if events:
                self.aliases.remove_all(unit, tenant, party, by)
            record_of(unit, self.state, party, events)
            unit.commit_also(self.keys.destruction(party))
            return DONE

        return await decide_each(self.writer, ids, erase)

    async def get(self, tenant: bytes, ids: Sequence[bytes]) -> list[ReadParty]:
        """Returns the tenant's parties among these ids, in the order asked; raises VaultUnavailable."""

        def find(unit: Unit) -> list[Party]:
            found = (self.state.parties.get(party) for party in ids)
            return [party for party in found if party is not None and party.tenant == tenant]

        found = await self.writer.commit(find)
        living = [party for party in found if not party.erased]
        keys = await self.keys.fetch([party.id for party in living], create=False)
        sealed = await self.personal.read(living)
        return [
            ReadParty(party, _opened(party, keys.get(party.id, SubjectKey()), sealed.get(party.id, {})))
            for party in found
        ]


def key_forgetter(keys: SubjectKeys) -> Callable[[list[Recorded]], None]:
    """Returns a listener of the writer that drops the keys of parties whose erasure was committed."""

    def forget(recorded: list[Recorded]) -> None:
        if erased := [each.event.party for each in recorded if isinstance(each.event, PartyErased)]:
            keys.forget(erased)

    return forget


def _sealable(registration: Registration, actor: Actor, key: SubjectKey, blind_key: bytes) -> NewParty:
    personal, party = registration.personal, registration.id

    def seal(version: int) -> dict[str, bytes]:
        # The key is gone although no tombstone is known: the events are older than the key table (a restore).
        if not key.key:
            raise SubjectErased
        return personal.sealed(key.key, party, version)

    digest = personal.digest(key.key) if key.key else b""
    index = personal.number_index(blind_key, actor.tenant or b"", registration.kind)
    return NewParty(party, registration.kind, index, digest, seal)


def _opened(party: Party, key: SubjectKey, sealed: dict[str, bytes]) -> PersonalData | None:
    if party.erased or not key.key:
        return None
    return PersonalData.opened(key.key, party.id, party.personal_version, sealed)
