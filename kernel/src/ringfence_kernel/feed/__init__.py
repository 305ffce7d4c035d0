"""Feeds: how one service learns what another has committed."""

from ringfence_kernel.feed.doorbell import Doorbell, Ring
from ringfence_kernel.feed.follower import FeedFork, FeedPage, Follower
from ringfence_kernel.feed.publisher import Publisher
from ringfence_kernel.feed.server import FeedServicer

__all__ = ["Doorbell", "FeedFork", "FeedPage", "FeedServicer", "Follower", "Publisher", "Ring"]
