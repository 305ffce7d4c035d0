"""What is installed is pinned: packages by version and hash, base images by digest where a release builds them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = [
    ROOT / name
    for name in subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    if (ROOT / name).is_file()
]
SCRIPTS = [
    path
    for path in FILES
    if path.suffix in {".sh", ".yml", ".yaml"}
    or path.name == "Makefile"
    or "Dockerfile" in path.name
    or path.parent.name == ".ci"
]
DOCKERFILES = [path for path in SCRIPTS if "Dockerfile" in path.name]
LOCKS = sorted(path for path in FILES if path.name == "requirements.lock" or path.match("tools/*.txt"))
OF_IMAGES = [path for path in LOCKS if path.name in {"requirements.lock", "uv.txt", "build.txt"}]
"""Those whose packages meet in an environment or an image; other tools have environments of their own."""
INSTALLS = re.compile(
    r"\b(pip3?(?:\s+-\S+(?:\s+[^-\s]\S*)?)*?\s+(?:install|wheel|download)|uv\s+(?:sync|run|tool|add)|uvx|pipx|npm|npx|curl|wget)\b(.*)"
)
PINNED = re.compile(r"[A-Za-z0-9._-]+(?:\[[a-z,]+\])?==[^ ;]+(?: ;.*?)?(?: --hash=sha256:[0-9a-f]{64})+")


def unpinned(script: str) -> list[str]:
    """Returns the commands of a script that install something that is not pinned by hash."""
    found = []
    for line in re.sub(r"\\\n", " ", script).splitlines():
        if line.lstrip().startswith("#"):
            continue
        for command in re.split(r"&&|\|\||;|\|", line):
            install = INSTALLS.search(command)
            if install and not _is_pinned(install[1], install[2].split()):
                found.append(command.strip())
    return found


def _is_pinned(program: str, arguments: list[str]) -> bool:
    """By hash from files alone, or what lies here already and brings nothing along."""
    if not program.startswith("pip"):
        return False
    if "--require-hashes" in arguments:
        options = {
            "--no-cache-dir",
            "--no-compile",
            "--no-deps",
            "--quiet",
            "--disable-pip-version-check",
            "--require-hashes",
            "-r",
        }
        # Where wheels come from and go to: their hashes say what they are.
        given = re.sub(r"--(only-binary|find-links|dest) \S+", "", " ".join(arguments)).split()
        named = [each for each in given if each not in options]
        return bool(named) and all(Path(each).name in {lock.name for lock in LOCKS} for each in named)
    local = all(each.startswith(("-", "./", "wheels")) or each == '"${members[@]}"' for each in arguments)
    return local and "--no-deps" in arguments and bool({"--no-index", "--no-build-isolation"} & set(arguments))


def unpinned_bases(dockerfile: str) -> list[str]:
    """Returns the images of a Dockerfile that are neither a stage of it, nor a digest, nor given by a release."""
    images = re.findall(r"^FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?", dockerfile, re.MULTILINE | re.IGNORECASE)
    allowed = {stage for _, stage in images} | {"${BASE}", "${BUILDER}", "scratch"}
    return [image for image, _ in images if image not in allowed and not re.search(r"@sha256:[0-9a-f]{64}$", image)]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_scripts_install_by_hash_alone(path: Path) -> None:
    """Nothing is fetched that a lock does not name with its hash."""
    assert unpinned(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_images_stand_on_a_named_base(path: Path) -> None:
    """A base is a digest, or the argument with which a release gives one."""
    assert unpinned_bases(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_locks_name_versions_hashes_and_no_hosts(path: Path) -> None:
    """Every line of a lock is one version with hashes."""
    text = path.read_text(encoding="utf-8")
    lines = [line for line in re.sub(r"\\\n\s*", "", text).splitlines() if not line.lstrip().startswith("#")]
    assert lines
    assert [line for line in lines if not PINNED.fullmatch(line)] == []
    assert "://" not in text


def test_locks_agree() -> None:
    """Services, their build and the tools have the versions that are tested."""
    versions = {path: _versions(path) for path in OF_IMAGES}
    tested = versions[ROOT / "requirements.lock"]
    assert len(OF_IMAGES) == 9
    assert {path.name: found - tested for path, found in versions.items() if found - tested} == {}


def _versions(path: Path) -> set[str]:
    return set(re.findall(r"^([A-Za-z0-9._-]+==[^ ;]+)", path.read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize(
    "command",
    [
        "pip install uv",
        "python -m pip install --quiet 'uv==1.0'",
        "RUN pip install --constraint constraints.txt ./kernel",
        "pip install --require-hashes -r requirements.lock extra",
        "pip install ./kernel",
        "/tools/bin/pip --python /service/bin/python install structlog",
        "pip --quiet download --dest wheels structlog",
        "pip install --no-deps --no-index package",
        "uv sync --frozen",
        "curl -O https://somewhere/program",
        "true && \\\n    uvx ruff",
    ],
)
def test_an_install_without_hashes_is_found(command: str) -> None:
    """What the check is for."""
    assert unpinned(command)


def test_a_base_by_tag_is_found() -> None:
    """What the check is for."""
    assert unpinned_bases("FROM python:3.11 AS build\nFROM build\n") == ["python:3.11"]
