"""What custody learns from identity's feed: how its parties stand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar

from ringfence_kernel.feed import FeedPage
from ringfence_kernel.store import StoredEvent, move_cursor
from ringfence_kernel.store.codec import EventCodec

from ringfence_custody.ledger.application.commands import Commands, OwnerFact
from ringfence_custody.ledger.domain.lifecycle import Standing

CURSOR = "follower:identity"
# States on the way to a decision change nothing: the last decision stands.
STANDINGS = {
    "VERIFIED": Standing.ADMITTED,
    "EXPIRED": Standing.LAPSED,
    "REJECTED": Standing.REFUSED,
    "BLOCKED": Standing.BLOCKED,
}


@dataclass(frozen=True, slots=True)
class KycChanged:
    """The fields of identity's published event that matter here."""

    TOPIC: ClassVar[str] = "KycChanged.v1"
    tenant: bytes
    party: bytes
    after: str


_CODEC = EventCodec([KycChanged])


def owner_facts(events: Iterable[StoredEvent]) -> list[OwnerFact]:
    """Returns the facts in a page; events of other topics are none of custody's business."""
    facts = []
    for stored in events:
        if stored.topic != KycChanged.TOPIC:
            continue
        event, _ = _CODEC.decode(stored.topic, stored.state)
        standing = STANDINGS.get(event.after)
        if standing is not None:
            facts.append(OwnerFact(event.tenant, event.party, standing))
    return facts


def take_over(commands: Commands) -> Callable[[FeedPage], Awaitable[None]]:
    """Returns the handler of pages: facts and cursor in one transaction, of each page in one process only."""

    async def handle(page: FeedPage) -> None:
        before = page.cursor.position - len(page.events)
        await commands.note_owners(
            owner_facts(page.events), lambda connection: move_cursor(connection, CURSOR, before, page.cursor)
        )

    return handle
