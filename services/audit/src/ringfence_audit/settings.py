"""Settings of the audit service, beyond what every service reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from ringfence_kernel.service.settings import Settings
from ringfence_kernel.values.settings import Variable, host_and_port

_TILES = "RINGFENCE_TILES_LISTEN"
_CONSOLE = "RINGFENCE_CONSOLE_LISTEN"

WitnessQuorum = Literal["required", "alarmed"]


@dataclass(frozen=True, kw_only=True)
class AuditSettings(Settings):
    """Everything that `serve` reads from the environment.

    `log_origin` names the log for ever: it is the first line of every checkpoint and the name of its key. A schema-less
    URL without spaces or plus signs, for instance `ringfence.example/log`. `witness_policy` is the text of a witness
    policy (C2SP tlog-policy) with addresses: checkpoints are published once its quorum has cosigned them. Where
    `witness_quorum` is `alarmed` they are published without it too, under a leaf that says so.
    At `tiles_listen` (host:port) the log is served as tiles over HTTPS (C2SP tlog-tiles), not at all without it; at
    `console_listen` as pages for regulators and auditors, to browsers that reach it under one of `console_hosts`
    (`host` or `host:port`, with commas between them).
    """

    log_origin: Annotated[str, Variable("RINGFENCE_LOG_ORIGIN")] = "ringfence.local/log"
    witness_policy: Annotated[str, Variable("RINGFENCE_WITNESS_POLICY")] = ""
    witness_quorum: Annotated[WitnessQuorum, Variable("RINGFENCE_WITNESS_QUORUM")] = "required"
    witness_ca_file: Annotated[Path | None, Variable("RINGFENCE_WITNESS_CACERT")] = None
    tiles_listen: Annotated[str | None, Variable(_TILES)] = None
    console_listen: Annotated[str | None, Variable(_CONSOLE)] = None
    console_hosts: Annotated[str, Variable("RINGFENCE_CONSOLE_HOSTS")] = ""

    def __post_init__(self) -> None:
        """Stops what cannot listen before anything is started."""
        super().__post_init__()
        self.tiles_address()
        self.console_address()

    def tiles_address(self) -> tuple[str, int] | None:
        """Returns host and port for whoever reads tiles, None where nobody does; raises InvalidSetting."""
        return None if self.tiles_listen is None else host_and_port(_TILES, self.tiles_listen)

    def console_address(self) -> tuple[str, int] | None:
        """Returns host and port for who looks at pages, None where nobody does; raises InvalidSetting."""
        return None if self.console_listen is None else host_and_port(_CONSOLE, self.console_listen)

    def console_names(self) -> frozenset[str]:
        """Returns what browsers may call the console, as the `Host` of their requests; `localhost` too."""
        named = {each.strip() for each in self.console_hosts.split(",") if each.strip()}
        address = self.console_address()
        return frozenset({*named, f"localhost:{address[1]}"} if address else named)
