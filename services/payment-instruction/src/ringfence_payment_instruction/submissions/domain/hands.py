"""By whose hand something was done, as events have it."""

from __future__ import annotations

from ringfence_kernel.access.hands import Hand


def packed_hand(hand: Hand) -> bytes:
    """Returns a hand as events have it, beside its principal."""
    return hand.person + hand.key_sha256 + hand.certificate_sha256


def unpacked_hand(principal: bytes, packed: bytes) -> Hand:
    """Returns the hand that `packed_hand` was given."""
    return Hand(principal, packed[:16], packed[16:48], packed[48:])
