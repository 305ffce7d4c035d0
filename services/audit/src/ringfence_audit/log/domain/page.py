"""A page: consecutive events of one source with their leaves, closed by a leaf that lists the events.

The page leaf (`audit.page.v1`) gives, for each event, what the source's hash chain is made of and how many leaves it
was given. Whoever holds the leaves computes the chain again: nothing can have been left out. A record is
stream (16) ‖ version (8) ‖ SHA-256(state) (32) ‖ leaves (4) ‖ length of topic (1) ‖ topic, integers big-endian.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from ringfence_audit.log.domain.bundles import MOST_BYTES, deflate
from ringfence_audit.log.domain.checkpoint import SourceHead
from ringfence_audit.log.domain.leaf import decode, encode, pack
from ringfence_audit.log.domain.merkle import leaf_hashes
from ringfence_audit.log.domain.texts import Link, Text

PAGE_KIND = "audit.page.v1"
FIXED_BYTES = 61
"""Of a record, before its topic."""
MAX_PAGE_EVENTS = 192
"""At 316 bytes a record at most, a page leaf of so many events stays under 64 KiB."""


@dataclass(frozen=True, slots=True)
class SourceEvent:
    """One event as its source's feed gave it, chain checked; `time_ns` is when the source committed it (UTC)."""

    position: int
    stream: bytes
    version: int
    topic: str
    state: bytes
    hash: bytes
    time_ns: int


@dataclass(frozen=True, slots=True)
class Translated:
    """An event with its leaves in order, the span of the times that they state (UTC nanoseconds), texts and links."""

    event: SourceEvent
    leaves: tuple[bytes, ...]
    earliest_ns: int
    latest_ns: int
    texts: tuple[Text, ...] = ()
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """What one LeavesAppended event is made from: leaves in order, the page leaf last, and the head they reach.

    `texts` are what its leaves commit to, `links` whose what they are about is; neither stands in the event.
    """

    head: SourceHead
    first: int
    earliest_ns: int
    latest_ns: int
    leaves: tuple[bytes, ...]
    texts: tuple[Text, ...] = ()
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class ClosedPage:
    """A page ready to be appended: the hashes of its leaves, and its entry bundle as it is and deflated.

    `deflated` is empty where the log does not write it, and where the bundle is too large.
    """

    page: Page
    hashes: bytes
    bundle: bytes
    deflated: bytes


@dataclass(frozen=True, slots=True)
class ListedEvent:
    """What a page leaf lists of an event: all that the source's chain is made of."""

    stream: bytes
    version: int
    topic: str
    state_hash: bytes


@dataclass(frozen=True, slots=True)
class PageEvents:
    """Consecutive events from position `first` on; `previous_hash` is the chain hash before."""

    first: int
    previous_hash: bytes
    events: tuple[ListedEvent, ...]


def close_page(previous: SourceHead, events: Sequence[Translated]) -> Page:
    """Closes a page of events that go on from `previous`."""
    last = events[-1].event
    records = b"".join(_record(each.event, len(each.leaves)) for each in events)
    page_leaf = encode(
        PAGE_KIND,
        {
            "source": previous.source,
            "epoch": previous.epoch,
            "first": previous.position + 1,
            "last": last.position,
            "previous_hash": previous.hash,
            "hash": last.hash,
            "events": records,
        },
    )
    leaves = (*(leaf for each in events for leaf in each.leaves), page_leaf)
    head = SourceHead(previous.source, previous.epoch, last.position, last.hash)
    earliest, latest = min(each.earliest_ns for each in events), max(each.latest_ns for each in events)
    return Page(head, previous.position + 1, earliest, latest, leaves, *_beside(events))


def prepared(page: Page, *, deflating: bool) -> ClosedPage:
    """Does what appending a page costs, apart from the tree above its leaves."""
    bundle = pack(page.leaves)
    deflated = deflate(bundle) if deflating and len(bundle) <= MOST_BYTES else b""
    return ClosedPage(page, leaf_hashes(page.leaves), bundle, deflated)


def page_events(page_leaf: bytes) -> PageEvents:
    """Reads what a page leaf lists; raises ValueError where it is none."""
    kind, fields = decode(page_leaf)
    if kind != PAGE_KIND:
        raise ValueError(f"{kind} is no page")
    first, previous_hash, records = fields["first"], fields["previous_hash"], fields["events"]
    if not (isinstance(first, int) and isinstance(previous_hash, bytes) and isinstance(records, bytes)):
        raise ValueError("the page leaf is malformed")
    events, at = [], 0
    while at < len(records):
        end = at + FIXED_BYTES + records[at + FIXED_BYTES - 1]
        topic = records[at + FIXED_BYTES : end].decode()
        version = int.from_bytes(records[at + 16 : at + 24], "big")
        events.append(ListedEvent(records[at : at + 16], version, topic, records[at + 24 : at + 56]))
        at = end
    return PageEvents(first, previous_hash, tuple(events))


def _beside(events: Sequence[Translated]) -> tuple[tuple[Text, ...], tuple[Link, ...]]:
    """Returns the texts and links of events, by the places of their leaves in the page."""
    first, texts, links = 0, list[Text](), list[Link]()
    for each in events:
        texts += [text._replace(leaf=first + text.leaf) for text in each.texts]
        links += [link._replace(leaf=first + link.leaf) for link in each.links] if first else each.links
        first += len(each.leaves)
    return tuple(texts), tuple(links)


def _record(event: SourceEvent, leaves: int) -> bytes:
    topic = event.topic.encode()
    fixed = event.stream + event.version.to_bytes(8, "big") + sha256(event.state).digest() + leaves.to_bytes(4, "big")
    return fixed + bytes([len(topic)]) + topic
