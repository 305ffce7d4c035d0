"""The console of the sandbox's regulator, beside what else runs."""

from __future__ import annotations

from contextlib import AbstractContextManager

from ringfence.console_host.host import host_of
from ringfence.console_host.serving import Told, served
from ringfence.remembered import Remembered
from ringfence_console import OneTimeLink

from ringfence_local_stack.sandbox.sandbox import Sandbox


def regulators_console(box: Sandbox, told: Told) -> AbstractContextManager[OneTimeLink]:
    """Serves it on a free port; `told` is given each link, which lets in one browser once."""
    folder = box.regulator.credentials.folder
    assert folder is not None
    host = host_of(box.regulator, box.log_key(), Remembered(folder / "checkpoints"), None)
    return served(host, told)
