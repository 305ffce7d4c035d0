"""From a source's event to its leaves: one per fact, and never none."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from typing import Any

import msgspec
from ringfence_kernel import logs
from ringfence_kernel.codec import open_envelope

from ringfence_audit.application.translation import payment
from ringfence_audit.application.translation.facts import fact_fields, kind_of
from ringfence_audit.domain.leaf import Value, encode
from ringfence_audit.domain.page import SourceEvent

log = logs.get(__name__)

Rows = Callable[[Mapping[str, Any]], Iterable[Mapping[str, Value | None]]]

SINGLE: Mapping[str, frozenset[str]] = {
    "identity": frozenset(
        f"{name}.v1"
        for name in (
            "PrincipalRegistered PrincipalActivated PrincipalSuspended KeyRotated AccessTokenIssued"
            " CertificateEnrolled SubmissionAuthorised PartyRegistered PartyAmended KycChanged KycReleaseProposed"
            " PartyErased AliasRegistered AliasRemoved"
        ).split()
    ),
    "payment-instruction": frozenset(
        {"SubmissionReceived.v1", "SubmissionRefused.v1", "SubmissionWaiting.v1", "SanctionsListImported.v1"}
    ),
}
PACKED: Mapping[tuple[str, str], tuple[str, Rows]] = {
    ("payment-instruction", "InstructionsReceived.v1"): (payment.INSTRUCTIONS.kind, payment.INSTRUCTIONS.rows),
    ("payment-instruction", "InstructionsAdvanced.v1"): (payment.STEPS.kind, payment.steps),
    ("payment-instruction", "InstructionsDirected.v1"): (payment.DIRECTIVES.kind, payment.directives),
    ("payment-instruction", "EvidenceReceived.v1"): (payment.ENTRIES.kind, payment.ENTRIES.rows),
    ("payment-instruction", "EvidenceApplied.v1"): (payment.OUTCOMES.kind, payment.OUTCOMES.rows),
}
UNREADABLE = (ValueError, KeyError, IndexError, TypeError, AttributeError, struct.error, msgspec.MsgspecError)


class Translator:
    """Translates the events of one source."""

    def __init__(self, source: str) -> None:
        self._source = source

    def leaves(self, event: SourceEvent) -> list[bytes]:
        """Gives the leaves of an event in the order of its facts.

        A topic that is not known, or bytes that do not fit their topic, give one leaf that names the event and commits
        to its state: nothing is left out, and nothing can stop the log.
        """
        try:
            leaves = self._translated(event)
        except UNREADABLE as error:
            log.warning("event_unreadable", source=self._source, topic=event.topic, error=type(error).__name__)
            leaves = []
        return leaves or [self._opaque(event)]

    def _translated(self, event: SourceEvent) -> list[bytes]:
        if event.topic in SINGLE.get(self._source, ()):
            fields = fact_fields(self._fields(event))
            return [encode(kind_of(self._source, event.topic), fields | self._header(event, 0))]
        packed = PACKED.get((self._source, event.topic))
        if packed is None:
            return []
        kind, rows = packed
        return [
            encode(kind, {**row, **self._header(event, ordinal)})
            for ordinal, row in enumerate(rows(self._fields(event)))
        ]

    def _opaque(self, event: SourceEvent) -> bytes:
        commitment: dict[str, Value] = {
            "topic": event.topic,
            "stream_id": event.stream,
            "state_sha256": sha256(event.state).digest(),
        }
        return encode(f"{self._source}.event.v1", commitment | self._header(event, 0))

    def _header(self, event: SourceEvent, ordinal: int) -> dict[str, Value]:
        return {"source": self._source, "position": event.position, "ordinal": ordinal, "time_ns": event.time_ns}

    @staticmethod
    def _fields(event: SourceEvent) -> dict[str, Any]:
        fields: dict[str, Any] = msgspec.msgpack.decode(open_envelope(event.state).fields, strict=True)
        return fields
