"""Opens sealed fields for audit, which has recorded before that it asks."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ringfence_kernel.sealing.envelopes import AssociatedData, EnvelopeBroken, unseal
from ringfence_kernel.service.threads import computed

from ringfence_identity.data_keys.commands import SubjectKey, SubjectKeys
from ringfence_identity.parties.queries import PartyQueries, SubjectErased

SUBJECT_UNKNOWN, ENVELOPE_BROKEN = "SUBJECT_UNKNOWN", "ENVELOPE_BROKEN"
"""Reasons of fields, not refusals of the call: no data key is known by this id; the field is not what was sealed."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed field: whose key seals it, where it belongs, and its ciphertext."""

    subject: bytes
    belongs: AssociatedData
    envelope: bytes


@dataclass(frozen=True, slots=True)
class Opened:
    """What was sealed, or the reason why it stays so."""

    content: bytes = field(default=b"", repr=False)
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Opening:
    """Opens what keys are there for; a key never leaves this service for it."""

    parties: PartyQueries
    keys: SubjectKeys

    async def open(self, fields: Sequence[Sealed]) -> list[Opened]:
        """Returns each field in clear, or why not; raises VaultUnavailable, StoreUnavailable."""
        subjects = sorted({each.subject for each in fields})
        living = [subject for subject in subjects if not self.parties.is_erased(subject)]
        keys = await self.keys.fetch(living, create=False)
        # Who was erased while the keys were fetched stays closed as well.
        found = {each: keys.get(each, SubjectKey()) for each in subjects if not self.parties.is_erased(each)}
        return await computed(len(fields), lambda: [_opened(each, found.get(each.subject)) for each in fields])


def _opened(sealed: Sealed, key: SubjectKey | None) -> Opened:
    if key is None or key.destroyed:
        return Opened(reason=SubjectErased.reason)
    if not key.key:
        return Opened(reason=SUBJECT_UNKNOWN)
    try:
        return Opened(unseal(key.key, sealed.envelope, sealed.belongs))
    except EnvelopeBroken:
        return Opened(reason=ENVELOPE_BROKEN)
