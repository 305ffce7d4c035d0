"""Facts that were found, proven together: that the log has them, not that there are no others."""

from __future__ import annotations

from collections.abc import Sequence

from ringfence_verifier.combined import verify_combined
from ringfence_verifier.errors import VerificationError
from ringfence_verifier.key_succession import KeySuccession, verify_signed
from ringfence_verifier.note import Checkpoint
from ringfence_verifier.policy import Policy
from ringfence_verifier.proofs import leaf_hash


def verify_page(
    leaves: Sequence[tuple[int, bytes]],
    note: str,
    hashes: Sequence[bytes],
    key: str | KeySuccession,
    *,
    origin: str | None = None,
    policy: Policy | None = None,
) -> Checkpoint:
    """Checks that leaves, with their indexes in order, are in the log under a signed checkpoint; returns that.

    The key is a vkey, or all that the log was followed to; a policy is demanded of the checkpoint. Of no leaves nothing
    is proven but that. Raises VerificationError.
    """
    checkpoint = verify_signed(note, key, origin=origin)
    if policy is not None:
        policy.verify(note, None if isinstance(key, str) else key)
    if leaves:
        proven = [(index, leaf_hash(leaf)) for index, leaf in leaves]
        verify_combined(proven, checkpoint.size, hashes, checkpoint.root)
    elif hashes:
        raise VerificationError("the combined proof is too long")
    return checkpoint
