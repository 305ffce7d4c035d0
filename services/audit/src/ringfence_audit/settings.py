"""Settings of the audit service, beyond what every service reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from ringfence_kernel.service.settings import Settings, Variable


@dataclass(frozen=True, kw_only=True)
class AuditSettings(Settings):
    """Everything that `serve` reads from the environment.

    `log_origin` names the log for ever: it is the first line of every checkpoint and the name of its key. A schema-less
    URL without spaces or plus signs, for instance `ringfence.example/log`. `witness_policy` is the text of a witness
    policy (C2SP tlog-policy) with addresses: checkpoints are published once its quorum has cosigned them.
    """

    log_origin: Annotated[str, Variable("RINGFENCE_LOG_ORIGIN")] = "ringfence.local/log"
    witness_policy: Annotated[str, Variable("RINGFENCE_WITNESS_POLICY")] = ""
    witness_ca_file: Annotated[Path | None, Variable("RINGFENCE_WITNESS_CACERT")] = None
