"""Values and manifests of the platform for one site: `render.py SITE OUT` writes them, and a script for each stage.

A script says what is missing before it installs anything, and may be run again.

What stands as `${name}` in the files is put in from the site's `names`; charts come from where its `charts` says.
"""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

PLATFORM = Path(__file__).parent
SERVICES = "ringfence"
"""Where our chart is installed; what it needs there is asked for at last."""
# Only the chart's Job asks for it, and only while it runs.
_MADE_FOR_A_JOB = {"ringfence-vault-administrator"}
_BEGINNING = """#!/usr/bin/env bash
# {about}
set -euo pipefail
missing=0
must() {{ "${{@:2}}" >/dev/null 2>&1 || {{ echo "missing: $1" >&2; missing=1; }}; }}"""
_NOTHING_YET = """[ "$missing" = 0 ] || { echo "nothing was installed" >&2; exit 1; }"""
_NAME = re.compile(r"\$\{([a-z_]+)\}")


class SiteInvalid(Exception):
    """The site's file lacks something; the text names it."""


@dataclass(frozen=True)
class Step:
    """What is installed together: a chart with its values, and manifests, as paths below the platform's folder."""

    name: str
    namespace: str
    chart: tuple[str, str] | None
    values: tuple[str, ...]
    manifests: tuple[str, ...]
    needs: tuple[str, ...]
    awaits: str
    stage: str
    waits: bool


def load(file: Path) -> Any:
    """Returns a YAML file's content; raises SiteInvalid."""
    try:
        return yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SiteInvalid(f"{file} cannot be read: {error}") from None


def steps(environment: str) -> list[Step]:
    """Returns the steps of an environment in their order; raises SiteInvalid where there is none."""
    described = load(PLATFORM / "steps.yaml")
    if environment not in described["environments"]:
        raise SiteInvalid(f"environment: {environment} is none of {', '.join(described['environments'])}")
    return list(_steps(environment, described["steps"]))


def _steps(environment: str, described: list[Mapping[str, Any]]) -> Iterator[Step]:
    for each in described:
        if not _is_for(environment, each):
            continue
        chart = each.get("chart")
        yield Step(
            name=each["name"],
            namespace=each["namespace"],
            chart=(chart["name"], chart["version"]) if chart else None,
            values=_files(environment, each.get("values", [])),
            manifests=_files(environment, each.get("manifests", [])),
            needs=tuple(each.get("needs", [])),
            awaits=each.get("awaits", ""),
            stage=each["stage"],
            waits=each.get("waits", True),
        )


def _files(environment: str, listed: list[Any]) -> tuple[str, ...]:
    files = [{"file": each} if isinstance(each, str) else each for each in listed]
    return tuple(each["file"] for each in files if _is_for(environment, each))


def _is_for(environment: str, described: Any) -> bool:
    return not isinstance(described, Mapping) or environment in described.get("only", [environment])


def rendered(text: str, names: Mapping[str, str]) -> str:
    """Returns a text with the site's names put in; raises SiteInvalid on one that the site does not say."""
    missing = sorted({name for name in _NAME.findall(text) if not names.get(name)})
    if missing:
        raise SiteInvalid(f"names: {', '.join(missing)} not said")
    return _NAME.sub(lambda match: str(names[match[1]]), text)


def commands(step: Step, out: Path, site: Mapping[str, Any]) -> Iterator[str]:
    """Yields the shell commands by which a step is installed; raises SiteInvalid where the chart is nowhere."""
    # Certificates and accounts first: the pods of a chart mount them.
    for file in step.manifests:
        yield f"kubectl apply --server-side -f {out / file}"
    if step.chart:
        name, version = step.chart
        source = site.get("charts", {}).get(name)
        if not source:
            raise SiteInvalid(f"charts: {name} not said")
        where = f"{source}/{name}" if source.startswith("oci://") else f"{name} --repo {source}"
        values = " ".join(f"-f {out / file}" for file in step.values)
        wait = " --wait" if step.waits else ""
        yield f"helm upgrade --install {step.name} {where} --version {version} -n {step.namespace} {values}{wait}"


def guards(stage: Mapping[str, Any], namespaces: Iterable[str], site: Mapping[str, Any]) -> Iterator[str]:
    """Yields a command for everything that must be there: what stages before have made, Secrets, ConfigMaps."""
    for each in stage.get("guards", []):
        yield f"must {shlex.quote(each['says'])} {each['command']}"
    for kind in ("secrets", "configmaps"):
        for each in site.get(kind, []):
            if each["namespace"] in namespaces and each["name"] not in _MADE_FOR_A_JOB:
                said = f"no {kind[:-1]} {each['name']} in {each['namespace']}"
                yield f"must {shlex.quote(said)} kubectl -n {each['namespace']} get {kind[:-1]} {each['name']}"


def script(stage: Mapping[str, Any], of_stage: list[Step], out: Path, site: Mapping[str, Any]) -> str:
    """Returns the script of a stage; raises SiteInvalid."""
    services = stage["name"] == "services"
    namespaces = dict.fromkeys(step.namespace for step in of_stage) | ({SERVICES: None} if services else {})
    guarded = [each for each in namespaces if services or each != SERVICES]
    made = [f"kubectl create namespace {each} --dry-run=client -o yaml | kubectl apply -f -" for each in namespaces]
    lines = [_BEGINNING.format(about=stage["about"]), *made, *guards(stage, guarded, site), _NOTHING_YET]
    for step in of_stage:
        lines += [f"# {step.name}", *commands(step, out, site)]
    if services:
        values = f"-f deploy/environments/{site['environment']}.yaml -f {out / 'ringfence-values.yaml'}"
        lines += [f"helm upgrade --install ringfence deploy/helm/ringfence -n {SERVICES} {values}"]
    return "\n".join(lines) + "\n"


def write(site: Mapping[str, Any], out: Path) -> list[Path]:
    """Writes all files of the site's environment; returns the scripts in their order, raises SiteInvalid."""
    all_steps = steps(str(site.get("environment")))
    stages = load(PLATFORM / "steps.yaml")["stages"]
    scripts = {
        f"{number}-{stage['name']}.sh": script(stage, [e for e in all_steps if e.stage == stage["name"]], out, site)
        for number, stage in enumerate(stages, 1)
    }
    texts = {
        file: rendered((PLATFORM / file).read_text(encoding="utf-8"), site.get("names", {}))
        for step in all_steps
        for file in (*step.values, *step.manifests)
    }
    texts |= scripts | {"ringfence-values.yaml": yaml.safe_dump(site.get("ringfence", {}))}
    for file, text in texts.items():
        target = out / file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        target.chmod(0o755 if file in scripts else 0o644)
    return [out / name for name in scripts]


def main() -> int:
    """Reads the arguments; returns 0, or 2 where the site lacks something."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("site", type=Path, help="a filled-in copy of sites.example.yaml")
    parser.add_argument("out", type=Path, help="folder for the files")
    arguments = parser.parse_args()
    try:
        print("\n".join(map(str, write(load(arguments.site), arguments.out))))
    except SiteInvalid as error:
        print(f"{arguments.site}: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
