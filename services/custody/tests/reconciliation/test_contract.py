"""What reconciliation writes is what the protos say of it, and what it takes over is what they list."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from ringfence_custody.reconciliation.adapters.payment_feed import BankMovements, facts_of
from ringfence_custody.reconciliation.domain.events import EVENTS
from ringfence_kernel.feed import EventUnknown
from ringfence_kernel.feed.published import described, require_known
from ringfence_kernel.store.codec import EventCodec, open_envelope
from ringfence_protos.custody.v1 import events_pb2
from ringfence_protos.custody.v1 import reconciliation_pb2 as pb

from ..conftest import Custody
from ..ledger import id_of
from ..test_custody_service import PLATFORM
from .town import TODAY, Movement, Town

DESCRIPTIONS = described(events_pb2.DESCRIPTOR)


async def test_every_stored_event_fits_its_description(custody: Custody) -> None:
    """Events of every topic have the fields, kinds, codes and lengths of columns that the proto describes."""
    town, mirror = await Town.built(custody), {"book_id": PLATFORM, "mirror_id": id_of("bank")}
    await town.deposit("paid in", 300, entry="entry")
    await town.deposit("alone", 7, entry="alone")
    await town.tell(
        Movement("in", 300, entry="entry", parts=((100, "a"), (200, "b"))), Movement("unknown", -12, reference="c")
    )
    pair = pb.LinePair(movement_id=id_of("unknown"), transfer_id=id_of("alone"), score=50)
    await town.ask("SuggestMatches", pb.SuggestMatchesRequest(**mirror, pairs=[pair]))
    (found,) = town.mirror.suggestions
    await town.ask("DecideSuggestion", pb.DecideSuggestionRequest(**mirror, suggestion_id=found, note="no"))
    await town.statement(TODAY)
    await town.work()
    (matched,) = (await town.ask("ListMatches", pb.ListMatchesRequest(**mirror, day=TODAY))).pairs
    await town.ask("UndoMatch", pb.UndoMatchRequest(**mirror, match_id=matched.match_id, note="again"))
    await town.statement(TODAY + 1)
    by_hand = pb.LinePair(movement_id=id_of("in"), transfer_id=id_of("paid in"))
    await town.work()
    await town.ask("MatchLines", pb.MatchLinesRequest(**mirror, pairs=[by_hand]))
    await town.tell(Movement("late", 7, entry="alone"))
    await town.work()
    broken = town.breaks[id_of("alone")]
    await town.ask("ReopenBreak", pb.ReopenBreakRequest(break_id=broken.id, note="not so"))
    topics = {kind.TOPIC for kind in EVENTS}
    written = [
        (each.topic, msgspec.msgpack.decode(open_envelope(each.state).fields))
        for each in custody.store.read(0, 1_000)
        if each.topic in topics
    ]
    assert {topic for topic, _ in written} == topics
    for topic, fields in written:
        require_known(DESCRIPTIONS[topic], fields)
        assert list(DESCRIPTIONS[topic].misfits(fields)) == []


async def test_what_is_not_described_is_not_taken_over(custody: Custody) -> None:
    """A topic, and a state of a movement, that payment-instruction's protos do not list end the page before them."""
    town = await Town.built(custody)
    (known,) = town.feed
    assert len(facts_of([known])) == 1
    with pytest.raises(EventUnknown):
        facts_of([replace(known, topic="BankMovements.v9")])
    await town.tell(Movement("in", 1))
    told = town.feed[-1]
    codec = EventCodec([BankMovements])
    event, _ = codec.decode(told.topic, told.state)
    topic, state = codec.encode(replace(event, states=b"\x09"), 1)
    with pytest.raises(EventUnknown):
        facts_of([replace(told, topic=topic, state=state)])
