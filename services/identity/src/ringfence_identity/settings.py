"""Settings of the identity service, beyond what every service reads."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from ringfence_kernel.service.settings import Settings, Variable


@dataclass(frozen=True, kw_only=True)
class IdentitySettings(Settings):
    """Everything that `serve` reads from the environment."""

    bootstrap_principals_file: Annotated[Path | None, Variable("RINGFENCE_BOOTSTRAP_PRINCIPALS_FILE")] = None
