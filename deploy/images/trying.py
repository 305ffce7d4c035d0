"""Tries images: alone under their security context, then together beside real servers, moving money."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from ringfence_local_stack.sandbox.birth import certify, prepare
from ringfence_local_stack.sandbox.days import list_years
from ringfence_local_stack.stack.local_stack import LocalStack

from deploy.images.containers import Containers
from deploy.images.making import SERVICES, Recipe, image_name
from deploy.images.trying_tools import tried_bootstrap, tried_health, tried_payment

_DEMO_SECONDS = 300
_REFUSED = 2
_LOOK_INSIDE = """
import importlib, json, os, pkgutil, sys
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
for package in map(importlib.import_module, sys.argv[1:]):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
writable = []
for folder in ("/", "/service", "/etc", "/var/tmp", "/run", "/var/lib", "/dev/shm"):
    try:
        os.close(os.open(os.path.join(folder, "probe"), os.O_CREAT | os.O_WRONLY))
        writable.append(folder)
    except OSError:
        pass
open("/tmp/probe", "w").close()
print(json.dumps({
    "ids": [os.getuid(), os.getgid(), *os.getgroups()],
    "capabilities": sorted({status[name].strip("0\\n") for name in status if name.startswith("Cap")}),
    "no_new_privileges": status["NoNewPrivs"],
    "seccomp": status["Seccomp"],
    "writable": writable,
}))
"""
_MUST_SEE = {
    "ids": [10001, 10001, 10001],
    "capabilities": [""],
    "no_new_privileges": "1",
    # 2: a filter of system calls is in force (proc(5)).
    "seccomp": "2",
    # Every container has shared memory of its own, read-only root or not.
    "writable": ["/dev/shm"],
}

Progress = Callable[[str], None]


def tried_alone(containers: Containers, recipe: Recipe) -> list[str]:
    """What is wrong with an image that runs by itself: rights, modules that do not load, its start.

    A service is started without settings; each program of a tool is asked for its help.
    """
    image = image_name(recipe.name)
    inside = containers.output(image, ["-c", _LOOK_INSIDE, *recipe.modules], "/service/bin/python")
    wrong = []
    if inside.returncode:
        wrong.append(f"does not run: {inside.stderr.strip()[-600:]}")
    elif (seen := json.loads(inside.stdout)) != _MUST_SEE:
        wrong.append(f"runs with other rights than it must: {seen}")
    if recipe.target == "tool":
        helped = {program: containers.output(image, [program, "--help"]) for program in recipe.programs}
        return wrong + [f"{name} --help ends with {_end(done)}" for name, done in helped.items() if done.returncode]
    started = containers.output(image, [])
    named = "RINGFENCE_LISTEN is not set" in started.stderr
    if started.returncode != _REFUSED or not named:
        wrong.append(f"without settings ends with {_end(started)}")
    return wrong


def tried_together(containers: Containers, progress: Progress) -> None:
    """Starts the services beside PostgreSQL, OpenBao and NATS, and moves clients' money through them to the proof.

    Then runs the tools as the chart does, and compares every service with its own events. Raises ImagesError,
    LocalStackError or CalledProcessError.
    """
    with ExitStack() as resources:
        directory = Path(tempfile.mkdtemp(prefix="ringfence-images-"))
        resources.callback(shutil.rmtree, directory, ignore_errors=True)
        resources.callback(containers.remove)
        stack = LocalStack(
            directory,
            service_settings=prepare(directory),
            before_services=certify,
            command_line=containers.command_line,
            progress=progress,
        )
        resources.callback(stack.remove)
        running = resources.enter_context(stack).running
        list_years(running)
        progress(f"ready: {', '.join(SERVICES)}")
        tried_health(containers, running)
        progress("kubelet would see each of them live and ready, and one of each lead")
        _ringfence(directory, ["demo"], progress)
        tried_payment(containers, running)
        progress("the client's image has paid, and proven it")
        tried_bootstrap(containers, running, directory / "blank")
        progress("the bootstrap's image has planned and filled OpenBao, and finds NATS as described")
        for service in SERVICES:
            settings = running.environment(service)
            command = containers.command_line(service, "rebuild", settings)
            subprocess.run([*command, "--verify"], check=True, timeout=_DEMO_SECONDS, env=os.environ | settings)


def _end(done: subprocess.CompletedProcess[str]) -> str:
    return f"{done.returncode}: {(done.stdout + done.stderr).strip()[-300:]}"


def _ringfence(directory: Path, arguments: Sequence[str], progress: Progress) -> None:
    progress(f"ringfence {' '.join(arguments)}")
    command = [str(Path(sys.executable).with_name("ringfence")), *arguments]
    environment = os.environ | {"RINGFENCE_STACK": str(directory)}
    subprocess.run(command, check=True, timeout=_DEMO_SECONDS, env=environment)
