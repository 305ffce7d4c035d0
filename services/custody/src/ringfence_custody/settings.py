"""Settings of the custody service, beyond what every service reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from ringfence_kernel.service.settings import (
    LEAST_SILENCE_SECONDS,
    SANDBOX_TRUST_DOMAIN,
    SILENCE,
    SILENCE_SECONDS,
    Settings,
)
from ringfence_kernel.values.settings import InvalidSetting, Number, Seconds, Variable

from ringfence_custody.ledger.application.accounts_quota import AccountsQuota

_ACCOUNTS = "RINGFENCE_TENANT_ACCOUNTS_PER_HOUR"
_STEPPED = "RINGFENCE_DAYS_STEPPED"


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

    days_stepped: Annotated[bool, Variable(_STEPPED)] = False
    """Whether operators may open business days ahead of the clocks: in a sandbox alone."""

    def __post_init__(self) -> None:
        """Stops a service outside the sandbox whose days could be stepped, before anything is started."""
        super().__post_init__()
        self.may_step_days()

    def may_step_days(self) -> bool:
        """Returns whether days may be stepped; raises InvalidSetting outside the sandbox."""
        if self.days_stepped and self.trust_domain != SANDBOX_TRUST_DOMAIN:
            raise InvalidSetting(_STEPPED, f"for a sandbox alone, whose trust domain is {SANDBOX_TRUST_DOMAIN}")
        return self.days_stepped

    def accounts_quota(self) -> AccountsQuota:
        """Returns the quota of new accounts, with nothing used."""
        return AccountsQuota(self.accounts_per_hour)
