"""What siblings may ask about aliases: the one way into this module for them."""

from dataclasses import dataclass

from ringfence_identity.aliases.domain.state import State

__all__ = ["AliasQueries"]


@dataclass(frozen=True, slots=True)
class AliasQueries:
    """Answers from the state as it is decided so far, so that pure decisions may ask."""

    state: State

    def speaks_for(self, bank_feed: bytes, tenant: bytes) -> bool:
        """Whether the tenant has a safeguarding account with the bank of this feed."""
        return self.state.mirrors.get(tenant + bank_feed, 0) > 0
