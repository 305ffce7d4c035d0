"""Why following a feed ends until somebody acts."""

from __future__ import annotations

from typing import ClassVar


class FeedHalt(Exception):
    """What the source has published must not be passed over, and cannot be taken in: following it ends here.

    `event` is what the log line is called, `reason` what the metric says.
    """

    event: ClassVar[str]
    reason: ClassVar[str]


class FeedFork(FeedHalt):
    """The source's feed is not the one that was followed so far: positions or hashes do not continue it."""

    event, reason = "feed_fork", "FEED_FORK"


class EventUnknown(FeedHalt):
    """The source has published a topic, a field or a code that this process has no description of."""

    event, reason = "feed_event_unknown", "EVENT_UNKNOWN"
