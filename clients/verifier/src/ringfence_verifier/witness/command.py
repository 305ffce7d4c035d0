"""`ringfence-witness`: makes a witness, and serves it."""

from __future__ import annotations

import argparse
import signal
import sqlite3
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from ringfence_verifier.cosignature import keys_of_logs, require_name
from ringfence_verifier.errors import VerificationError
from ringfence_verifier.witness.answering import Answering
from ringfence_verifier.witness.keys import make_keys, read_keys
from ringfence_verifier.witness.seen import Seen
from ringfence_verifier.witness.serving import WitnessServer

REFUSED = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; returns 0, or 2 where it cannot be done, and says why."""
    parser = argparse.ArgumentParser(prog="ringfence-witness", description="Cosigns what extends what it has seen.")
    commands = parser.add_subparsers(dest="command", required=True)
    init = commands.add_parser("init", help="make keys and an empty memory, once")
    init.add_argument("folder", type=Path)
    init.add_argument("--name", required=True, help="who this is, a URL without its scheme: witness.example/w1")
    keys = commands.add_parser("keys", help="print the public keys, one vkey a line")
    keys.add_argument("folder", type=Path)
    serve = commands.add_parser("serve", help="answer until SIGTERM")
    serve.add_argument("folder", type=Path)
    serve.add_argument("--log", action="append", required=True, metavar="VKEY", help="a log's key; again for more")
    serve.add_argument("--listen", default="127.0.0.1:8099", metavar="HOST:PORT", help="%(default)s")
    serve.add_argument("--certificate", type=Path, help="certificate chain, PEM; without it something in front has it")
    serve.add_argument("--certificate-key", type=Path, help="its key, PEM")
    parsed = parser.parse_args(arguments)
    try:
        return {"init": _init, "keys": _keys, "serve": _serve}[parsed.command](parsed)
    except (VerificationError, OSError, sqlite3.Error, ValueError) as error:
        print(f"ringfence-witness: {error}", file=sys.stderr)
        return REFUSED


def _init(parsed: argparse.Namespace) -> int:
    require_name(parsed.name)
    parsed.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The memory comes last: without it nothing is served, and so nothing was signed.
    found = make_keys(parsed.folder, parsed.name)
    Seen.make(parsed.folder, parsed.name)
    print("\n".join(key.public.text() for key in found))
    return 0


def _keys(parsed: argparse.Namespace) -> int:
    print("\n".join(key.public.text() for key in read_keys(parsed.folder, Seen(parsed.folder).name)))
    return 0


def _serve(parsed: argparse.Namespace) -> int:
    logs = keys_of_logs(parsed.log)
    if bool(parsed.certificate) != bool(parsed.certificate_key):
        raise VerificationError("a certificate needs its key, and a key its certificate")
    host, _, port = parsed.listen.rpartition(":")
    seen = Seen(parsed.folder)
    answering = Answering(seen, read_keys(parsed.folder, seen.name), logs)
    tls = (parsed.certificate, parsed.certificate_key) if parsed.certificate else None
    with WitnessServer((host.strip("[]"), int(port)), answering, tls) as server:
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, lambda *_: threading.Thread(target=server.shutdown).start())
        print(f"{seen.name} answers at {host}:{server.port} for {len(logs)} logs", flush=True)
        server.serve_forever()
    return 0
