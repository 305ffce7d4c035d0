"""Which stack a command talks to: the one that is up, or one that lives as long as the command."""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ringfence_bootstrap.description import SERVICES

from ringfence_local_stack.errors import StackNotRunning
from ringfence_local_stack.processes.files import fleeting_folder
from ringfence_local_stack.sandbox.birth import certify, prepare
from ringfence_local_stack.sandbox.days import NEEDED, list_years
from ringfence_local_stack.sandbox.supervision import kept_up
from ringfence_local_stack.servers.postgres import FLEETING
from ringfence_local_stack.stack.directories import default_directory
from ringfence_local_stack.stack.local_stack import LocalStack
from ringfence_local_stack.stack.running import RunningStack

Progress = Callable[[str], None]


@contextmanager
def running_stack(fresh: bool, progress: Progress) -> Iterator[RunningStack]:
    """The stack that is up; else one in the default directory for as long as the block lasts.

    With `fresh` a private, empty one, which is gone afterwards. A part of it that dies is started again. Raises
    LocalStackError.
    """
    attached = None if fresh else _attached()
    if attached is not None:
        yield attached
        return
    own = empty_stack(progress) if fresh else started_stack(default_directory(), progress)
    with own as stack, kept_up(stack, progress):
        yield stack.running


@contextmanager
def started_stack(directory: Path, progress: Progress) -> Iterator[LocalStack]:
    """A stack in `directory`, with the sandbox's first principals, stopped at the end of the block."""
    own = prepare(directory)
    with LocalStack(directory, service_settings=own, before_services=certify, progress=progress) as stack:
        list_years(stack.running)
        yield stack


@contextmanager
def empty_stack(progress: Progress, settings: Mapping[str, str] | None = None, **options: Any) -> Iterator[LocalStack]:
    """A stack in a temporary folder; both are gone at the end of the block. `settings` are for every service.

    Further options as for LocalStack.
    """
    fleeting = options.get("postgres_settings") is FLEETING
    directory = fleeting_folder() if fleeting else Path(tempfile.mkdtemp(prefix="ringfence-"))
    own = prepare(directory)
    every = {service: {**own.get(service, {}), **(settings or {})} for service in SERVICES}
    stack = LocalStack(directory, service_settings=every, before_services=certify, progress=progress, **options)
    try:
        with stack:
            if stack.parts.keys() >= NEEDED:
                list_years(stack.running)
            yield stack
    finally:
        stack.remove()
        shutil.rmtree(directory, ignore_errors=True)


def _attached() -> RunningStack | None:
    try:
        return LocalStack.attach()
    except StackNotRunning:
        return None
