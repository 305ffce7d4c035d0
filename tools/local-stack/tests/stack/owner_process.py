"""Runs a stack without services in the folder given, as `ringfence up` would, until a signal ends it."""

import signal
import sys
import time
from pathlib import Path

from ringfence_local_stack.servers.postgres import FLEETING
from ringfence_local_stack.stack.local_stack import LocalStack

# What a shell started in the background ignores Ctrl-C, and so would all that it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)
# Started under nohup the tests ignore it, and so would their children.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
with LocalStack(
    Path(sys.argv[1]),
    with_services=(),
    postgres_settings=FLEETING,
    progress=lambda what: print(what, flush=True),
):
    print("up", flush=True)
    time.sleep(600)
