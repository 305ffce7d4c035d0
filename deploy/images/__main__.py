"""`python -m deploy.images`: builds the images, looks into them, and runs them beside real servers."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from ringfence_local_stack.errors import LocalStackError

from deploy.images.containers import SECURITY_CONTEXT, Containers, read_security_context
from deploy.images.inspection import MEGABYTE, Opened, findings, read_sbom, sbom_findings
from deploy.images.making import (
    RECIPES,
    ROOT,
    Bases,
    Progress,
    Release,
    build,
    fill_wheelhouse,
    image_name,
    made_base,
)
from deploy.images.store import ImagesError, Store
from deploy.images.trying import tried_alone, tried_together

FOLDER = ROOT / ".images"
SYFT = FOLDER / "venv" / "bin" / "syft"


def main() -> int:
    """Does what the command line says; every rule that an image breaks is printed, and makes it fail."""
    parser = argparse.ArgumentParser(prog="images", description=__doc__)
    parser.add_argument("--base", help="image that all stand on, by digest; made of Debian's packages if not given")
    parser.add_argument("--builder", help="image that they are built with: that Python, venv, binutils")
    parser.add_argument("--source", default="ringfence", help="where the source is kept, for the label")
    parser.add_argument(
        "--security-context", type=Path, default=SECURITY_CONTEXT, help="that of a pod's container, YAML"
    )
    parser.add_argument("--storage-driver", default="overlay", choices=["overlay", "vfs"])
    parser.add_argument("--only-build", action="store_true", help="neither look into them nor run them")
    arguments = parser.parse_args()
    if (arguments.base is None) != (arguments.builder is None):
        parser.error("--base and --builder belong together: they have the same Python")
    out, began = Console(stderr=True, highlight=False, soft_wrap=True), time.monotonic()

    def progress(what: str) -> None:
        out.print(f"{time.monotonic() - began:5.0f} s  {what}", markup=False)

    FOLDER.mkdir(exist_ok=True)
    store = Store(FOLDER, arguments.storage_driver)
    try:
        bases = _bases(store, arguments.base, arguments.builder, progress)
        release = Release.of_checkout(arguments.source)
        fill_wheelhouse(progress)
        for name in RECIPES:
            progress(f"building {name}")
            build(store, name, bases, release)
        store.prune()
        if arguments.only_build:
            return 0
        wrong = _looked_into(store, bases, release, out) + _differences(store, bases, release, progress)
        context = read_security_context(arguments.security_context)
        containers = Containers(store, FOLDER / "alone", context)
        for recipe in RECIPES.values():
            progress(f"trying {recipe.name} alone")
            wrong += [f"{recipe.name} {each}" for each in tried_alone(containers, recipe)]
        for each in wrong:
            out.print(each, style="red", markup=False)
        if not wrong:
            tried_together(Containers(store, FOLDER / "mounted", context), progress)
            progress("services serve and agree with their own events; what tools see is so")
        return 1 if wrong else 0
    except (ImagesError, LocalStackError, subprocess.SubprocessError, ValueError) as error:
        out.print(str(error), style="red", markup=False)
        return 1


def _bases(store: Store, base: str | None, builder: str | None, progress: Progress) -> Bases:
    if base is None or builder is None:
        return Bases(made_base(store, "base", progress), made_base(store, "builder", progress))
    for name in (base, builder):
        store.pull(name)
    return Bases(base, builder)


def _looked_into(store: Store, bases: Bases, release: Release, out: Console) -> list[str]:
    """Every rule that an image breaks; writes the SBOM of each, and prints what each weighs."""
    wrong: list[str] = []
    base = store.image(bases.base)
    table = Table("image", "MB", "adds to its base, MB", "packages", "components in its SBOM")
    table.add_row("base", f"{base.size_bytes / MEGABYTE:.0f}", "", "", "")
    for name, recipe in RECIPES.items():
        image = store.image(image_name(name))
        with store.mounted(image.name) as root:
            opened = Opened(recipe, image, base, root, release.labels(name, bases.base))
            target = FOLDER / "sbom" / f"ringfence-{name}.cdx.json"
            sbom = _listed(root, name, release.version, target)
            found = [*findings(opened), *sbom_findings(sbom, opened)]
            wrong += [f"{name} {each}" for each in found]
            table.add_row(
                f"ringfence-{name}",
                f"{image.size_bytes / MEGABYTE:.0f}",
                f"{opened.added_megabytes:.0f}",
                str(len(opened.must_hold)),
                str(len(sbom["components"])),
            )
    out.print(table)
    return wrong


def _differences(store: Store, bases: Bases, release: Release, progress: Progress) -> list[str]:
    """Builds the last image once more: the same input must make the same image, byte by byte."""
    name = list(RECIPES)[-1]
    progress(f"building {name} again")
    first = store.image(image_name(name)).digest
    second = store.image(build(store, name, bases, release)).digest
    return [] if first == second else [f"{name} is {first}, and {second} when it is built again"]


def _listed(root: Path, name: str, version: str, target: Path) -> dict[str, Any]:
    """The SBOM of an image's root, written to `target`."""
    target.parent.mkdir(exist_ok=True)
    named = [f"--source-name=ringfence-{name}", f"--source-version={version}"]
    command = [str(SYFT), "scan", f"dir:{root}", *named, "--quiet", "--output", f"cyclonedx-json={target}"]
    environment = os.environ | {"SYFT_CHECK_FOR_APP_UPDATE": "false"}
    subprocess.run(command, check=True, env=environment, capture_output=True, text=True)
    return read_sbom(target)


if __name__ == "__main__":
    sys.exit(main())
