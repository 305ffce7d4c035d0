"""What the verifier says when evidence does not hold."""

from __future__ import annotations


class VerificationError(Exception):
    """The evidence is malformed, contradicts itself, or is not signed by the given key.

    `str(error)` says what was wrong and holds nothing but sizes, indexes and names.
    """
