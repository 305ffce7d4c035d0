"""A running stack as any process of its owner sees it: the state file with addresses, and what the operator may do."""

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ringfence_bootstrap.description import NATS_ADMIN
from ringfence_bootstrap.nats.admin import NatsAdmin
from ringfence_local_stack.errors import StackNotRunning
from ringfence_local_stack.processes.files import private_folder, write_private
from ringfence_local_stack.processes.ports import LOOPBACK
from ringfence_local_stack.servers.certificates import TRUST_DOMAIN, CertificateFiles
from ringfence_local_stack.servers.database import Database
from ringfence_local_stack.servers.openbao_access import OpenBaoAccess

STATE_FILE = "stack.json"
STANDBY = "-standby"
"""What the part of a second process is called, after the name of its service; a third one's has a number as well."""
_WHAT_TO_DO = (
    "start it with `ringfence up`, name its folder by RINGFENCE_STACK, or a credentials directory by --as and the "
    "services' addresses by RINGFENCE_IDENTITY_ADDRESS and its like"
)
_PASSED_ON = ("PATH", "HOME", "LANG", "TZ", "RINGFENCE_LOG_LEVEL")


@dataclass(frozen=True)
class RunningStack:
    """Where everything is; written as `stack.json` while the stack is up.

    `databases` is by service; `listens`, `health_listens` and `metrics_listens` (host:port, the last two in plaintext),
    `tiles_listens` and `console_listens` (of audit alone) and `pids` are by part, of which a service with a standby has
    two; `owner_pid` and `owner_started` (clock ticks since boot) name the process that runs the stack, so that a file
    left by a dead one is recognised. `service_settings` are by service; those by a standby's part go before them.
    """

    directory: Path
    owner_pid: int
    owner_started: int
    vault_address: str
    nats_port: int
    listens: Mapping[str, str]
    health_listens: Mapping[str, str]
    metrics_listens: Mapping[str, str]
    databases: Mapping[str, Database]
    pids: Mapping[str, int]
    service_settings: Mapping[str, Mapping[str, str]]
    tiles_listens: Mapping[str, str]
    console_listens: Mapping[str, str]

    @property
    def addresses(self) -> dict[str, str]:
        """Where each service is called: `host:port`, of all its processes with commas between them."""
        processes: dict[str, list[str]] = {}
        for part, address in self.listens.items():
            processes.setdefault(service_of(part), []).append(address)
        return {service: ",".join(addresses) for service, addresses in processes.items()}

    @property
    def workload_ca_file(self) -> Path:
        """Authority of the services' certificates, which a client checks them against."""
        return self.directory / "certificates" / "workload-ca.pem"

    @property
    def client_ca_file(self) -> Path:
        """Authority of the client principals' certificates."""
        return self.directory / "certificates" / "client-ca.pem"

    @property
    def nats_url(self) -> str:
        """The address of NATS."""
        return f"tls://{LOOPBACK}:{self.nats_port}"

    @property
    def openbao(self) -> OpenBaoAccess:
        """The stack's OpenBao under the operator's token."""
        return OpenBaoAccess(self.vault_address, self.directory / "openbao")

    def log_file(self, part: str) -> Path:
        """The log of a server or service."""
        return self.directory / "logs" / f"{part}.log"

    def snapshot_folder(self, part: str) -> Path:
        """Where a service's process keeps snapshots of its state; the process's own."""
        return self.directory / "services" / part / "snapshots"

    def issue_principal_certificate(self, principal: str) -> CertificateFiles:
        """A client certificate for the principal with this UUID text, as the operator of the sandbox issues it."""
        return self.openbao.issue_principal_certificate(principal, private_folder(self.directory / "principals"))

    def issue_service_certificate(self, service: str) -> CertificateFiles:
        """A certificate of a service's workload, for tests that pretend to be it."""
        return self.openbao.issue_service_certificate(service, private_folder(self.directory / "workloads"))

    def nats_admin_certificate(self) -> CertificateFiles:
        """A certificate of the administrator of NATS."""
        folder = private_folder(self.directory / "workloads")
        return self.openbao.issue_infrastructure_certificate(NATS_ADMIN, folder, is_server=False)

    def nats_admin(self) -> NatsAdmin:
        """The administrator of NATS, who makes the streams and deletes them in drills."""
        certificate = self.nats_admin_certificate()
        servers = [(LOOPBACK, self.nats_port)]
        return NatsAdmin(servers, self.workload_ca_file, certificate.certificate, certificate.key)

    def environment(self, part: str) -> dict[str, str]:
        """The settings of a service's process as environment variables, with a fresh wrapped secret id for one start.

        A standby has those of its service, with an address and a folder of snapshots of its own.
        """
        service = service_of(part)
        folder = private_folder(self.directory / "services" / part)
        vault = self.openbao.environment(service, folder)
        own = {
            "RINGFENCE_LISTEN": self.listens[part],
            "RINGFENCE_HEALTH_LISTEN": self.health_listens[part],
            "RINGFENCE_SNAPSHOT_DIRECTORY": str(self.snapshot_folder(part)),
            "RINGFENCE_METRICS_LISTEN": self.metrics_listens[part],
        }
        if part in self.tiles_listens:
            own["RINGFENCE_TILES_LISTEN"] = self.tiles_listens[part]
            own["RINGFENCE_CONSOLE_LISTEN"] = self.console_listens[part]
        every = self.service_settings.get(service, {})
        return {**self._common_environment(service), **own, **vault, **every, **self.service_settings.get(part, {})}

    def migration_environment(self, service: str) -> dict[str, str]:
        """The settings of a migration: those of the service without Vault, and the owner's database."""
        database = self.databases[service]
        owner = database.owner_environment() | {"RINGFENCE_APPLICATION_ROLE": database.app_role}
        return {**self._common_environment(service), **owner, **self.service_settings.get(service, {})}

    def save(self) -> Path:
        """Writes the state file (mode 0600); returns its path."""
        return write_private(self.directory / STATE_FILE, json.dumps(asdict(self), default=str, indent=2))

    def _common_environment(self, service: str) -> dict[str, str]:
        passed_on = {name: os.environ[name] for name in os.environ if name in _PASSED_ON or name.startswith("OTEL_")}
        peers = {f"RINGFENCE_{_variable(name)}_ADDRESS": address for name, address in self.addresses.items()}
        return {
            **passed_on,
            **peers,
            "PYTHONUNBUFFERED": "1",
            "RINGFENCE_SERVICE": service,
            "RINGFENCE_LISTEN": self.listens[service],
            **self.databases[service].environment(),
            "RINGFENCE_NATS_URL": self.nats_url,
            "RINGFENCE_NATS_CACERT": str(self.workload_ca_file),
            "RINGFENCE_WORKLOAD_CA_FILE": str(self.workload_ca_file),
            "RINGFENCE_CLIENT_CA_FILE": str(self.client_ca_file),
            "RINGFENCE_TRUST_DOMAIN": TRUST_DOMAIN,
            "RINGFENCE_LEAVE_SECONDS": "0",
            **(self._erasure_environment() if service == "identity" else {}),
        }

    def _erasure_environment(self) -> dict[str, str]:
        return {
            "RINGFENCE_ERASURE_REGISTER_DIRECTORY": str(private_folder(self.directory / "erased")),
            "RINGFENCE_RETENTION_FILE": str(Path(__file__).with_name("retention.toml")),
        }


def service_of(part: str) -> str:
    """The service that a process of the stack is one of."""
    return part.partition(STANDBY)[0]


def standby_parts(services: Sequence[str]) -> list[str]:
    """The parts that stand by; a service that is named several times has as many."""
    counted = Counter[str]()
    parts = []
    for service in services:
        counted[service] += 1
        parts.append(f"{service}{STANDBY}" + (f"-{counted[service]}" if counted[service] > 1 else ""))
    return parts


def attach(directory: Path) -> RunningStack:
    """The stack that some process runs in `directory`; raises StackNotRunning, also when that process has died."""
    try:
        stack = _read(directory / STATE_FILE)
    except (OSError, ValueError, TypeError, LookupError):
        raise StackNotRunning(f"no stack runs in {directory}: {_WHAT_TO_DO}") from None
    if process_started(stack.owner_pid) != stack.owner_started:
        raise StackNotRunning(f"the stack in {directory} died: {_WHAT_TO_DO}")
    return stack


def process_started(pid: int) -> int | None:
    """When the process started, in clock ticks since boot (proc(5), field 22), or None if it does not run any more."""
    try:
        # The second field, the name, may itself hold spaces and brackets.
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return None if state == "Z" else int(fields[18])
    except (OSError, ValueError, IndexError):
        return None


def _read(state: Path) -> RunningStack:
    fields: dict[str, Any] = json.loads(state.read_text())
    paths = {
        "directory": Path(fields["directory"]),
        "databases": {service: _database(parts) for service, parts in fields["databases"].items()},
    }
    return RunningStack(**{**fields, **paths})


def _database(fields: dict[str, Any]) -> Database:
    files = {name: Path(fields[name]) for name in ("owner_password_file", "app_password_file")}
    return Database(**{**fields, **files})


def _variable(service: str) -> str:
    return service.replace("-", "_").upper()
