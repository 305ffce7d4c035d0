"""Makes the images: a base of Debian's packages where none is given, a wheelhouse, then each image from one file."""

from __future__ import annotations

import hashlib
import subprocess
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.images.store import ImagesError, Store

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
SERVICES = ("identity", "custody", "payment-instruction", "audit")
TOOLS = ("bootstrap", "client")
SUITE = "bookworm"
BASE_PACKAGES = {
    "base": ("python3", "ca-certificates"),
    "builder": ("python3", "python3-venv", "binutils", "ca-certificates"),
}
"""What Debian's Python images hold for our purpose: to run, and to build with."""
_UNREAD = ("doc", "info", "locale", "man")

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Recipe:
    """What the image `ringfence-NAME` is made of: a member of the workspace, and others that it needs beside it."""

    name: str
    member: str
    beside: tuple[str, ...]
    target: str

    @property
    def lock(self) -> Path:
        """What is installed of others."""
        return ROOT / self.member / "requirements.lock"

    @property
    def packages(self) -> tuple[str, ...]:
        """The names of our packages in it."""
        return tuple(str(_project(each)["name"]) for each in (*self.beside, self.member))

    @property
    def programs(self) -> tuple[str, ...]:
        """The names of its programs."""
        return tuple(_project(self.member)["scripts"])

    @property
    def modules(self) -> tuple[str, ...]:
        """What our packages are imported as."""
        return tuple(each.replace("-", "_") for each in self.packages)


RECIPES = {
    **{name: Recipe(name, f"services/{name}", ("protos", "kernel"), "service") for name in SERVICES},
    "audit": Recipe("audit", "services/audit", ("protos", "kernel", "clients/desk", "clients/console"), "service"),
    "bootstrap": Recipe("bootstrap", "tools/bootstrap", (), "tool"),
    "client": Recipe(
        "client", "clients/python", ("protos", "clients/verifier", "clients/desk", "clients/console"), "tool"
    ),
}


@dataclass(frozen=True)
class Bases:
    """The images that all others stand on and are built with, by name."""

    base: str
    builder: str


@dataclass(frozen=True)
class Release:
    """Where images come from, as their labels say; `time` of the commit, in seconds since 1970, is theirs as well."""

    version: str
    revision: str
    source: str
    time: int = 0

    @classmethod
    def of_checkout(cls, source: str) -> Release:
        """The version of the workspace and the commit that is checked out, marked where files differ from it."""
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        revision = _git("rev-parse", "HEAD")
        changed = "-changed" if _git("status", "--porcelain", "--untracked-files=no") else ""
        time = int(_git("show", "--no-patch", "--format=%ct", "HEAD"))
        return cls(project["version"], f"{revision}{changed}", source, time)

    def labels(self, name: str, base: str) -> dict[str, str]:
        """The labels of an image."""
        named = {
            "title": f"ringfence-{name}",
            "version": self.version,
            "revision": self.revision,
            "source": self.source,
            "base.name": base,
        }
        return {f"org.opencontainers.image.{name}": value for name, value in named.items()}


def image_name(name: str) -> str:
    """The name of an image in a store."""
    return f"localhost/ringfence-{name}"


def made_base(store: Store, kind: str, progress: Progress) -> str:
    """The name of a base of this kind made from Debian's packages, kept in the store until its recipe changes."""
    packages = BASE_PACKAGES[kind]
    recipe = hashlib.sha256(" ".join((SUITE, *packages, *_UNREAD)).encode()).hexdigest()[:12]
    name = f"localhost/ringfence-{kind}:{recipe}"
    if not store.has(name):
        progress(f"making the {kind} with mmdebstrap")
        folder = store.folder / kind
        folder.mkdir(parents=True, exist_ok=True)
        left_out = [f"--dpkgopt=path-exclude=/usr/share/{each}/*" for each in _UNREAD]
        included = f"--include={','.join(packages)}"
        _run("mmdebstrap", "--quiet", "--variant=minbase", included, *left_out, SUITE, str(folder / "root.tar"))
        (folder / "Dockerfile").write_text("FROM scratch\nADD root.tar /\n", encoding="utf-8")
        store.build(folder / "Dockerfile", folder, name, {})
        (folder / "root.tar").unlink()
    return name


def fill_wheelhouse(progress: Progress) -> None:
    """Fetches what the locks name, unless that was done since they changed; raises ImagesError."""
    locks = [ROOT / "tools" / "build.txt", *(recipe.lock for recipe in RECIPES.values())]
    wanted = hashlib.sha256(b"".join(lock.read_bytes() for lock in locks)).hexdigest()
    stamp = HERE / "wheelhouse" / "locks.sha256"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        progress("filling the wheelhouse")
        for wheel in (HERE / "wheelhouse").glob("*.whl"):
            wheel.unlink()
        _run(str(HERE / "wheelhouse.sh"))
        stamp.write_text(wanted, encoding="utf-8")


def build(store: Store, name: str, bases: Bases, release: Release) -> str:
    """Builds an image from the wheelhouse alone; returns its name in the store. Raises ImagesError."""
    recipe = RECIPES[name]
    arguments = {
        "PROGRAM": name,
        "MEMBER": recipe.member,
        "BESIDE": " ".join(recipe.beside),
        "BASE": bases.base,
        "BUILDER": bases.builder,
        "PIP_NO_INDEX": "1",
        "VERSION": release.version,
        "REVISION": release.revision,
        "SOURCE": release.source,
        "SOURCE_DATE_EPOCH": str(release.time),
    }
    store.build(HERE / "Dockerfile", ROOT, image_name(name), arguments, release.time, recipe.target)
    return image_name(name)


def _project(member: str) -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((ROOT / member / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project


def _git(*arguments: str) -> str:
    return _run("git", "-C", str(ROOT), *arguments).strip()


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ImagesError(f"{' '.join(command)} ended with status {done.returncode}:\n{done.stderr}")
    return done.stdout
