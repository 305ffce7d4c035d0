"""What IBANs stand for. Stored as msgpack maps by field name; `by` is the acting principal.

No field holds personal data in clear: `iban` is sealed under its owner's data key, `iban_index` is a keyed hash.
"""

from dataclasses import dataclass
from typing import ClassVar

from ringfence_kernel.values.ids import external_id


@dataclass(frozen=True, slots=True)
class _OfAlias:
    tenant: bytes
    owner: bytes
    iban_index: bytes

    @property
    def stream(self) -> bytes:
        """An alias has a stream of its own, named after its owner and the index of its IBAN."""
        return alias_stream(self.owner, self.iban_index)


@dataclass(frozen=True, slots=True)
class AliasClaimed(_OfAlias):
    """A platform claimed an IBAN for an account; `iban` is sealed (AAD: stream, this version, "iban")."""

    TOPIC: ClassVar[str] = "AliasClaimed.v1"
    account: bytes
    iban: bytes
    by: bytes


@dataclass(frozen=True, slots=True)
class AliasConfirmed(_OfAlias):
    """A claimed IBAN stands for its account, on a bank's message or on a document of two people."""

    TOPIC: ClassVar[str] = "AliasConfirmed.v1"
    evidence_sha256: bytes
    by: bytes
    """The bank feed whose message it was, or the second person."""


@dataclass(frozen=True, slots=True)
class AliasRegistered(_OfAlias):
    """An IBAN stands for an account, without a claim before: a bank mirror, or a registration of old.

    `iban` is sealed under the owner's data key (AAD: stream, this version, "iban").
    """

    TOPIC: ClassVar[str] = "AliasRegistered.v1"
    account: bytes
    bank_mirror: bool
    iban: bytes
    by: bytes
    bank_feed: bytes = b""
    """Principal whose statements speak for a bank mirror."""


@dataclass(frozen=True, slots=True)
class AliasRemoved(_OfAlias):
    """The IBAN, or the claim on it, stands for nothing any more."""

    TOPIC: ClassVar[str] = "AliasRemoved.v1"
    by: bytes
    released: bool = False
    """Whether the IBAN is free again, as two people decided; an erased owner's stays taken."""
    evidence_sha256: bytes = b""
    """Document that two people rest it on."""


def alias_stream(owner: bytes, iban_index: bytes) -> bytes:
    """Returns the stream of the alias that this owner holds under this index."""
    return external_id("identity.alias", owner, iban_index.hex())


EVENTS: tuple[type, ...] = (
    AliasClaimed,
    AliasConfirmed,
    AliasRegistered,
    AliasRemoved,
)
