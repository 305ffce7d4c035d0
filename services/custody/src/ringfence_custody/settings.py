"""Settings of the custody service, beyond what every service reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from ringfence_kernel.service.settings import LEAST_SILENCE_SECONDS, SILENCE, SILENCE_SECONDS, Number, Seconds, Settings

from ringfence_custody.ledger.application.accounts_quota import AccountsQuota

_ACCOUNTS = "RINGFENCE_TENANT_ACCOUNTS_PER_HOUR"


@dataclass(frozen=True, kw_only=True)
class CustodySettings(Settings):
    """Everything that `serve` reads from the environment."""

    statement_lag_transfers: Annotated[int, Number("RINGFENCE_STATEMENT_LAG_TRANSFERS")] = 250_000
    """How many transfers the statements may be behind before the ledger waits for them: a few seconds' worth."""
    backlog_seconds: Annotated[float, Seconds("RINGFENCE_BACKLOG_SECONDS")] = 0.02
    """How long everything taken on may take to be done; what is beyond is refused with OVERLOADED."""
    identity_silence_seconds: Annotated[float, Seconds(SILENCE, LEAST_SILENCE_SECONDS)] = SILENCE_SECONDS
    """After how long without word from identity nothing is posted but the bank's word."""
    accounts_per_hour: Annotated[int, Number(_ACCOUNTS)] = 50_000
    """How many accounts one tenant may open, an hour's at once if need be; 0 is no bound."""

    def accounts_quota(self) -> AccountsQuota:
        """Returns the quota of new accounts, with nothing used."""
        return AccountsQuota(self.accounts_per_hour)
