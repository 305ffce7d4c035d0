"""deploy/platform as an environment gets it: values merged as Helm merges them, manifests as objects."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
PLATFORM = ROOT / "deploy" / "platform"
ENVIRONMENTS = ("local", "three-zones", "second-region")
PRODUCTION = ("three-zones", "second-region")


def renderer(platform: Path = PLATFORM) -> ModuleType:
    """Returns the program that renders a platform's folder."""
    spec = importlib.util.spec_from_file_location("ringfence_platform_render", platform / "render.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@dataclass(frozen=True)
class Platform:
    """What one environment installs: values by step, and all objects of manifests."""

    environment: str
    site: Mapping[str, Any]
    steps: tuple[Any, ...]
    values: Mapping[str, Mapping[str, Any]]
    objects: tuple[Mapping[str, Any], ...]
    ringfence: Mapping[str, Any]

    def of_kind(self, kind: str) -> list[Mapping[str, Any]]:
        """Returns the objects of a kind."""
        return [each for each in self.objects if each["kind"] == kind]

    def one(self, kind: str, name: str) -> Mapping[str, Any]:
        """Returns the object of this kind and name; raises LookupError."""
        for each in self.of_kind(kind):
            if each["metadata"]["name"] == name:
                return each
        raise LookupError(f"{self.environment}: no {kind} {name}")


def load(environment: str, root: Path = ROOT) -> Platform:
    """Returns an environment with the example's site; raises SiteInvalid where a file asks for more."""
    folder = root / "deploy" / "platform"
    render = renderer(folder)
    site = {**render.load(folder / "sites.example.yaml"), "environment": environment}
    steps = render.steps(environment)
    texts = {
        file: render.rendered((folder / file).read_text(encoding="utf-8"), site["names"])
        for step in steps
        for file in (*step.values, *step.manifests)
    }
    none: Mapping[str, Any] = {}
    values = {step.name: reduce(merged, [yaml.safe_load(texts[file]) for file in step.values], none) for step in steps}
    objects = [each for step in steps for file in step.manifests for each in yaml.safe_load_all(texts[file]) if each]
    own = yaml.safe_load((root / "deploy" / "environments" / f"{environment}.yaml").read_text(encoding="utf-8"))
    ringfence = own if environment == "local" else merged(own, site["ringfence"])
    return Platform(environment, site, tuple(steps), values, tuple(objects), ringfence)


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Returns values over values, as Helm lays one file over another: maps are joined, null takes away."""
    joined = dict(base)
    for key, value in over.items():
        if isinstance(value, Mapping) and isinstance(joined.get(key), Mapping):
            joined[key] = merged(joined[key], value)
        elif value is None:
            joined.pop(key, None)
        else:
            joined[key] = value
    return joined


def walk(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yields every place in nested values with what stands there, the outermost first."""
    yield path, value
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from walk(each, f"{path}.{key}")
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from walk(each, f"{path}[{number}]")
