"""The services as supervised processes: migrated by the owner role, started under their own, watched by health."""

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ringfence_local_stack.processes.files import private_folder
from ringfence_local_stack.processes.process import Process
from ringfence_local_stack.servers.certificates import CertificateFiles
from ringfence_local_stack.stack.health import is_serving
from ringfence_local_stack.stack.running import RunningStack, service_of

_MIGRATION_SECONDS = 60.0
_HEALTHY_SECONDS = 60.0
_DRAIN_SECONDS = 20.0
_HEALTH_POLL_SECONDS = 0.1

CommandLine = Callable[[str, str, Mapping[str, str]], Sequence[str]]
"""What runs a process, by its part, the verb and its settings, which the command gets as its environment."""


def installed(part: str, verb: str, settings: Mapping[str, str]) -> Sequence[str]:
    """The service that is installed beside this Python."""
    return [sys.executable, "-m", f"ringfence_{service_of(part).replace('-', '_')}", verb]


class ServiceProcess:
    """One process of a service, by the name of its part. `stack` is asked at every start, because each needs a wrapped
    secret id of its own.
    """

    def __init__(
        self,
        part: str,
        stack: Callable[[], RunningStack],
        probe: CertificateFiles,
        closing: threading.Event,
        command_line: CommandLine = installed,
    ) -> None:
        """`probe` is a client certificate for the health checks."""
        self.part = part
        self.service = service_of(part)
        self._stack = stack
        self._probe = probe
        self._closing = closing
        self._command_line = command_line
        self._process: Process | None = None

    @property
    def pid(self) -> int | None:
        """Process id while the service runs, else None."""
        return self._process.pid if self._process else None

    def migrate(self) -> None:
        """Brings the database to the service's schema, as the owner role; raises ProcessFailed."""
        self._supervised("migrate", self._stack().migration_environment(self.service)).run(_MIGRATION_SECONDS)

    def start(self, seconds: float = _HEALTHY_SECONDS) -> None:
        """Starts the service and waits until it is healthy; does nothing if it runs.

        Raises ProcessFailed, also when `seconds` are over.
        """
        if self.pid is not None:
            return
        environment = self._stack().environment(self.part)
        self._process = self._supervised("serve", environment)
        try:
            self._process.start()
            self._process.wait_until(self.is_healthy, seconds, poll_seconds=_HEALTH_POLL_SECONDS)
        except BaseException:
            self.stop()
            raise
        finally:
            # Used or not, it is worth nothing now.
            with contextlib.suppress(FileNotFoundError):
                Path(environment["RINGFENCE_VAULT_WRAPPED_SECRET_ID_FILE"]).unlink()

    def is_healthy(self) -> bool:
        """Whether the process says SERVING: it is well, as leader or as standby."""
        stack = self._stack()
        return is_serving(stack.listens[self.part], stack.workload_ca_file, self._probe)

    def stop(self, seconds: float = _DRAIN_SECONDS) -> None:
        """Asks the service to drain its calls and stop, and kills it after `seconds`."""
        if self._process:
            self._process.stop(seconds)

    def kill(self) -> None:
        """Kills the service with signal 9, as a crash would."""
        if self._process:
            self._process.kill()

    def _supervised(self, verb: str, environment: dict[str, str]) -> Process:
        stack = self._stack()
        command = self._command_line(self.part, verb, environment)
        folder = private_folder(stack.directory / "services" / self.part)
        log_file = stack.log_file(self.part)
        return Process(
            f"{self.part} {verb}", command, log_file, environment, None, signal.SIGTERM, folder, self._closing
        )
