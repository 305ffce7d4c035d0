"""What a lock says must be installed: its versions, with the markers as an image's own Python answers them."""

from __future__ import annotations

import re
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def locked_versions(lock: Path, python_version: str) -> dict[str, str]:
    """Versions by normalised name of what `lock` installs on Linux under CPython `python_version` (three numbers)."""
    environment: dict[str, str | frozenset[str]] = {
        **{name: str(value) for name, value in default_environment().items()},
        "python_full_version": python_version,
        "python_version": ".".join(python_version.split(".")[:2]),
    }
    lines = re.sub(r"\\\n", " ", lock.read_text(encoding="utf-8")).splitlines()
    stated = [Requirement(line.partition("--hash")[0].strip()) for line in lines if "--hash" in line]
    return {
        str(canonicalize_name(each.name)): str(each.specifier).removeprefix("==")
        for each in stated
        if each.marker is None or each.marker.evaluate(environment)
    }


def installed_versions(site_packages: Path) -> dict[str, str]:
    """Versions by normalised name of what is installed in a folder of packages."""
    found = {}
    for metadata in site_packages.glob("*.dist-info/METADATA"):
        fields = dict(re.findall(r"^(Name|Version): (\S+)$", metadata.read_text(encoding="utf-8"), re.MULTILINE))
        found[str(canonicalize_name(fields["Name"]))] = fields["Version"]
    return found
