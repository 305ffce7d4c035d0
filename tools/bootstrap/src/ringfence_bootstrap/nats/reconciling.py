"""Compares the streams of NATS with what they should be, and makes them so."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence_bootstrap.description import Description
from ringfence_bootstrap.errors import Unmendable
from ringfence_bootstrap.nats.admin import NatsAdmin
from ringfence_bootstrap.nats.streams import FIXED, Stream, described_streams
from ringfence_bootstrap.plan import Difference, converge, differing


@dataclass(frozen=True, slots=True)
class Change:
    """A difference, and the stream that ends it."""

    difference: Difference
    stream: Stream

    def make(self, nats: NatsAdmin) -> None:
        """Sends the request."""
        (nats.make_stream if self.difference.sign == "+" else nats.mend_stream)(self.stream)


def changes(nats: NatsAdmin, described: Description) -> list[Change]:
    """Returns the streams that differ; reads only. Raises Unmendable for what JetStream lets nobody change."""
    there = nats.stream_names()
    found = []
    for stream in described_streams(described):
        wanted = stream.configuration()
        if stream.name not in there:
            fields = {name: (None, value) for name, value in wanted.items()}
            found.append(Change(Difference(sign="+", path=stream.name, fields=fields), stream))
        elif fields := differing(nats.configuration(stream.name), wanted):
            if fixed := sorted(FIXED & fields.keys()):
                is_, should_be = fields[fixed[0]]
                raise Unmendable(
                    f"stream {stream.name} has {fixed[0]} {is_!r}, not {should_be!r}, which cannot be changed; "
                    "delete it by hand: notifications that nobody has fetched yet are lost, and nothing else"
                )
            found.append(Change(Difference(sign="~", path=stream.name, fields=fields), stream))
    return found


def apply(nats: NatsAdmin, described: Description) -> list[Difference]:
    """Makes the streams so, messages kept, and returns what was changed; after a crash it is simply run again.

    Raises Unmendable before anything is changed, NatsRefused, NotConverged when differences are left.
    """
    return converge(lambda: changes(nats, described), lambda change: change.make(nats))
