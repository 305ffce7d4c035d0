"""Which certificates of a principal stand pinned: by their SHA-256, each with its end in UTC nanoseconds (ADR 28)."""

from __future__ import annotations

from collections.abc import Mapping

MOST_ENROLLED = 8
"""Certificates of a principal that stand pinned beside the one presented and the one that two people have pinned."""


def is_pinned(pinned: Mapping[bytes, int], sha256: bytes, now_ns: int) -> bool:
    """Whether a certificate is among those pinned, and its pin has not ended; an end of 0 is the certificate's own."""
    end_ns = pinned.get(sha256)
    return end_ns is not None and (end_ns == 0 or now_ns < end_ns)


def with_enrolled(
    held: Mapping[bytes, int], presented: bytes, enrolled: bytes, end_ns: int, at_ns: int
) -> dict[bytes, int]:
    """Returns what stands pinned once its holder has enrolled another certificate at a time, until its end.

    Who had none pinned has the one that was presented.
    """
    living = {sha256: end for sha256, end in (held or {presented: 0}).items() if end == 0 or at_ns < end}
    # Whoever renews on and on takes nothing from others: what two people have pinned stays, and what is in use.
    stay = {sha256 for sha256, end in living.items() if end == 0} | {presented}
    others = sorted(living.keys() - stay, key=lambda each: (living[each], each))
    newest = {sha256: living[sha256] for sha256 in living if sha256 in stay or sha256 in others[1 - MOST_ENROLLED :]}
    return newest | {enrolled: end_ns}
