"""Terraform itself where it is: formatting, validation and its own tests with a mocked provider.

Neither the program nor its provider comes from a package, so a machine may be without them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deploy.checks.infra.hcl import environment

PROVIDER = "hashicorp/aws/5.100.0/*/terraform-provider-aws*"
PLUGINS = "RINGFENCE_TERRAFORM_PLUGINS"
"""Names the folder with providers, laid out as a mirror: HOST/hashicorp/aws/VERSION/PLATFORM."""
_FOLDERS = ("~/.terraform.d/plugins", "/usr/local/share/terraform/plugins", "/usr/share/terraform/plugins")


@dataclass(frozen=True)
class Terraform:
    """The program with a folder of providers; it downloads nothing."""

    program: str
    plugins: Path

    def run(self, folder: Path, data: Path, *arguments: str) -> str:
        """Returns what a command said in a folder, its own files in `data`; raises CalledProcessError."""
        done = subprocess.run(
            [self.program, *arguments],
            cwd=folder,
            check=True,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment() | {"TF_DATA_DIR": str(data)},
        )
        return done.stdout

    def check(self, folder: Path, data: Path) -> str:
        """Validates and tests a module; returns what the tests said, raises CalledProcessError."""
        self.run(folder, data, "init", "-no-color", "-backend=false", f"-plugin-dir={self.plugins}")
        # A module that is given a second provider is valid only with its caller, which is checked as well.
        if "configuration_aliases" not in (folder / "versions.tf").read_text(encoding="utf-8"):
            self.run(folder, data, "validate", "-no-color")
        return self.run(folder, data, "test", "-no-color")


def find_terraform() -> Terraform | None:
    """Returns Terraform with the provider that is pinned, or None where either is missing."""
    program = shutil.which("terraform")
    plugins = next((folder for folder in _plugin_folders() if any(folder.glob(f"*/{PROVIDER}"))), None)
    return Terraform(program, plugins) if program and plugins else None


def _plugin_folders() -> Iterator[Path]:
    if named := os.environ.get(PLUGINS):
        yield Path(named)
    yield from (Path(folder).expanduser() for folder in _FOLDERS)
    yield from sorted(Path("/opt").glob("*"))
