"""Images and containers in a folder of their own, by buildah and podman, which nobody else sees."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_POLICY = {
    "default": [{"type": "reject"}],
    "transports": {"containers-storage": {"": [{"type": "insecureAcceptAnything"}]}},
}
"""Only what lies in the store already; a base from a registry is taken as the site's own policy says."""


class ImagesError(Exception):
    """Something that `make images` does has failed; the text says what."""


@dataclass(frozen=True)
class Image:
    """What a store tells about an image; `size_bytes` is all of its layers, not compressed."""

    name: str
    size_bytes: int
    user: str
    labels: dict[str, str]
    environment: list[str]
    entry_point: list[str]
    digest: str


@dataclass(frozen=True)
class Store:
    """Buildah and podman on `folder`, without a registry unless an image is pulled by name."""

    folder: Path
    driver: str = "overlay"

    def build(
        self,
        dockerfile: Path,
        context: Path,
        name: str,
        arguments: dict[str, str],
        time: int = 0,
        target: str | None = None,
    ) -> None:
        """Builds an image, or one of its stages, with the build arguments.

        Every step is done anew: a cache would not see what is mounted in a step.

        All files of the new layers, and the image, are of `time` (seconds since 1970), so that the same input makes the
        same image. Raises ImagesError.
        """
        given = [f"--build-arg={key}={value}" for key, value in arguments.items()]
        self._buildah(
            "bud",
            *self._policy(),
            "--pull-never",
            f"--timestamp={time}",
            *given,
            *([f"--target={target}"] if target else []),
            f"--tag={name}",
            f"--file={dockerfile}",
            str(context),
        )

    def pull(self, name: str) -> None:
        """Fetches an image from its registry unless it is here; raises ImagesError."""
        if not self.has(name):
            self._buildah("pull", "--quiet", name)

    def prune(self) -> None:
        """Removes images that have lost their name to a newer one; raises ImagesError."""
        self._buildah("rmi", "--prune")

    def has(self, name: str) -> bool:
        """Tells whether an image is here."""
        return self._run(["buildah", *self._options(), "inspect", "--type=image", name]).returncode == 0

    def image(self, name: str) -> Image:
        """What the store tells about an image; raises ImagesError."""
        (found,) = json.loads(self._checked(["podman", *self._options(), "image", "inspect", name]))
        config: dict[str, Any] = found["Config"]
        return Image(
            name,
            int(found["Size"]),
            str(config.get("User", "")),
            dict(config.get("Labels") or {}),
            list(config.get("Env") or []),
            list(config.get("Entrypoint") or []),
            str(found["Digest"]),
        )

    @contextmanager
    def mounted(self, name: str) -> Iterator[Path]:
        """The root of an image as a folder."""
        container = self._buildah("from", *self._policy(), "--pull-never", name).strip()
        try:
            yield Path(self._buildah("mount", container).strip())
        finally:
            self._buildah("rm", container)

    def podman(self, *arguments: str) -> list[str]:
        """A command line of podman on this store, with the one runtime that works under every layout of cgroups."""
        program = shutil.which("podman") or "podman"
        return [program, *self._options(), "--runtime=runc", "--cgroup-manager=cgroupfs", *arguments]

    def _options(self) -> Sequence[str]:
        return (
            f"--root={self.folder / 'storage'}",
            f"--runroot={self.folder / 'run'}",
            f"--storage-driver={self.driver}",
        )

    def _policy(self) -> Sequence[str]:
        policy = self.folder / "policy.json"
        if not policy.exists():
            policy.write_text(json.dumps(_POLICY), encoding="utf-8")
        return (f"--signature-policy={policy}",)

    def _buildah(self, verb: str, *arguments: str) -> str:
        return self._checked(["buildah", *self._options(), verb, *arguments])

    def _checked(self, command: Sequence[str]) -> str:
        done = self._run(command)
        if done.returncode:
            said = "\n".join((done.stdout + done.stderr).splitlines()[-25:])
            raise ImagesError(f"{' '.join(command)} ended with status {done.returncode}:\n{said}")
        return done.stdout

    def _run(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        # Builds need neither a daemon nor a runtime.
        environment = {**os.environ, "BUILDAH_ISOLATION": "chroot"}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
