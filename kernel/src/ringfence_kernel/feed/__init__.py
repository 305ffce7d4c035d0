"""Feeds: how one service learns what another has committed."""

from ringfence_kernel.feed.doorbell import Doorbell, Ring
from ringfence_kernel.feed.follower import FOR_THE_RECORD, URGENT, FeedPage, Follower, Looking
from ringfence_kernel.feed.halts import EventUnknown, FeedFork, FeedHalt
from ringfence_kernel.feed.publisher import Publisher
from ringfence_kernel.feed.server import FeedServicer

__all__ = [
    "FOR_THE_RECORD",
    "URGENT",
    "Doorbell",
    "EventUnknown",
    "FeedFork",
    "FeedHalt",
    "FeedPage",
    "FeedServicer",
    "Follower",
    "Looking",
    "Publisher",
    "Ring",
]
