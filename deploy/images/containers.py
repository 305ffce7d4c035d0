"""Runs the services of a local stack from their images, under the security context that their pods have."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from ringfence_local_stack.stack.running import service_of

from deploy.images.making import HERE, image_name
from deploy.images.store import Store

SECURITY_CONTEXT = HERE / "security-context.yaml"
_SETTINGS = ("RINGFENCE_", "VAULT_", "OTEL_")
_READ_AT, _WRITTEN_AT = "/etc/ringfence", "/var/lib/ringfence"
_LIMIT = 4096
"""Open files and processes: what podman would set needs a capability that a container does not always get."""
_TIMEOUT_SECONDS = 60


def security_options(context: Mapping[str, Any]) -> list[str]:
    """The options of `podman run` that mean what a container's security context says; raises ValueError for others."""
    rest = dict(context)
    options = [f"--user={rest.pop('runAsUser')}:{rest.pop('runAsGroup')}"]
    required = {
        "allowPrivilegeEscalation": (False, "--security-opt=no-new-privileges"),
        "readOnlyRootFilesystem": (True, "--read-only"),
        "capabilities": ({"drop": ["ALL"]}, "--cap-drop=all"),
        # The runtime's own filter of system calls is podman's default.
        "seccompProfile": ({"type": "RuntimeDefault"}, None),
        "runAsNonRoot": (True, None),
        "privileged": (False, None),
    }
    for name, (value, option) in required.items():
        if rest.pop(name, None) != value:
            raise ValueError(f"the security context must say {name}: {value}")
        options += [option] if option else []
    if rest:
        raise ValueError(f"the security context says what is not held here: {', '.join(sorted(rest))}")
    return options


def read_security_context(path: Path = SECURITY_CONTEXT) -> dict[str, Any]:
    """The security context of a service's container."""
    context: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return context


@dataclass
class Containers:
    """Command lines that run services in containers on the network of this machine.

    `folder` holds copies of what the settings name, readable for the services' group as in a pod with an fsGroup.
    """

    store: Store
    folder: Path
    context: Mapping[str, Any] = field(default_factory=read_security_context)
    names: list[str] = field(default_factory=list)

    def command_line(self, part: str, verb: str, settings: Mapping[str, str]) -> Sequence[str]:
        """What runs `ringfence-SERVICE VERB` of a part of the stack with these settings."""
        name = f"ringfence-{os.getpid()}-{len(self.names)}"
        self.names.append(name)
        options: list[str] = []
        for setting, value in settings.items():
            if setting.startswith(_SETTINGS):
                seen, mounts = self._seen_inside(part, setting, value)
                options += [f"--env={setting}={seen}", *mounts]
        return self.run(image_name(service_of(part)), [f"--name={name}", *options], [verb])

    def run(self, image: str, options: Sequence[str], arguments: Sequence[str]) -> list[str]:
        """A command line that runs an image as a pod would: no other place than /tmp can be written."""
        return self.store.podman(
            "run",
            "--rm",
            "--pull=never",
            "--network=host",
            *security_options(self.context),
            "--read-only-tmpfs=false",
            "--tmpfs=/tmp:rw,nosuid,nodev,noexec,size=64m,mode=1777",
            f"--ulimit=nofile={_LIMIT}:{_LIMIT}",
            f"--ulimit=nproc={_LIMIT}:{_LIMIT}",
            *options,
            image,
            *arguments,
        )

    def mount(self, part: str, path: Path, inside: str) -> str:
        """The option that shows a container a file, as a ConfigMap or Secret would, at the place `inside`."""
        return f"--volume={self._read(part, path.name, path)}:{inside}:ro"

    def output(
        self, image: str, arguments: Sequence[str], entry_point: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Runs an image to its end, without network."""
        options = ["--network=none", *([f"--entrypoint={entry_point}"] if entry_point else [])]
        command = [each for each in self.run(image, options, arguments) if each != "--network=host"]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=_TIMEOUT_SECONDS)

    def remove(self) -> None:
        """Removes what still runs of this object's containers, and the copies."""
        if self.names:
            command = self.store.podman("rm", "--force", "--ignore", "--time=5", *self.names)
            subprocess.run(command, capture_output=True, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _seen_inside(self, part: str, setting: str, value: str) -> tuple[str, list[str]]:
        """A setting as the container sees it, with the mounts that this needs."""
        path = Path(value)
        if setting.endswith("_DIRECTORY"):
            inside = f"{_WRITTEN_AT}/{path.name}"
            return inside, [f"--volume={self._written(path)}:{inside}"]
        if path.is_absolute() and path.is_file():
            inside = f"{_READ_AT}/{setting.lower()}"
            return inside, [f"--volume={self._read(part, setting, path)}:{inside}:ro"]
        return value, []

    def _read(self, part: str, setting: str, path: Path) -> Path:
        copy = self.folder / part / setting.lower()
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.unlink(missing_ok=True)
        shutil.copyfile(path, copy)
        os.chown(copy, 0, self.context["runAsGroup"])
        copy.chmod(0o440)
        return copy

    def _written(self, path: Path) -> Path:
        path.mkdir(parents=True, exist_ok=True)
        for each in (path, *path.rglob("*")):
            os.chown(each, self.context["runAsUser"], self.context["runAsGroup"])
        return path
