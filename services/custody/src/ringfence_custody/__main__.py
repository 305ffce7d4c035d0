"""The command line: `serve`, `migrate`, `rebuild [--verify]`."""

from __future__ import annotations

import sys

from ringfence_kernel.service import main as run

from ringfence_custody.bootstrap import SERVICE


def main() -> int:
    """Runs the command named on the command line and returns its exit code."""
    return run(SERVICE)


if __name__ == "__main__":
    sys.exit(main())
