"""Handler of the method by which two people change IBANs on a document."""

from collections.abc import Sequence
from dataclasses import dataclass

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.values.errors import DomainError, InvalidArgument
from ringfence_kernel.writing.writer import GroupWriter, Unit

from ringfence_identity.aliases.application.ibans import iban_index
from ringfence_identity.aliases.application.two_people import AliasActs
from ringfence_identity.aliases.domain.aliases import Action, Change
from ringfence_identity.batches import Item
from ringfence_identity.data_keys.commands import SubjectKeys
from ringfence_identity.parties.queries import PartyQueries
from ringfence_identity.principals.queries import PrincipalQueries


@dataclass(frozen=True, slots=True)
class ChangeRequest:
    """An IBAN, compact and in clear, and its owner: a party's id, or the tenant."""

    iban: str
    owner: bytes


@dataclass(frozen=True, slots=True)
class AliasChanging:
    """Proposes changes."""

    writer: GroupWriter
    principals: PrincipalQueries
    parties: PartyQueries
    keys: SubjectKeys
    acts: AliasActs

    async def propose(
        self,
        tenant: bytes,
        action: Action,
        requests: Sequence[Item[ChangeRequest]],
        document_sha256: bytes,
        caller: Caller,
    ) -> tuple[list[str], bytes]:
        """Returns a reason per change, and the proposal of those that wait for a second person, empty where none does.

        Raises OperatorRequired, InvalidArgument where an IBAN is named twice, and what proposing raises.
        """
        self.principals.require_operator(caller.subject)
        blind_key = await self.keys.blind_index_key()
        readable = [each.iban for each in requests if not isinstance(each, DomainError)]
        if len(set(readable)) != len(readable):
            raise InvalidArgument("each IBAN is named once", field="changes")

        def read(request: Item[ChangeRequest]) -> Item[Change]:
            if isinstance(request, DomainError):
                return request
            owner = tenant if request.owner == tenant else self.parties.subject_of(tenant, request.owner)
            return Change(action, tenant, owner, iban_index(blind_key, request.iban), document_sha256)

        def propose(unit: Unit) -> tuple[list[str], bytes]:
            return self.acts.propose_changes(unit, tenant, [read(each) for each in requests], caller)

        return await self.writer.commit(propose, weight=len(requests))
