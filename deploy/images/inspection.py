"""Looks into an image without running it; every rule that it breaks is one finding."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from deploy.images.locked import installed_versions, locked_versions
from deploy.images.making import Recipe
from deploy.images.store import Image

MEGABYTE = 1_000_000
BOUND_MEGABYTES = {True: 155, False: 95}
"""How much an image may add to its base, with numpy and without."""
ACCOUNT = "10001:10001"
_TOOLS = re.compile(
    r"(pip[0-9.]*|easy_install.*|f2py.*|activate.*|Activate\.ps1|cc|c\+\+|gcc.*|g\+\+.*|clang.*|tcc|ld|as|make|strip)"
)
_INSTALLERS = re.compile(r"(pip|setuptools|wheel|uv|hatchling)(-[0-9].*)?")
_UNCHECKED_HASH = 1
_HEADER_BYTES = 16


@dataclass(frozen=True)
class Opened:
    """An image that is mounted at `root`, and what it must be."""

    recipe: Recipe
    image: Image
    base: Image
    root: Path
    labels: dict[str, str]
    owner: int = 0

    @property
    def site_packages(self) -> Path:
        """Where the packages are."""
        return next((self.root / "service" / "lib").glob("python3.*/site-packages"))

    @property
    def python_version(self) -> str:
        """Three numbers, as the environment was made with."""
        text = (self.root / "service" / "pyvenv.cfg").read_text(encoding="utf-8")
        (version,) = re.findall(r"^version = (\S+)$", text, re.MULTILINE)
        return str(version)

    @property
    def must_hold(self) -> dict[str, str]:
        """Versions by name of every package that must be there, our own too."""
        version = self.labels["org.opencontainers.image.version"]
        own = dict.fromkeys(self.recipe.packages, version)
        return locked_versions(self.recipe.lock, self.python_version) | own

    @property
    def added_megabytes(self) -> float:
        """What the image adds to its base."""
        return (self.image.size_bytes - self.base.size_bytes) / MEGABYTE


def findings(opened: Opened) -> list[str]:
    """Every rule that the image breaks, in words."""
    return [
        *_size(opened),
        *_configuration(opened),
        *_packages(opened),
        *_files(opened.root),
        *_service_folder(opened.root / "service", opened.owner),
        *_compiled(opened.site_packages),
    ]


def sbom_findings(sbom: dict[str, Any], opened: Opened) -> list[str]:
    """What the list of an image's components lacks, or has in another version."""
    named, wanted = python_components(sbom), opened.must_hold.items()
    debian = any(str(each.get("purl", "")).startswith("pkg:deb/") for each in sbom.get("components", []))
    return [
        *(f"its SBOM lacks {name} {version}" for name, version in sorted(wanted - named)),
        *(f"its SBOM has {name} {version}, which no lock names" for name, version in sorted(named - wanted)),
        *([] if debian else ["its SBOM lacks the packages of its base"]),
    ]


def python_components(sbom: dict[str, Any]) -> set[tuple[str, str]]:
    """Normalised names and versions of the Python packages in a CycloneDX document."""
    return {
        (str(canonicalize_name(each["name"])), str(each.get("version")))
        for each in sbom.get("components", [])
        if str(each.get("purl", "")).startswith("pkg:pypi/")
    }


def read_sbom(path: Path) -> dict[str, Any]:
    """A CycloneDX document; raises ValueError for another."""
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if document.get("bomFormat") != "CycloneDX":
        raise ValueError(f"{path} is not CycloneDX")
    return document


def _size(opened: Opened) -> Iterator[str]:
    bound = BOUND_MEGABYTES["numpy" in opened.must_hold]
    if opened.added_megabytes > bound:
        yield f"adds {opened.added_megabytes:.1f} MB to its base, more than {bound}"


def _configuration(opened: Opened) -> Iterator[str]:
    if opened.image.user != ACCOUNT:
        yield f"runs as {opened.image.user or 'root'}, not as {ACCOUNT}"
    for name, value in opened.labels.items():
        if opened.image.labels.get(name) != value or not value:
            yield f"label {name} is {opened.image.labels.get(name)!r}, not {value!r}"
    yield from _programs(opened)


def _programs(opened: Opened) -> Iterator[str]:
    """A service starts by itself, a tool only what its caller names; neither has a program of another's."""
    folder = opened.root / "service" / "bin"
    is_service = opened.recipe.target == "service"
    if opened.image.entry_point != (["/service/bin/service"] if is_service else []):
        yield f"starts with {opened.image.entry_point}"
    wanted = {*opened.recipe.programs, *(["service"] if is_service else [])}
    found = {path.name for path in folder.iterdir() if not path.name.startswith("python")}
    yield from (f"lacks the program {name}" for name in sorted(wanted - found))
    yield from (f"has the program {name}, which is not its own" for name in sorted(found - wanted))
    link = folder / "service"
    if is_service and link.is_symlink() and os.readlink(link) != f"ringfence-{opened.recipe.name}":
        yield f"starts {os.readlink(link)}"


def _packages(opened: Opened) -> Iterator[str]:
    found, wanted = installed_versions(opened.site_packages), opened.must_hold
    for name, version in sorted(wanted.items() - found.items()):
        yield f"lacks {name} {version}, and has {found.get(name, 'none')}"
    for name in sorted(found.keys() - wanted.keys()):
        yield f"has {name} {found[name]}, which its lock does not name"


def _files(root: Path) -> Iterator[str]:
    """What no image may hold anywhere: ways to more rights, installers, compilers, files that all may change."""
    for path, status in _walk(root):
        shown, mode = f"/{path.relative_to(root)}", status.st_mode
        if stat.S_ISREG(mode) and mode & (stat.S_ISUID | stat.S_ISGID):
            yield f"{shown} is setuid or setgid"
        if not stat.S_ISLNK(mode) and mode & stat.S_IWOTH and not mode & stat.S_ISVTX and not stat.S_ISCHR(mode):
            yield f"{shown} may be changed by all"
        if path.parent.name in {"bin", "sbin"} and _TOOLS.fullmatch(path.name):
            yield f"{shown} is a tool that no service needs"
        if path.name == "ensurepip" or (path.parent.name.endswith("-packages") and _INSTALLERS.fullmatch(path.name)):
            yield f"{shown} installs packages"


def _service_folder(folder: Path, owner: int) -> Iterator[str]:
    for path, status in _walk(folder):
        shown = f"/service/{path.relative_to(folder)}"
        if status.st_uid != owner:
            yield f"{shown} belongs to {status.st_uid}"
        if stat.S_ISDIR(status.st_mode) and path.name == "tests":
            yield f"{shown} holds the tests of a package"


def _compiled(site_packages: Path) -> Iterator[str]:
    """A module without current bytecode is compiled at every start, since nothing can be written."""
    for source in site_packages.rglob("*.py"):
        compiled = list((source.parent / "__pycache__").glob(f"{source.stem}.cpython-*.pyc"))
        if len(compiled) != 1:
            yield f"{source.relative_to(site_packages)} has {len(compiled)} files of bytecode"
        elif int.from_bytes(compiled[0].read_bytes()[:_HEADER_BYTES][4:8], "little") != _UNCHECKED_HASH:
            yield f"{compiled[0].relative_to(site_packages)} depends on the time of a file"


def _walk(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(parent, name)
            yield path, path.lstat()
