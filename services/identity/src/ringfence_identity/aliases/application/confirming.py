"""Claims confirmed by a bank's own message, which names the IBAN and its holder on the tenant's account."""

from collections.abc import Sequence
from dataclasses import dataclass

from ringfence_kernel.values.errors import DomainError
from ringfence_kernel.writing.writer import GroupWriter, Unit

from ringfence_identity.aliases.application.ibans import iban_index
from ringfence_identity.aliases.application.names import is_same_name
from ringfence_identity.aliases.application.ports import OwnerNames
from ringfence_identity.aliases.application.two_people import AliasActs
from ringfence_identity.aliases.domain import aliases
from ringfence_identity.aliases.domain.errors import AliasNotConfirmed
from ringfence_identity.aliases.domain.state import Alias, Claim, State
from ringfence_identity.aliases.queries import AliasQueries
from ringfence_identity.batches import DONE, Item
from ringfence_identity.data_keys.commands import SubjectKeys

MAX_CLAIMANTS = 100
"""Claims of one tenant on one IBAN that are looked at; beyond that two people decide."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a bank's message says of an IBAN, compact and in clear."""

    tenant: bytes
    bank_feed: bytes
    iban: str
    holder_name: str
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Confirmed:
    """How a piece of evidence ended, and what its IBAN stands for in the tenant's book."""

    reason: str
    alias: Alias | None = None


@dataclass(frozen=True, slots=True)
class AliasConfirming:
    """Confirms claims."""

    writer: GroupWriter
    state: State
    keys: SubjectKeys
    names: OwnerNames
    acts: AliasActs

    async def confirm(self, evidence: Sequence[Item[Evidence]]) -> list[Confirmed]:
        """Returns how each piece ended; raises VaultUnavailable, StoreUnavailable.

        A claim of the tenant is confirmed where its owner's registered name is the holder's, and it is the only one.
        """
        blind_key = await self.keys.blind_index_key()
        indexes = [b"" if isinstance(each, DomainError) else iban_index(blind_key, each.iban) for each in evidence]
        pairs = list(zip(evidence, indexes, strict=True))
        claims = await self.writer.commit(lambda unit: [self._claims(*pair) for pair in pairs])
        asked = [claim for found in claims for claim in found]
        names = await self.names.names([(claim.tenant, claim.owner) for claim in asked])
        called = dict(zip(asked, names, strict=True))

        def confirm_all(unit: Unit) -> list[Confirmed]:
            return [
                self._confirmed(unit, each, index, found, called)
                for (each, index), found in zip(pairs, claims, strict=True)
            ]

        return await self.writer.commit(confirm_all, weight=len(evidence))

    def _claims(self, evidence: Item[Evidence], index: bytes) -> list[Claim]:
        if isinstance(evidence, DomainError):
            return []
        found = [claim for claim in self.state.claims_on(index) if claim.tenant == evidence.tenant]
        return found if len(found) <= MAX_CLAIMANTS else []

    def _confirmed(
        self, unit: Unit, evidence: Item[Evidence], index: bytes, claims: Sequence[Claim], called: dict[Claim, str]
    ) -> Confirmed:
        if isinstance(evidence, DomainError):
            return Confirmed(evidence.reason)
        alias = self.state.aliases.get(index)
        if alias is not None and alias.tenant == evidence.tenant:
            return Confirmed(DONE, alias)
        fitting = [each for each in claims if is_same_name(called[each], evidence.holder_name)]
        speaks = AliasQueries(self.state).speaks_for(evidence.bank_feed, evidence.tenant)
        try:
            if len(fitting) != 1 or not speaks:
                raise AliasNotConfirmed
            self.acts.record(unit, aliases.confirm(self.state, fitting[0], evidence.sha256, evidence.bank_feed))
        except DomainError:
            return Confirmed(AliasNotConfirmed.reason)
        return Confirmed(DONE, self.state.aliases[index])
