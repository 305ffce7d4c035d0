"""What reading may be refused for (docs/errors.md)."""

from __future__ import annotations

from ringfence_kernel.values.errors import DomainError


class InstructionsBehind(DomainError):
    """The tables have not caught up with what was committed before the call; instructions themselves go on."""

    reason = "INSTRUCTIONS_BEHIND"
    code = "UNAVAILABLE"
    retry_after_seconds = 1.0
