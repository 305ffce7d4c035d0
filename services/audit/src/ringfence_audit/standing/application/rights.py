"""What a caller is shown now: by what identity has said until its token was issued, as far as the log has it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ringfence_kernel.access.caller import Caller

from ringfence_audit.log.domain.sight import Sight
from ringfence_audit.standing.domain.errors import GrantNotInForce, GrantPending
from ringfence_audit.standing.domain.state import State

PLATFORM = "platform"
"""The role of a platform's own principal."""


@dataclass(frozen=True, slots=True)
class Rights:
    """Asks the state that follows identity.

    `heard` tells up to which position of identity's feed the log has come, `hear` has it take in what there is by now,
    and tells whether it could, in time.
    """

    state: State
    heard: Callable[[], int]
    hear: Callable[[], Awaitable[bool]]
    now_ns: Callable[[], int]

    async def __call__(self, caller: Caller) -> Sight:
        """Gives what a caller with a verified token is shown; raises GrantPending, GrantNotInForce.

        A platform is shown its own facts.
        """
        if caller.identity_position > self.heard():
            await self.hear()
            if caller.identity_position > self.heard():
                raise GrantPending(position=str(caller.identity_position))
        if PLATFORM in caller.roles and caller.tenant == caller.subject:
            return Sight(frozenset({caller.subject}), named=(caller.subject,))
        return self.of(caller.subject)

    def of(self, principal: bytes) -> Sight:
        """Gives what a regulator or an auditor is shown; whether it is suspended is not asked.

        Raises GrantNotInForce where its role or its grant does not hold now, and for who is neither.
        """
        sight = self.state.sight(principal, self.now_ns())
        if sight is None:
            raise GrantNotInForce
        return sight
