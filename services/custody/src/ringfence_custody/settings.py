"""Settings of the custody service, beyond what every service reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from ringfence_kernel.service.settings import Settings, Variable


@dataclass(frozen=True, kw_only=True)
class CustodySettings(Settings):
    """Everything that `serve` reads from the environment."""

    statement_lag_transfers: Annotated[int, Variable("RINGFENCE_STATEMENT_LAG_TRANSFERS")] = 250_000
    """How many transfers the statements may be behind before the ledger waits for them: a few seconds' worth."""
    backlog_seconds: Annotated[float, Variable("RINGFENCE_BACKLOG_SECONDS")] = 0.02
    """How long everything taken on may take to be done; what is beyond is refused with OVERLOADED."""
