"""The simulated bank of a sandbox, in a process of its own."""

import fcntl
import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ringfence_local_stack.errors import ProgramMissing
from ringfence_local_stack.processes.files import private_folder
from ringfence_local_stack.processes.process import Process
from ringfence_local_stack.sandbox.birth import spool_folder
from ringfence_local_stack.stack.running import RunningStack

_MODULE = "ringfence_bank_simulator"


@contextmanager
def simulated_bank(stack: RunningStack, accounts: Sequence[str], *, fail_amounts: Sequence[str] = ()) -> Iterator[None]:
    """Lets the bank answer payments while the block lasts, unless another process does so already.

    `accounts` are the safeguarding IBANs it keeps; payments of an amount in `fail_amounts` are refused. Raises
    ProgramMissing where the simulator is not installed.
    """
    if importlib.util.find_spec(_MODULE) is None:
        raise ProgramMissing("the bank simulator is not installed: pip install ringfence-bank-simulator")
    spool = private_folder(spool_folder(stack.directory))
    lock = os.open(spool.parent / "bank.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if _is_taken(lock):
            yield
            return
        options = ["--fail-amounts", *fail_amounts] if fail_amounts else []
        command: list[str | Path] = [sys.executable, "-m", _MODULE, spool, "--accounts", *accounts, *options]
        environment = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
        process = Process("bank", command, stack.log_file("bank"), environment)
        process.start()
        try:
            yield
        finally:
            process.stop()
    finally:
        os.close(lock)


def _is_taken(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    return False
