"""The command line: `serve`, `migrate`, `rebuild [--verify]`."""

from __future__ import annotations

import sys

from ringfence_kernel.starting import start


def main() -> int:
    """Runs the command named on the command line and returns its exit code."""
    return start("identity")


if __name__ == "__main__":
    sys.exit(main())
