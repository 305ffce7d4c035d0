"""Three real NATS servers that include the rendered accounts, as a cluster over TLS."""

from __future__ import annotations

import signal
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ringfence_bootstrap.description import LOOPBACK, NATS_ADMIN, NATS_SERVER, Description
from ringfence_bootstrap.errors import NatsRefused
from ringfence_bootstrap.nats.accounts import write_accounts
from ringfence_bootstrap.nats.admin import NatsAdmin
from ringfence_bootstrap.nats.reconciling import apply
from ringfence_local_stack.processes.files import private_folder, write_private
from ringfence_local_stack.processes.ports import free_ports
from ringfence_local_stack.processes.process import Process
from ringfence_local_stack.processes.programs import find_nats_server
from ringfence_local_stack.servers.certificates import Authority, CertificateFiles

_SECONDS = 60.0
_CONFIGURATION = """
listen: "{host}:{port}"
server_name: "nats-{number}"
include "./accounts.conf"
jetstream {{ store_dir: "{folder}/jetstream", max_memory_store: 0 }}
tls {{ cert_file: "{certificate}", key_file: "{key}", ca_file: "{ca}", verify_and_map: true }}
cluster {{
  name: "ringfence"
  listen: "{host}:{route}"
  routes: [{routes}]
  tls {{ cert_file: "{certificate}", key_file: "{key}", ca_file: "{ca}" }}
}}
"""


@dataclass(frozen=True)
class Cluster:
    """The servers, and certificates for who speaks to them."""

    folder: Path
    described: Description
    authority: Authority
    ports: list[int]
    processes: list[Process]

    @property
    def urls(self) -> str:
        """All addresses, with commas."""
        return ",".join(f"tls://{LOOPBACK}:{port}" for port in self.ports)

    @property
    def ca_file(self) -> Path:
        """The authority of all certificates."""
        return self.folder / "ca.pem"

    def certificate(self, uri: str, name: str) -> CertificateFiles:
        """A certificate for a client."""
        return self.authority.issue(uri, self.folder, name)

    def admin_certificate(self) -> CertificateFiles:
        """The administrator's."""
        return self.certificate(self.described.infrastructure_id(NATS_ADMIN), NATS_ADMIN)

    def admin(self) -> NatsAdmin:
        """The administrator."""
        files = self.admin_certificate()
        servers = [(LOOPBACK, port) for port in self.ports]
        return NatsAdmin(servers, self.ca_file, files.certificate, files.key)

    def tls_of(self, service: str) -> ssl.SSLContext:
        """A service's side of TLS."""
        files = self.certificate(self.described.service_id(service), service)
        context = ssl.create_default_context(cafile=str(self.ca_file))
        context.load_cert_chain(files.certificate, files.key)
        return context

    def wait(self) -> None:
        """Waits until JetStream has a leader that answers."""
        self._insist(lambda: self.admin().stream_names())

    def empty(self) -> None:
        """Deletes all streams; while the servers of one agree on its leader they answer nothing about it."""
        self._insist(lambda: self.admin().delete_streams())

    def fill(self) -> None:
        """Makes the streams as described."""
        self._insist(lambda: apply(self.admin(), self.described))

    def _insist(self, request: Callable[[], object]) -> None:
        deadline = time.monotonic() + _SECONDS
        while True:
            try:
                request()
                return
            except (OSError, NatsRefused):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)


@contextmanager
def cluster_of_three(folder: Path, described: Description) -> Iterator[Cluster]:
    """Starts the servers in folders of their own, and stops them."""
    authority = Authority("NATS cluster")
    ca = write_private(folder / "ca.pem", authority.certificate)
    files = authority.issue(described.infrastructure_id(NATS_SERVER), folder, NATS_SERVER)
    ports = free_ports(6)
    routes = ", ".join(f'"tls://{LOOPBACK}:{route}"' for route in ports[3:])
    processes = []
    for number, (port, route) in enumerate(zip(ports[:3], ports[3:], strict=True)):
        own = private_folder(folder / f"nats-{number}")
        write_accounts(own / "accounts.conf", described)
        text = _CONFIGURATION.format(
            host=LOOPBACK,
            port=port,
            route=route,
            routes=routes,
            number=number,
            folder=own,
            ca=ca,
            certificate=files.certificate,
            key=files.key,
        )
        command: list[str | Path] = [find_nats_server(), "--config", write_private(own / "nats.conf", text)]
        environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}
        processes.append(Process(f"nats-{number}", command, own / "log", environment, None, signal.SIGTERM))
    try:
        for process in processes:
            process.start()
        cluster = Cluster(folder, described, authority, ports[:3], processes)
        cluster.wait()
        yield cluster
    finally:
        for process in processes:
            process.stop()
