"""Values and manifests of the platform for one site: `render.py SITE OUT` writes them and says how they are installed.

What stands as `${name}` in the files is put in from the site's `names`; charts come from where its `charts` says.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

PLATFORM = Path(__file__).parent
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
    yield f"kubectl create namespace {step.namespace} --dry-run=client -o yaml | kubectl apply -f -"
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
        yield f"helm upgrade --install {step.name} {where} --version {version} -n {step.namespace} {values} --wait"


def write(site: Mapping[str, Any], out: Path) -> list[str]:
    """Writes all files of the site's environment, and returns the commands in their order; raises SiteInvalid."""
    said: list[str] = []
    for step in steps(str(site.get("environment"))):
        waits = [f"# needs first: {step.awaits}"] if step.awaits else []
        said += [f"# {step.name}", *waits, *commands(step, out, site)]
        for file in (*step.values, *step.manifests):
            target = out / file
            target.parent.mkdir(parents=True, exist_ok=True)
            text = rendered((PLATFORM / file).read_text(encoding="utf-8"), site.get("names", {}))
            target.write_text(text, encoding="utf-8")
    own = out / "ringfence-values.yaml"
    own.write_text(yaml.safe_dump(site.get("ringfence", {})), encoding="utf-8")
    values = f"-f deploy/environments/{site['environment']}.yaml -f {own}"
    return [*said, "# ringfence", f"helm upgrade --install ringfence deploy/helm/ringfence -n ringfence {values}"]


def main() -> int:
    """Reads the arguments; returns 0, or 2 where the site lacks something."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("site", type=Path, help="a filled-in copy of sites.example.yaml")
    parser.add_argument("out", type=Path, help="folder for the files")
    arguments = parser.parse_args()
    try:
        print("\n".join(write(load(arguments.site), arguments.out)))
    except SiteInvalid as error:
        print(f"{arguments.site}: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
