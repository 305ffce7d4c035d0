"""Legal holds: by order of a court or an authority a party is kept, whoever asks for its erasure."""

from ringfence_identity.parties.domain.events import LegalHoldLifted, LegalHoldPlaced
from ringfence_identity.parties.domain.parties import find
from ringfence_identity.parties.domain.state import State


def hold(state: State, tenant: bytes, party: bytes, order_reference: str, by: bytes) -> list[LegalHoldPlaced]:
    """Holds a party; the same order again changes nothing. Raises PartyNotFound, SubjectErased."""
    held = state.legal_holds.get(find(state, tenant, party).id, ())
    return [] if order_reference in held else [LegalHoldPlaced(tenant, party, order_reference, by)]


def lift(state: State, tenant: bytes, party: bytes, order_reference: str, by: bytes) -> list[LegalHoldLifted]:
    """Lets go of a party; other orders go on to hold it, and one that does not hold it lets nothing go.

    Raises PartyNotFound, SubjectErased.
    """
    held = state.legal_holds.get(find(state, tenant, party).id, ())
    return [LegalHoldLifted(tenant, party, order_reference, by)] if order_reference in held else []
