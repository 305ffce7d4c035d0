"""The Tiltfile under Starlark with stubs: its names, paths, values, dependencies and contexts. Tilt does not run."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.checks.infra.hcl import TOOLS
from deploy.checks.platform.files import ROOT, load
from deploy.checks.platform.quorums import SERVICES

CONTEXT = "kind-ringfence"
RESOURCES = ("local_resource", "helm_resource", "helm_repo", "k8s_resource")
RENDERED = ".deploy/platform/"
PARTS = ("deploy/helm", "deploy/images")
"""Where one of these is, whatever is named below it must be there too."""


def ran(root: Path = ROOT, context: str = CONTEXT) -> subprocess.CompletedProcess[str]:
    """Runs the Tiltfile of a folder in a context."""
    command: list[str | Path] = [
        TOOLS / "python",
        ROOT / "deploy" / "checks" / "infra" / "tilt.py",
        "Tiltfile",
        context,
    ]
    return subprocess.run(command, cwd=root, check=False, capture_output=True, text=True)


def problems(root: Path = ROOT) -> list[str]:
    """Returns what is wrong with what a Tiltfile does, or that it fails."""
    done = ran(root)
    if done.returncode:
        return [done.stderr]
    calls = json.loads(done.stdout)
    checks = (_contexts, _dependencies, _platform, _images, _chart, _buttons)
    return [*(problem for check in checks for problem in check(calls)), *_paths(calls, root)]


def _of(calls: list[Any], *names: str) -> list[Any]:
    return [each for each in calls if each["call"] in names]


def _contexts(calls: list[Any]) -> Iterator[str]:
    [[allowed]] = [each["arguments"] for each in _of(calls, "allow_k8s_contexts")]
    for context in allowed:
        if not re.match(r"(kind|k3d)-", context):
            yield f"context {context} is allowed"


def _dependencies(calls: list[Any]) -> Iterator[str]:
    """Names are used once, what is waited for is there, and nothing waits for itself."""
    waits = {each["arguments"][0]: set(each.get("resource_deps", [])) for each in _of(calls, *RESOURCES)}
    if len(waits) != len(_of(calls, *RESOURCES)):
        yield "two resources have one name"
    for name, others in waits.items():
        yield from (f"{name} waits for {other}, which is not there" for other in sorted(others - set(waits)))
    left = dict(waits)
    while ready := [name for name, others in left.items() if not others & set(left)]:
        for name in ready:
            del left[name]
    if left:
        yield f"waiting in a circle: {sorted(left)}"


def _platform(calls: list[Any]) -> Iterator[str]:
    """Every chart of `local` is a helm_resource of that version, namespace and values; every manifest is applied."""
    resources = {each["arguments"][0]: each for each in _of(calls, "helm_resource")}
    repositories = {each["arguments"][0] for each in _of(calls, "helm_repo")}
    commands = " ".join(str(each["cmd"]) for each in _of(calls, "local_resource"))
    steps = load("local").steps
    if set(resources) != {step.name for step in steps if step.chart}:
        yield f"charts: {sorted(resources)}"
    for step in steps:
        yield from (f"{file} is not applied" for file in step.manifests if f"-f {RENDERED}{file}" not in commands)
        if step.chart and (resource := resources.get(step.name)):
            repository, _, chart = resource["arguments"][1].partition("/")
            flags = ["--create-namespace", "--version", step.chart[1]]
            flags += [f"--values={RENDERED}{file}" for file in step.values]
            if (repository in repositories, chart, resource["namespace"]) != (True, step.chart[0], step.namespace):
                yield f"{step.name}: another chart or namespace"
            if resource["flags"] != flags:
                yield f"{step.name}: another version or other values"
            if not set(step.needs) <= set(resource["resource_deps"]):
                yield f"{step.name} does not wait for {step.needs}"
            if step.awaits and "vault-bootstrap" not in resource["resource_deps"]:
                yield f"{step.name} does not wait for Vault"


def _images(calls: list[Any]) -> Iterator[str]:
    """Every image that the chart asks for is built, and its sources are synchronised to where they are looked for."""
    image = load("local").ringfence["image"]
    built = {each["arguments"][0]: each for each in _of(calls, "docker_build")}
    for service in SERVICES:
        found = built.get(f"{image['repository']}/ringfence-{service}")
        if found is None:
            yield f"no image of {service}"
            continue
        base, path = re.findall(r"FROM (\S+)\nENV PYTHONPATH=(\S+)", found["dockerfile_contents"])[0]
        synchronised = [each["arguments"] for each in found["live_update"] if each["call"] == "sync"]
        last = found["live_update"][-1]
        if built.get(base, {}).get("build_args", {}).get("PROGRAM") != service:
            yield f"{service}: its base is another one's"
        if [str(Path(to).parent) for _, to in synchronised] != [path, path] or not path.startswith("/tmp/"):
            yield f"{service}: sources go where nobody looks"
        if any(Path(of).name != Path(to).name or of.split("/src/")[0] == of for of, to in synchronised):
            yield f"{service}: a package is put under another name"
        if (last["call"], last["arguments"]) != ("run", ["kill 1"]):
            yield f"{service} is not started again"


def _chart(calls: list[Any]) -> Iterator[str]:
    [rendered] = _of(calls, "helm")
    [given] = _of(calls, "k8s_yaml")
    if given["arguments"] != [rendered]:
        yield "what is rendered is not installed"
    expected = (["deploy/helm/ringfence"], "ringfence", "ringfence", ["deploy/environments/local.yaml"])
    if (rendered["arguments"], rendered["name"], rendered["namespace"], rendered["values"]) != expected:
        yield "our chart with other values, or elsewhere"
    services = {each["arguments"][0]: each["resource_deps"] for each in _of(calls, "k8s_resource")}
    if set(services) != set(SERVICES):
        yield f"services: {sorted(services)}"
    if any({"postgres", "vault-bootstrap", "nats-bootstrap"} - set(needs) for needs in services.values()):
        yield "a service does not wait for what it needs"


def _buttons(calls: list[Any]) -> Iterator[str]:
    buttons = {
        each["arguments"][0]: each
        for each in _of(calls, "local_resource")
        if (each.get("trigger_mode"), each.get("auto_init")) == ("manual", False)
    }
    if set(buttons) != {"rebuild", "demo"}:
        yield f"buttons: {sorted(buttons)}"
        return
    if buttons["rebuild"]["cmd"][1:] != list(SERVICES):
        yield "rebuild leaves a service out"
    if buttons["demo"]["cmd"] != [".venv/bin/ringfence", "demo", "--fresh"]:
        yield "demo is another command"


def _paths(calls: list[Any], root: Path) -> Iterator[str]:
    """Files that are named are there; scripts can be run, and the programs that they call have the names they say."""
    named = [each["dockerfile"] for each in _of(calls, "docker_build") if "dockerfile" in each]
    named += [path for each in _of(calls, "docker_build") for path in each["only"]]
    named += [each["arguments"][0] for each in _of(calls, "sync")] + [
        each["arguments"][0] for each in _of(calls, "helm")
    ]
    named += [path for each in _of(calls, "fall_back_on") for path in each["arguments"][0]]
    named += [path for each in _of(calls, "helm") for path in each["values"]]
    named += [each["arguments"][0] for each in _of(calls, "watch_file")]
    named += [path for each in _of(calls, "local_resource") for path in each.get("deps", [])]
    scripts = [each["cmd"][0] for each in _of(calls, "local_resource") if isinstance(each["cmd"], list)]
    for path in sorted({*named, *scripts}):
        where = root / path.replace(RENDERED, "deploy/platform/", 1)
        apart = any(path.startswith(part) and not (root / part).exists() for part in PARTS)
        if not where.exists() and not apart and not path.startswith(".venv/"):
            yield f"{path} is not there"
        elif path in scripts and path.endswith(".sh") and not where.stat().st_mode & 0o100:
            yield f"{path} cannot be run"


def test_the_tiltfile_is_in_order() -> None:
    """It runs, and everything that it names is there."""
    assert problems() == []


def test_its_header_says_what_is_not_proven() -> None:
    """Whoever reads it knows that Tilt itself was not run."""
    assert (
        "Tilt itself is not run in any check" in (ROOT / "Tiltfile").read_text(encoding="utf-8").partition("load(")[0]
    )


@pytest.mark.parametrize("context", ["production", "minikube", "kind", "arn:aws:eks:x:y:cluster/kind-kind"])
def test_another_context_is_refused(context: str) -> None:
    """The Tiltfile fails with a sentence before it does anything there."""
    done = ran(context=context)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"developed on kind or k3d, and the context is {context}" in done.stderr


FAULTS = [
    ('"k3d-ringfence"]', '"k3d-ringfence", "production"]', "context production is allowed"),
    ('"demo",\n    cmd', '"rebuild",\n    cmd', "two resources have one name"),
    ('resource_deps = ["nats"]', 'resource_deps = ["gnats"]', "waits for gnats"),
    ('resource_deps = ["postgres", "openbao", ', 'resource_deps = ["nats", "openbao", ', "in a circle"),
    ('["--create-namespace", "--version", chart["version"]]', '["--create-namespace"]', "another version"),
    ('namespace = step["namespace"],', 'namespace = "default",', "another chart or namespace"),
    ('(["vault-bootstrap"] if "awaits" in step else [])', "[]", "does not wait for Vault"),
    ('step.get("needs", []) +', "[] +", "does not wait for"),
    ("for file in manifests])", "for file in manifests[:1]])", "is not applied"),
    ('"ringfence/ringfence-" + service', '"ringfence-" + service', "no image of"),
    ("PYTHONPATH=/tmp/live", "PYTHONPATH=/tmp/other", "where nobody looks"),
    ('"PROGRAM": service', '"PROGRAM": "custody"', "its base is another one's"),
    ('run("kill 1")', "restart_container()", "not started again"),
    ('"/tmp/live/" + package', '"/tmp/live/ringfence"', "under another name"),
    (
        'values = ["deploy/environments/local.yaml"]',
        'values = ["deploy/environments/three-zones.yaml"]',
        "other values",
    ),
    ('"bank", "vault-bootstrap", "nats-bootstrap"', '"bank"', "does not wait for what it needs"),
    ('["deploy/platform/local/rebuild.sh"] + SERVICES', '["deploy/platform/local/rebuild.sh"]', "leaves a service out"),
    ("local/nats.sh", "local/gnats.sh", "gnats.sh is not there"),
    ("local/rebuild.sh", "local/common.sh", "cannot be run"),
    ("requirements.lock", "requirements.txt", "requirements.txt is not there"),
    ('"tools/build.txt"', '"tools/built.txt"', "built.txt is not there"),
    ("k8s_yaml(helm(", "k8s_jaml(helm(", "k8s_jaml"),
]


@pytest.mark.parametrize(("old", "new", "problem"), FAULTS, ids=[problem for _, _, problem in FAULTS])
def test_a_fault_of_the_tiltfile_is_found(tmp_path: Path, old: str, new: str, problem: str) -> None:
    """What the check is for."""
    for each in ("deploy", "services", "kernel", "protos", "tools"):
        (tmp_path / each).symlink_to(ROOT / each)
    shutil.copy(ROOT / "Tiltfile", tmp_path)
    text = (tmp_path / "Tiltfile").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "Tiltfile").write_text(text.replace(old, new), encoding="utf-8")
    found = problems(tmp_path)
    assert any(problem in each for each in found), found
