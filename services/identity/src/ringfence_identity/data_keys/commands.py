"""What siblings need of data keys: the one way into this module for them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ringfence_kernel.store.recorder import Within


@dataclass(frozen=True, slots=True)
class SubjectKey:
    """A subject's AES-256 key: 32 bytes, empty when unknown or destroyed."""

    key: bytes = field(default=b"", repr=False)
    destroyed: bool = False


class SubjectKeys(Protocol):
    """Keeps the data key of every subject, wrapped at rest, destroyed with the subject."""

    async def fetch(self, subjects: Sequence[bytes], *, create: bool) -> dict[bytes, SubjectKey]:
        """Returns one key per subject, with `create` made where missing; raises VaultUnavailable, StoreUnavailable."""

    async def blind_index_key(self) -> bytes:
        """Returns the key of the blind indexes, 32 bytes; raises VaultUnavailable."""

    def destruction(self, subject: bytes) -> Within:
        """Returns the statements that destroy a key, to be committed with the tombstone. Repeating them is harmless."""

    def forget(self, subjects: Sequence[bytes]) -> None:
        """Drops keys from memory."""
