"""The command line: `serve`, `migrate`, `rebuild [--verify]`."""

import sys

from ringfence_kernel.service import main as run

from ringfence_identity.bootstrap import SERVICE


def main() -> int:
    """Runs the command named on the command line and returns its exit code."""
    return run(SERVICE)


if __name__ == "__main__":
    sys.exit(main())
