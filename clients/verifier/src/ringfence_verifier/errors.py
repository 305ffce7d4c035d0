"""What the verifier says when evidence does not hold."""

from __future__ import annotations


class VerificationError(Exception):
    """The evidence is malformed, contradicts itself, or is not signed by the given key.

    `str(error)` says what was wrong and holds nothing but sizes, indexes and names.
    """


class ProofRefused(VerificationError):
    """The proof does not hold; `reason` names why, `str(error)` says it in words (docs/formats.md lists them)."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(f"{message} ({reason})")
        self.reason = reason
