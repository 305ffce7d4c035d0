"""What the modules keep, put together, and what they answer to each other."""

from dataclasses import dataclass, field

from ringfence_kernel.proposals.domain import events as proposal_events
from ringfence_kernel.proposals.domain.state import State as ProposalState
from ringfence_kernel.store.codec import EventCodec
from ringfence_kernel.writing.states import SavedModuleState, SavedStates

from ringfence_identity.aliases.domain import events as alias_events
from ringfence_identity.aliases.domain.state import State as AliasState
from ringfence_identity.aliases.queries import AliasQueries
from ringfence_identity.parties.domain import events as party_events
from ringfence_identity.parties.domain.state import State as PartyState
from ringfence_identity.parties.queries import PartyQueries
from ringfence_identity.principals.domain import events as principal_events
from ringfence_identity.principals.domain.state import State as PrincipalState
from ringfence_identity.principals.queries import PrincipalQueries
from ringfence_identity.tokens.domain import events as token_events
from ringfence_identity.tokens.domain.state import State as TokenState

DIGEST_FORMAT = 7


def event_codec() -> EventCodec:
    """Returns the codec of this service's events."""
    return EventCodec(
        [
            *principal_events.EVENTS,
            *token_events.EVENTS,
            *party_events.EVENTS,
            *alias_events.EVENTS,
            *proposal_events.EVENTS,
        ]
    )


@dataclass(frozen=True, slots=True)
class Modules:
    """What each module keeps, and what it answers to its siblings."""

    principals: PrincipalState = field(default_factory=PrincipalState)
    tokens: TokenState = field(default_factory=TokenState)
    parties: PartyState = field(default_factory=PartyState)
    aliases: AliasState = field(default_factory=AliasState)
    proposals: ProposalState = field(default_factory=ProposalState)

    def states(self) -> SavedStates:
        """Returns all of it as the writer's one state."""
        each: dict[str, SavedModuleState] = {
            "principals": self.principals,
            "tokens": self.tokens,
            "parties": self.parties,
            "aliases": self.aliases,
            "proposals": self.proposals,
        }
        return SavedStates(each, DIGEST_FORMAT)

    @property
    def principal_queries(self) -> PrincipalQueries:
        """Answers about principals."""
        return PrincipalQueries(self.principals)

    @property
    def party_queries(self) -> PartyQueries:
        """Answers about parties."""
        return PartyQueries(self.parties)

    @property
    def alias_queries(self) -> AliasQueries:
        """Answers about aliases."""
        return AliasQueries(self.aliases)
