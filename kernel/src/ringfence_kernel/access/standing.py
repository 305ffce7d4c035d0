"""What a service knows of who may act: asked at its edge."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.writing.endings import Endings

IsSuspended = Callable[[bytes], bool]
"""Whether a principal, or a platform, is suspended, as far as this service has heard; one that is not known is not."""

HEAR_SECONDS = 1.0
"""For so long a refusal that may be out of date waits for what identity says now (ADR 0026)."""


def ended_by(endings: Endings) -> Callable[[Caller], bool]:
    """Returns what tells whether a caller's token has ended.

    That of a workload is no access token, and is revoked by itself.
    """

    def has_ended(caller: Caller) -> bool:
        return caller.service is None and endings.are_after(caller.identity_position, caller.subject, caller.tenant)

    return has_ended


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether principals are suspended, and whether access tokens have ended before their time.

    `hear` takes in what identity has said until now, and tells whether it could, in time: whoever seems to be suspended
    may have been activated since. It is left out where the answers are identity's own.
    """

    is_suspended: IsSuspended
    has_ended: Callable[[Caller], bool]
    hear: Callable[[], Awaitable[bool]] | None = None
