"""Becomes another program, after dropping privileges and asking to be signalled when the parent dies.

Run as a script by `process.Process`: `launch.py PARENT_PID SIGNAL UID GID PROGRAM [ARGUMENT ...]`, where UID and GID
are -1 to keep the caller's. It exists because running Python between fork and exec of a threaded process may deadlock.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Replaces this process; raises OSError if the program cannot be run."""
    parent, signal, uid, gid = (int(word) for word in arguments[:4])
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        # After setuid, which clears it; it survives the exec.
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("the parent died before this process started")
    os.execv(arguments[4], arguments[4:])


if __name__ == "__main__":
    main(sys.argv[1:])
