"""Parties that a list names are blocked at once, on the word of the service that screens."""

from dataclasses import dataclass

from ringfence_kernel.values.errors import InvalidArgument

from ringfence_identity.parties.domain.events import KycChanged, PartyBlocked
from ringfence_identity.parties.domain.kyc import KycState
from ringfence_identity.parties.domain.parties import find
from ringfence_identity.parties.domain.state import State

DIGEST_BYTES = 32
MAX_REFERENCE_CHARACTERS = 140


@dataclass(frozen=True, slots=True)
class PartyBlock:
    """Which party which entry of which list names, and the evidence of it."""

    tenant: bytes
    party: bytes
    list_reference: str
    entry_sha256: bytes
    evidence_sha256: bytes

    def __post_init__(self) -> None:
        """Raises InvalidArgument naming the field that is malformed."""
        if not 1 <= len(self.list_reference.strip()) <= len(self.list_reference) <= MAX_REFERENCE_CHARACTERS:
            raise InvalidArgument("list_reference must have 1 to 140 characters", field="list_reference")
        for name in ("entry_sha256", "evidence_sha256"):
            if len(getattr(self, name)) != DIGEST_BYTES:
                raise InvalidArgument(f"{name} must be 32 bytes", field=name)


def block(
    state: State, listed: PartyBlock, by: bytes, *, release_waits: bool = False
) -> list[PartyBlocked | KycChanged]:
    """Blocks a party, from any state; one that is blocked stays so, and the entry is recorded if it is another one.

    Where its release waits for a second person, every hit is recorded: it makes the party another, and so voids what
    was proposed before it was known.

    Raises PartyNotFound, SubjectErased.
    """
    party = find(state, listed.tenant, listed.party)
    blocked = PartyBlocked(
        listed.tenant, listed.party, listed.list_reference, listed.entry_sha256, listed.evidence_sha256, by
    )
    if party.kyc is KycState.BLOCKED:
        is_new = blocked.finding not in state.findings.get(party.id, ())
        return [blocked] if is_new or release_waits else []
    note = f"named by a list: {listed.list_reference}"
    return [blocked, KycChanged(listed.tenant, listed.party, party.kyc, KycState.BLOCKED, note, b"", by)]
