"""The release that upgrades are tested from, as it was: its packages, beside today's third-party ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RELEASE = "v0.1.0"
ORDER = ("audit", "custody", "payment-instruction", "identity")
"""In which services are upgraded: who follows before its source, custody before who asks (docs/runbooks/upgrade.md)."""
ORDER_FROM_RELEASE = ("audit", "custody", "identity", "payment-instruction")
"""From `RELEASE` to this one alone: its payment-instruction follows nobody, and the new one refuses its tokens."""
ARCHIVE = Path(__file__).parent / "released" / f"{RELEASE}.tar.xz"
"""`git archive RELEASE kernel/src protos clients/verifier/src services/*/src`, kept: a checkout may have no history."""
SERVICES = ("identity", "custody", "payment-instruction", "audit")
PACKAGES = (
    "kernel/src",
    "protos/gen",
    "clients/verifier/src",
    *(f"services/{service}/src" for service in SERVICES),
)
PROTOS = "protos"
COMMAND_SECONDS = 120


@dataclass(frozen=True)
class Release:
    """A release's packages in a folder of their own."""

    folder: Path

    @classmethod
    def unpacked(cls, folder: Path) -> Release:
        """Takes the packages of `RELEASE` out of what is kept of it."""
        with tarfile.open(ARCHIVE) as packed:
            packed.extractall(folder, filter="data")
        return cls(folder)

    @property
    def environment(self) -> dict[str, str]:
        """What makes a Python process run this release: its packages come before those that are installed."""
        return {"PYTHONPATH": os.pathsep.join(str(self.folder / package) for package in PACKAGES)}


def module_of(service: str) -> str:
    """Returns the package of a service."""
    return f"ringfence_{service.replace('-', '_')}"


def packages_in_use(environment: dict[str, str]) -> list[str]:
    """Returns where a process with that environment finds the packages."""
    modules = [*map(module_of, SERVICES), "ringfence_kernel", "ringfence_protos", "ringfence_verifier"]
    code = f"import {', '.join(modules)}\nfor each in ({', '.join(modules)}): print(each.__file__)"
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, env=environment, cwd="/", capture_output=True, text=True, check=True, timeout=COMMAND_SECONDS
    ).stdout.splitlines()


def run(service: str, database: Any, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a command of a service on a database; what only a serving process needs is named but not there."""
    command = [sys.executable, "-m", module_of(service), *arguments]
    return subprocess.run(
        command,
        env=_settings(service, database, environment),
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        timeout=COMMAND_SECONDS,
    )


COMMANDS = """
import json, runpy, sys
for line in sys.stdin:
    sys.argv = [sys.argv[0], *json.loads(line)]
    code = 0
    try:
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        code = ended.code or 0
    print(f"{ENDED}{code}", flush=True)
"""
ENDED = "\x04"


class Commands:
    """Commands of a service on a database, one after the other in one process, since most of each is its start."""

    def __init__(self, service: str, database: Any, errors: Path) -> None:
        """Starts the process; what it says on standard error goes into the file `errors`."""
        self.errors = errors
        code = COMMANDS.replace("{ENDED}", ENDED)
        with errors.open("w") as told:
            self._process = subprocess.Popen(
                [sys.executable, "-c", f"import sys; sys.argv[0] = {module_of(service)!r}\n{code}"],
                env=_settings(service, database, {}),
                cwd="/",
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=told,
                text=True,
            )

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs one, as its own process would."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(arguments) + "\n")
        self._process.stdin.flush()
        told: list[str] = []
        while (line := self._process.stdout.readline()) and not line.startswith(ENDED):
            told.append(line)
        assert line, self.errors.read_text()
        return subprocess.CompletedProcess(
            arguments, int(line.removeprefix(ENDED)), "".join(told), self.errors.read_text()
        )

    def close(self) -> None:
        """Ends the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(COMMAND_SECONDS)


def _settings(service: str, database: Any, environment: dict[str, str]) -> dict[str, str]:
    nowhere = "127.0.0.1:1"
    peers = {f"RINGFENCE_{each.replace('-', '_').upper()}_ADDRESS": nowhere for each in SERVICES}
    files = ("VAULT_WRAPPED_SECRET_ID_FILE", "WORKLOAD_CA_FILE", "CLIENT_CA_FILE", "RAIL_SPOOL_DIRECTORY")
    return {
        **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
        **peers,
        **{f"RINGFENCE_{name}": os.devnull for name in files},
        "RINGFENCE_SERVICE": service,
        "RINGFENCE_LISTEN": nowhere,
        **database.environment(),
        **database.owner_environment(),
        "RINGFENCE_VAULT_ROLE_ID": "none",
        "VAULT_ADDR": f"https://{nowhere}",
        "RINGFENCE_NATS_URL": f"tls://{nowhere}",
        "RINGFENCE_TRUST_DOMAIN": "ringfence.local",
        **environment,
    }


def require_done(service: str, database: Any, environment: dict[str, str], *arguments: str) -> None:
    """Runs a command that has to succeed."""
    done = run(service, database, environment, *arguments)
    assert done.returncode == 0, done.stderr
