"""Settings of the audit service, beyond what every service reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from ringfence_kernel.service.settings import Settings, Variable, host_and_port

_TILES = "RINGFENCE_TILES_LISTEN"


@dataclass(frozen=True, kw_only=True)
class AuditSettings(Settings):
    """Everything that `serve` reads from the environment.

    `log_origin` names the log for ever: it is the first line of every checkpoint and the name of its key. A schema-less
    URL without spaces or plus signs, for instance `ringfence.example/log`. `witness_policy` is the text of a witness
    policy (C2SP tlog-policy) with addresses: checkpoints are published once its quorum has cosigned them.
    At `tiles_listen` (host:port) the log is served as tiles over HTTPS (C2SP tlog-tiles), not at all without it.
    """

    log_origin: Annotated[str, Variable("RINGFENCE_LOG_ORIGIN")] = "ringfence.local/log"
    witness_policy: Annotated[str, Variable("RINGFENCE_WITNESS_POLICY")] = ""
    witness_ca_file: Annotated[Path | None, Variable("RINGFENCE_WITNESS_CACERT")] = None
    tiles_listen: Annotated[str | None, Variable(_TILES)] = None

    def __post_init__(self) -> None:
        """Stops what cannot listen before anything is started."""
        super().__post_init__()
        self.tiles_address()

    def tiles_address(self) -> tuple[str, int] | None:
        """Returns host and port for whoever reads tiles, None where nobody does; raises InvalidSetting."""
        return None if self.tiles_listen is None else host_and_port(_TILES, self.tiles_listen)
