"""Refusals of the proof."""

from __future__ import annotations

from ringfence_kernel.values.errors import DomainError


class ProofBehind(DomainError):
    """The tables of the proof have not caught up with the log; an answer now could lack findings."""

    reason = "PROOF_BEHIND"
    code = "UNAVAILABLE"
    retry_after_seconds = 1.0
