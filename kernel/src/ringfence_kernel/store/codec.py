"""Events as bytes: an envelope with the time and trace, and the event's fields as msgpack."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Protocol

import msgspec

from ringfence_kernel.values.recorded import Recorded


class Event(Protocol):
    """A frozen dataclass in the past tense with a versioned TOPIC; its fields are the published schema."""

    TOPIC: ClassVar[str]
    __dataclass_fields__: ClassVar[dict[str, Any]]


class Envelope(msgspec.Struct, frozen=True, array_like=True):
    """What surrounds an event's fields in `state`: format 1."""

    format: int
    recorded_at_ns: int
    traceparent: str
    fields: msgspec.Raw


class UnknownTopic(LookupError):
    """The topic is none that this service writes."""


def open_envelope(state: bytes) -> Envelope:
    """Returns the envelope of stored bytes; raises msgspec.DecodeError for foreign bytes."""
    return _envelope_decoder.decode(state)


_envelope_decoder = msgspec.msgpack.Decoder(Envelope)
_encoder = msgspec.msgpack.Encoder()


class EventCodec:
    """Turns the events of one service into (topic, state) and back.

    Fields are written as a map by name, so an event may gain fields with defaults without a new topic.
    """

    def __init__(self, event_types: Iterable[type[Any]]) -> None:
        """Takes every event type of the service; topics must differ."""
        types = list(event_types)
        self._decoders = {kind.TOPIC: msgspec.msgpack.Decoder(kind) for kind in types}
        if len(self._decoders) != len(types):
            raise ValueError("two event types share a topic")

    @property
    def topics(self) -> frozenset[str]:
        """Returns all topics known."""
        return frozenset(self._decoders)

    def encode(self, event: Any, recorded_at_ns: int, traceparent: str = "") -> tuple[str, bytes]:
        """Returns the event's topic and state."""
        fields = msgspec.Raw(_encoder.encode(event))
        return event.TOPIC, _encoder.encode(Envelope(1, recorded_at_ns, traceparent, fields))

    def decode(self, topic: str, state: bytes) -> tuple[Any, Envelope]:
        """Returns the event and its envelope; raises UnknownTopic."""
        decoder = self._decoders.get(topic)
        if decoder is None:
            raise UnknownTopic(topic)
        envelope = open_envelope(state)
        return decoder.decode(envelope.fields), envelope

    def recorded(self, position: int, stream: bytes, version: int, topic: str, state: bytes) -> Recorded:
        """Returns a stored event decoded, with its place in the feed; raises UnknownTopic."""
        event, envelope = self.decode(topic, state)
        return Recorded(position, stream, version, event, envelope.recorded_at_ns, envelope.traceparent)
