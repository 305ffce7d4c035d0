"""A `nats-server` with JetStream and TLS, where a client's certificate alone says who it is and what it may."""

import json
import signal
import socket
import threading
from pathlib import Path

from ringfence_bootstrap.nats.accounts import accounts
from ringfence_bootstrap.nats.admin import NatsAdmin, read_info
from ringfence_local_stack.processes.files import private_folder, write_private
from ringfence_local_stack.processes.ports import LOOPBACK, free_port
from ringfence_local_stack.processes.process import Process
from ringfence_local_stack.processes.programs import find_nats_server
from ringfence_local_stack.servers.certificates import CertificateFiles
from ringfence_local_stack.servers.sandbox import SANDBOX

_START_SECONDS = 15.0


class NatsServer:
    """One server in `directory`, whose streams are kept over restarts.

    `certificate` names 127.0.0.1 and is signed like the clients' by the authority in `ca_file`. Who may do what is the
    sandbox's `ringfence_bootstrap.nats.accounts`.
    """

    def __init__(
        self,
        directory: Path,
        *,
        log_file: Path,
        certificate: CertificateFiles,
        ca_file: Path,
        port: int | None = None,
        closing: threading.Event | None = None,
    ) -> None:
        self.port = port or free_port()
        self.ca_file = ca_file
        self._folder = directory
        self._certificate = certificate
        command: list[str | Path] = [find_nats_server(), "--config", directory / "nats.json"]
        environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}
        self._process = Process(
            "nats-server", command, log_file, environment, None, signal.SIGTERM, closing=closing or threading.Event()
        )

    @property
    def pid(self) -> int | None:
        """Process id while the server runs, else None."""
        return self._process.pid

    @property
    def url(self) -> str:
        """The address for clients."""
        return f"tls://{LOOPBACK}:{self.port}"

    def start(self) -> None:
        """Starts the server and waits until it greets; raises ProcessFailed."""
        private_folder(self._folder)
        # The configuration language is a superset of JSON.
        write_private(self._folder / "nats.json", json.dumps(self._configuration(), indent=2))
        try:
            self._process.start()
            self._process.wait_until(self._greets, _START_SECONDS)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stops the server."""
        self._process.stop()

    def kill(self) -> None:
        """Kills the server with signal 9, as a crash would."""
        self._process.kill()

    def admin(self, certificate: CertificateFiles) -> NatsAdmin:
        """The administrator's view, given a certificate for `infrastructure/nats-admin`."""
        return NatsAdmin([(LOOPBACK, self.port)], self.ca_file, certificate.certificate, certificate.key)

    def _configuration(self) -> dict[str, object]:
        return {
            "listen": f"{LOOPBACK}:{self.port}",
            "server_name": "ringfence-local",
            "jetstream": {"store_dir": str(self._folder / "jetstream"), "max_memory_store": 0},
            "tls": {
                "cert_file": str(self._certificate.certificate),
                "key_file": str(self._certificate.key),
                "ca_file": str(self.ca_file),
                "verify_and_map": True,
            },
            **accounts(SANDBOX),
        }

    def _greets(self) -> bool:
        try:
            with socket.create_connection((LOOPBACK, self.port), 1.0) as plain:
                return bool(read_info(plain).get("jetstream"))
        except OSError:
            return False
