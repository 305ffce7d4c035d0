"""What holds of the images before any is built, and what the look into a built one finds."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import replace
from fnmatch import fnmatch
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deploy.checks.chart.rendering import CHART, VALUE_SETS, Object, objects, pods
from deploy.images.containers import read_security_context, security_options
from deploy.images.inspection import Opened, findings, sbom_findings
from deploy.images.locked import locked_versions
from deploy.images.making import HERE, RECIPES, ROOT, SERVICES, TOOLS, Release
from deploy.images.store import Image

DOCKERFILE = re.sub(r"\\\n", " ", (HERE / "Dockerfile").read_text(encoding="utf-8"))
FINAL = DOCKERFILE[DOCKERFILE.index("\nFROM ${BASE}") :]
VERSION, PYTHON = "0.1.0", "3.11.2"
SITE_PACKAGES = "service/lib/python3.11/site-packages"
MEGABYTE = 1_000_000


def test_one_file_makes_all_images() -> None:
    """No service has a recipe of its own, and each has what the recipe asks for."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert [path for path in listed.splitlines() if Path(path).name == "Dockerfile"] == ["deploy/images/Dockerfile"]
    assert {path.name for path in (ROOT / "services").iterdir() if path.is_dir()} == set(SERVICES)
    for recipe in RECIPES.values():
        project = tomllib.loads((ROOT / recipe.member / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        assert project["version"] == VERSION
        assert recipe.lock.is_file()
        if recipe.target == "service":
            assert recipe.programs == (f"ringfence-{recipe.name}",)


def test_every_image_that_the_chart_asks_for_is_made() -> None:
    """What the values want a digest of, and what a rendered pod runs, has a recipe; no recipe is for nothing."""
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    assert set(values["image"]["digests"]) == set(RECIPES) == {*SERVICES, *TOOLS}
    assert {name for name, _ in run_by_the_chart()} == set(RECIPES)


def test_what_a_pod_calls_by_name_is_in_its_image() -> None:
    """A command of a rendered pod is a program of the recipe, or the Python of every image."""
    for name, container in run_by_the_chart():
        recipe = RECIPES[name]
        programs = {f"/service/bin/{each}" for each in (*recipe.programs, "python")}
        assert ("command" in container) or recipe.target == "service"
        assert {container.get("command", ["/service/bin/python"])[0]} <= programs


def run_by_the_chart() -> Iterator[tuple[str, Object]]:
    """Yields every container of the chart with all that can be asked for, after the name of its image."""
    for pod in pods(objects(CHART / "ci" / "three-zones.yaml")):
        for container in pod.containers:
            [name] = re.findall(r"/ringfence-([a-z-]+)[:@]", container["image"])
            yield name, container


def test_a_recipe_brings_every_package_of_ours_that_it_needs() -> None:
    """What the member and those beside it depend on within the workspace is beside it."""
    for recipe in RECIPES.values():
        for member in (*recipe.beside, recipe.member):
            named = {re.split(r"[\[<>=;\s]", each)[0] for each in needed_by(member)}
            assert {each for each in named if each.startswith("ringfence")} <= set(recipe.packages)


def needed_by(member: str) -> list[str]:
    """Gives what a member depends on, with its extra `console`: an image has every command of its programs."""
    project = tomllib.loads((ROOT / member / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [*project["dependencies"], *project.get("optional-dependencies", {}).get("console", ())]


@pytest.mark.parametrize("name", RECIPES)
def test_the_lock_of_an_image_has_all_that_its_packages_need(name: str) -> None:
    """What the members of an image ask for is in its lock, with all that this needs in turn."""
    recipe = RECIPES[name]
    locked, wanted = locked_versions(recipe.lock, platform.python_version()), set[str]()
    for member in (*recipe.beside, recipe.member):
        wanted |= set(needed_by(member))
    seen = dict[str, str]()
    while wanted:
        needed = Requirement(wanted.pop())
        package = str(canonicalize_name(needed.name))
        if package in recipe.packages or str(needed) in seen:
            continue
        seen[str(needed)] = package
        for each in map(Requirement, distribution(package).requires or ()):
            if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in ("", *needed.extras)):
                each.marker = None
                wanted.add(str(each))
    assert len(seen) > 5
    assert set(seen.values()) - set(locked) == set()


@pytest.mark.parametrize("values", VALUE_SETS, ids=lambda values: values.stem)
def test_images_are_tried_under_the_security_context_of_the_chart(values: Path) -> None:
    """What `make images` holds is what a rendered container has, with what it inherits from its pod."""
    for pod in pods(objects(values)):
        inherited = {
            name: value
            for name, value in pod.spec["securityContext"].items()
            if name in {"runAsUser", "runAsGroup", "runAsNonRoot", "seccompProfile"}
        }
        for container in pod.containers:
            assert {**inherited, **container["securityContext"]} == read_security_context(), pod.title


def test_bases_are_given_and_never_assumed() -> None:
    """Both bases are arguments without a default, which a release gives by digest."""
    assert re.findall(r"^ARG (BASE|BUILDER)(\S*)", DOCKERFILE.split("\nFROM ")[0], re.MULTILINE) == [
        ("BASE", ""),
        ("BUILDER", ""),
    ]
    assert re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE) == ["${BUILDER}", "${BASE}", "common", "common"]


def test_an_image_says_what_it_is_and_runs_as_nobody_else() -> None:
    """Account, entry point, ports and labels, which are the ones that are looked for."""
    assert re.findall(r"^USER (\S+)", FINAL, re.MULTILINE) == ["10001:10001"]
    assert re.findall(r"^FROM (.*)", FINAL, re.MULTILINE)[1:] == ["common AS tool", "common AS service"]
    assert re.findall(r"^ENTRYPOINT (.*)", FINAL, re.MULTILINE) == ["[]", '["/service/bin/service"]']
    assert re.findall(r"^EXPOSE (.*)", FINAL, re.MULTILINE) == ["8443 8081 9464"]
    labels = re.findall(r'(org\.opencontainers\.image\.[a-z.]+)="', FINAL)
    assert set(labels) == Release(VERSION, "0" * 40, "here").labels("custody", "base").keys()


def test_the_context_holds_what_the_recipe_copies() -> None:
    """Everything that is copied or mounted is let through by .dockerignore; nothing else is."""
    allowed = [
        line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line.startswith("!")
    ]
    copied = [
        source for line in re.findall(r"^COPY (?!--from)(.*)", DOCKERFILE, re.MULTILINE) for source in line.split()[:-1]
    ]
    mounted = re.findall(r"type=bind,source=([^,\s]+)", DOCKERFILE)
    assert copied == ["tools/build.txt", "${MEMBER}/requirements.lock", "deploy/images/trim.sh"]
    members = {each for recipe in RECIPES.values() for each in (recipe.member, *recipe.beside)}
    for source in (copied[0], copied[2], *mounted, *members):
        assert any(fnmatch(source, pattern) or source.startswith(f"{pattern}/") for pattern in allowed), source
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in lines
    given = {"kernel", "protos", "services", "clients", "tools/bootstrap", "tools/build.txt", "deploy/images"}
    assert set(allowed) == given


def test_the_wheelhouse_has_what_every_image_needs() -> None:
    """It is filled from the lock of each image and of the build."""
    script = (HERE / "wheelhouse.sh").read_text(encoding="utf-8")
    wanted = {"tools/build.txt", *(str(recipe.lock.relative_to(ROOT)) for recipe in RECIPES.values())}
    assert set(re.findall(r"-r (\S+)", script)) == wanted


def test_markers_of_a_lock_are_honoured() -> None:
    """custody's lock names two versions of numpy; each Python gets its own, and nothing of other systems."""
    lock = ROOT / "services" / "custody" / "requirements.lock"
    old, new = locked_versions(lock, "3.11.2"), locked_versions(lock, "3.12.1")
    assert old["numpy"] != new["numpy"]
    assert {name: new[name] for name in new if name != "numpy"}.items() <= old.items()
    assert "colorama" not in locked_versions(ROOT / "requirements.lock", "3.11.2")
    assert old["psycopg-binary"] == old["psycopg"]


def test_a_pods_security_context_is_held_in_full() -> None:
    """Every line of it has its option, or is what the runtime does by itself."""
    assert security_options(read_security_context()) == [
        "--user=10001:10001",
        "--security-opt=no-new-privileges",
        "--read-only",
        "--cap-drop=all",
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"readOnlyRootFilesystem": False},
        {"allowPrivilegeEscalation": True},
        {"capabilities": {"drop": ["ALL"], "add": ["NET_ADMIN"]}},
        {"runAsNonRoot": None},
        {"privileged": True},
        {"seccompProfile": {"type": "Unconfined"}},
        {"procMount": "Unmasked"},
    ],
    ids=str,
)
def test_a_weaker_security_context_is_refused(change: dict[str, Any]) -> None:
    """What would not be held in a container is not run as if it were."""
    with pytest.raises(ValueError, match=next(iter(change))):
        security_options({**read_security_context(), **change})


def test_an_image_as_it_must_be_passes(image: Opened) -> None:
    """The look finds nothing."""
    assert findings(image) == []


def setuid(image: Opened) -> Opened:
    (image.root / "service" / "bin" / "ringfence-custody").chmod(0o4755)
    return image


def writable(image: Opened) -> Opened:
    (image.root / "service").chmod(0o777)
    return image


def with_pip(image: Opened) -> Opened:
    (image.site_packages / "pip").mkdir()
    return image


def with_ensurepip(image: Opened) -> Opened:
    (image.root / "usr" / "lib" / "python3.11" / "ensurepip").mkdir(parents=True)
    return image


def with_program(name: str) -> Callable[[Opened], Opened]:
    def change(image: Opened) -> Opened:
        (image.root / "service" / "bin" / name).touch()
        return image

    return change


def owned_by_another(image: Opened) -> Opened:
    return replace(image, owner=image.owner + 1)


def with_tests(image: Opened) -> Opened:
    (image.site_packages / "structlog" / "tests").mkdir()
    return image


def without_bytecode(image: Opened) -> Opened:
    (image.site_packages / "structlog" / "__init__.py").write_text("")
    return image


def by_time(image: Opened) -> Opened:
    folder = image.site_packages / "structlog"
    (folder / "timed.py").touch()
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "timed.cpython-311.pyc").write_bytes(b"\xa7\r\r\n" + bytes(12))
    return image


def older(image: Opened) -> Opened:
    installed(image.root, {"structlog": "1.0"})
    return image


def one_more(image: Opened) -> Opened:
    installed(image.root, {"unknown": "1.0"})
    return image


def one_less(image: Opened) -> Opened:
    (image.site_packages / "numpy.dist-info" / "METADATA").unlink()
    return image


def as_root(image: Opened) -> Opened:
    return replace(image, image=replace(image.image, user=""))


def too_large(image: Opened) -> Opened:
    return replace(image, image=replace(image.image, size_bytes=image.base.size_bytes + 156 * MEGABYTE))


def without_revision(image: Opened) -> Opened:
    return replace(image, image=replace(image.image, labels={**image.labels, _REVISION: ""}))


def other_entry(image: Opened) -> Opened:
    return replace(image, image=replace(image.image, entry_point=["/bin/sh"]))


def of_a_tool(image: Opened) -> Opened:
    """As if custody's were to be a tool's: then it starts by itself what nobody named."""
    return replace(image, recipe=replace(image.recipe, target="tool"))


def without_program(image: Opened) -> Opened:
    (image.root / "service" / "bin" / "ringfence-custody").unlink()
    return image


def of_another(image: Opened) -> Opened:
    link = image.root / "service" / "bin" / "service"
    link.unlink()
    link.symlink_to("ringfence-audit")
    return image


_REVISION = "org.opencontainers.image.revision"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (setuid, "is setuid"),
        (writable, "may be changed by all"),
        (owned_by_another, "belongs to"),
        (with_pip, "installs packages"),
        (with_ensurepip, "installs packages"),
        (with_program("gcc-12"), "a tool that no service needs"),
        (with_program("pip3"), "a tool that no service needs"),
        (with_program("activate"), "a tool that no service needs"),
        (with_program("f2py"), "a tool that no service needs"),
        (with_tests, "the tests of a package"),
        (without_bytecode, "0 files of bytecode"),
        (by_time, "depends on the time"),
        (older, "lacks structlog"),
        (one_more, "has unknown 1.0"),
        (one_less, "lacks numpy"),
        (as_root, "runs as root"),
        (too_large, "adds 156.0 MB"),
        (without_revision, f"label {_REVISION}"),
        (other_entry, "starts with"),
        (of_a_tool, "starts with"),
        (of_a_tool, "has the program service"),
        (with_program("ringfence-vault"), "has the program ringfence-vault"),
        (without_program, "lacks the program ringfence-custody"),
        (of_another, "starts ringfence-audit"),
    ],
)
def test_what_no_image_may_hold_is_found(image: Opened, change: Callable[[Opened], Opened], said: str) -> None:
    """Each rule can fail, and says how."""
    assert [each for each in findings(change(image)) if said in each]


def test_an_sbom_names_every_package_with_its_version(image: Opened) -> None:
    """One that lacks a package, has another version, one too many, or nothing of the base, is not complete."""
    components = [{"name": name, "version": version, "purl": "pkg:pypi/"} for name, version in image.must_hold.items()]
    base = {"name": "libc6", "version": "2.36", "purl": "pkg:deb/debian/libc6"}
    assert sbom_findings({"components": [*components, base]}, image) == []
    assert sbom_findings({"components": components}, image) == ["its SBOM lacks the packages of its base"]
    assert len(sbom_findings({"components": [*components[1:], base]}, image)) == 1
    assert len(sbom_findings({"components": [{**components[0], "version": "0"}, *components[1:], base]}, image)) == 2


@pytest.fixture
def image(tmp_path: Path) -> Opened:
    """An image of custody with nothing but its names, as it must be."""
    root = tmp_path / "root"
    folder = root / "service" / "bin"
    folder.mkdir(parents=True)
    (folder / "ringfence-custody").touch(0o755)
    (folder / "service").symlink_to("ringfence-custody")
    (root / "service" / "pyvenv.cfg").write_text(f"home = /usr/bin\nversion = {PYTHON}\n")
    labels = Release(VERSION, "0" * 40, "here").labels("custody", "base")
    base = Image("base", 170 * MEGABYTE, "", {}, [], [], "")
    built = Image("custody", 300 * MEGABYTE, "10001:10001", labels, [], ["/service/bin/service"], "")
    opened = Opened(RECIPES["custody"], built, base, root, labels, owner=os.getuid())
    installed(root, opened.must_hold)
    (opened.site_packages / "structlog").mkdir()
    return opened


def installed(root: Path, versions: dict[str, str]) -> None:
    """Writes what says that packages are installed."""
    for name, version in versions.items():
        folder = root / SITE_PACKAGES / f"{name}.dist-info"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n\n")
