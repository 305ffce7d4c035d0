"""What siblings may ask about aliases: the one way into this module for them."""

from collections.abc import Iterator
from dataclasses import dataclass

from ringfence_identity.aliases.domain.state import State

__all__ = ["AliasQueries", "Holder"]


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has to do with an IBAN: `by` IBAN, CLAIM or BANK_MIRROR; `owner` is a subject, or the tenant."""

    tenant: bytes
    owner: bytes
    account: bytes
    by: str
    erased: bool = False


@dataclass(frozen=True, slots=True)
class AliasQueries:
    """Answers from the state as it is decided so far, so that pure decisions may ask."""

    state: State

    def speaks_for(self, bank_feed: bytes, tenant: bytes) -> bool:
        """Whether the tenant has a safeguarding account with the bank of this feed."""
        return self.state.mirrors.get(tenant + bank_feed, 0) > 0

    def holders(self, iban_index: bytes) -> Iterator[Holder]:
        """Yields whose an IBAN is, or was who is erased, and who claims it."""
        alias, kept = self.state.aliases.get(iban_index), self.state.retired.get(iban_index)
        if alias is not None:
            yield Holder(alias.tenant, alias.owner, alias.account, "BANK_MIRROR" if alias.bank_mirror else "IBAN")
        if kept is not None:
            yield Holder(kept.tenant, kept.owner, b"", "IBAN", erased=True)
        for claim in self.state.claims_on(iban_index):
            yield Holder(claim.tenant, claim.owner, claim.account, "CLAIM")
