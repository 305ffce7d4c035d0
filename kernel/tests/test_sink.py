"""What cannot be written to the log is lost, and fails nobody."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from ringfence_kernel.telemetry.sink import LineSink


@contextmanager
def standard_output(descriptor: int) -> Iterator[LineSink]:
    """Gives a sink on a descriptor in the place of standard output."""

    class Output:
        """What `sys.stdout` is asked for."""

        def fileno(self) -> int:
            """Returns the descriptor."""
            return descriptor

    kept, sys.stdout = sys.stdout, Output()  # type: ignore[assignment]
    try:
        yield LineSink()
    finally:
        sys.stdout = kept


def test_a_full_disk_costs_lines_alone() -> None:
    """Every line is lost and counted while there is no room."""
    full = os.open("/dev/full", os.O_WRONLY)
    with standard_output(full) as sink:
        with pytest.raises(OSError, match="No space left"):
            os.write(full, b"x")
        for _ in range(3):
            sink.msg("a line")
        assert sink.lost == 3
    os.close(full)


def test_a_pipe_without_a_reader_costs_lines_alone() -> None:
    """Whoever read the log has gone."""
    reading, writing = os.pipe()
    os.close(reading)
    with standard_output(writing) as sink:
        sink.msg("a line")
        assert sink.lost == 1
    os.close(writing)
    with standard_output(writing) as sink:
        sink.msg("a line")
        assert sink.lost == 1


def test_a_reader_who_does_not_read_holds_nobody_up() -> None:
    """What does not fit into the pipe is lost; when there is room again, a line that was cut is ended first."""
    reading, writing = os.pipe()
    with standard_output(writing) as sink:
        while not sink.lost:
            sink.msg("x" * 5_000)
        sink.msg("y")
        assert sink.lost == 2
        seen = os.read(reading, 1_000_000)
        sink.msg("z")
        seen += os.read(reading, 1_000_000)
    lines = seen.decode().split("\n")
    assert lines[-2:] == ["z", ""]
    assert {*lines[:-3]} == {"x" * 5_000}
    assert set(lines[-3]) == {"x"}
    os.close(reading)
    os.close(writing)


def test_a_process_without_standard_output_goes_on() -> None:
    """As a daemon that was started with it closed."""
    code = (
        "import sys; from ringfence_kernel.telemetry import logs; logs.configure('probe');"
        "logs.get('x').error('y'); import logging; logging.getLogger('z').error('w'); sys.exit(3 + logs.lost_lines())"
    )
    process = subprocess.run([sys.executable, "-c", code], close_fds=True, preexec_fn=lambda: os.close(1))
    assert process.returncode == 5
