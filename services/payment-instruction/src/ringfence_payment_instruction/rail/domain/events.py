"""Events about the bank's answers that people must look at: frozen, published by the feed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class AnswerExcepted:
    """A bank's answer changes nothing until two people have worked it off."""

    TOPIC: ClassVar[str] = "AnswerExcepted.v1"
    tenant: bytes  # of all payments that fit; zero where there is none, or several
    exception: bytes
    digest: bytes  # SHA-256 of the bank's file
    number: int  # its place in the file, from 0
    misfit: int  # Misfit
    fate: int  # Fate
    reason: str  # the bank's code
    amount_minor: int  # what has come back
    ledger: int
    candidates: bytes  # 32 bytes each: tenant and id of a payment that fits
    wrapped_key: str
    sealed: bytes  # the ids and words of the bank


@dataclass(frozen=True, slots=True)
class AnswerWorkedOff:
    """Two people have worked a bank's answer off."""

    TOPIC: ClassVar[str] = "AnswerWorkedOff.v1"
    tenant: bytes
    exception: bytes
    outcome: int  # Outcome
    instruction: bytes  # the payment that it is about; zero where nothing follows
    document_sha256: bytes
    note: str
    actor: bytes  # the second person's principal


EVENTS: tuple[type, ...] = (AnswerExcepted, AnswerWorkedOff)
