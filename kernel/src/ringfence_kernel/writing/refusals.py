"""Why an event is not recorded, or not taken in."""

from __future__ import annotations

from ringfence_kernel.values.errors import DomainError


class EventTooLarge(DomainError):
    """The event would be larger than a feed carries; nothing was done, and a smaller batch would be taken."""

    reason = "EVENT_TOO_LARGE"
    code = "RESOURCE_EXHAUSTED"


class StateBroken(Exception):
    """An event could not be taken in, and may be there in part: memory cannot be trusted, and the process must end."""
