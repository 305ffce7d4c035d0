"""`ringfence-mirror`: makes keys and an empty store, follows logs, answers until it is told to stop."""

from __future__ import annotations

import argparse
import re
import signal
import sqlite3
import sys
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from ringfence_verifier.cosignature import keys_of_logs, require_name
from ringfence_verifier.errors import VerificationError
from ringfence_verifier.mirror.copy import Copy
from ringfence_verifier.mirror.pulling import Following, Source, follow
from ringfence_verifier.mirror.serving import MirrorServer
from ringfence_verifier.mirror.store import Store
from ringfence_verifier.note import VerifierKey
from ringfence_verifier.witness.keys import make_keys, read_keys
from ringfence_verifier.witness.seen import Seen

EVERY_SECONDS = 5.0
REFUSED = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; returns 0, or 2 where it cannot be done, and says why."""
    parser = argparse.ArgumentParser(prog="ringfence-mirror", description="Holds, reads and cosigns whole logs.")
    commands = parser.add_subparsers(dest="command", required=True)
    init = commands.add_parser("init", help="make keys and an empty store, once")
    init.add_argument("folder", type=Path)
    init.add_argument("--name", required=True, help="who this is, a URL without its scheme: mirror.example/m1")
    keys = commands.add_parser("keys", help="print the public keys, one vkey a line")
    keys.add_argument("folder", type=Path)
    check = commands.add_parser("check", help="compare every entry and tile that is held, and say how many there are")
    check.add_argument("folder", type=Path)
    _of_logs(check)
    serve = commands.add_parser("serve", help="follow and answer until SIGTERM")
    serve.add_argument("folder", type=Path)
    _of_logs(serve)
    serve.add_argument("--from", dest="url", metavar="URL", help="where the log serves its tiles; else others push")
    serve.add_argument(
        "--every", type=float, default=EVERY_SECONDS, metavar="SECONDS", help="look so often, %(default)s"
    )
    serve.add_argument("--authority", type=Path, help="who issues the log's certificate, PEM; else the system's")
    serve.add_argument(
        "--client-certificate", type=Path, help="what is shown to the log, PEM; read for each connection"
    )
    serve.add_argument("--client-key", type=Path, help="its key, PEM")
    serve.add_argument("--listen", default="127.0.0.1:8098", metavar="HOST:PORT", help="%(default)s")
    serve.add_argument("--certificate", type=Path, help="certificate chain, PEM; without it something in front has it")
    serve.add_argument("--certificate-key", type=Path, help="its key, PEM")
    serve.add_argument(
        "--readers", type=Path, help="issuers of certificates that entries are given for, PEM; else none"
    )
    serve.add_argument(
        "--reader", action="append", default=[], metavar="SHA256", help="only for this certificate; again for more"
    )
    reads = commands.add_parser("reads", help="print who was given entries: number, time, certificate, origin, path")
    reads.add_argument("folder", type=Path)
    reads.add_argument("--after", type=int, default=0, metavar="NUMBER", help="only what came after")
    parsed = parser.parse_args(arguments)
    try:
        return {"init": _init, "keys": _keys, "check": _check, "reads": _reads, "serve": _serve}[parsed.command](parsed)
    except (VerificationError, OSError, sqlite3.Error, ValueError) as error:
        print(f"ringfence-mirror: {error}", file=sys.stderr)
        return REFUSED


def _of_logs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--log", action="append", required=True, metavar="VKEY", help="a log's key; again for more")


def _init(parsed: argparse.Namespace) -> int:
    require_name(parsed.name)
    parsed.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # What is remembered comes last: without it nothing is served, and so nothing was signed.
    found = make_keys(parsed.folder, parsed.name)
    Store.make(parsed.folder)
    Seen.make(parsed.folder, parsed.name)
    print("\n".join(key.public.text() for key in found))
    return 0


def _keys(parsed: argparse.Namespace) -> int:
    print("\n".join(key.public.text() for key in read_keys(parsed.folder, Seen(parsed.folder).name)))
    return 0


def _check(parsed: argparse.Namespace) -> int:
    for copy in _copies(parsed, keys_of_logs(parsed.log)):
        print(f"{copy.origin}: {copy.check()} entries are what was written")
    return 0


def _reads(parsed: argparse.Namespace) -> int:
    for number, origin, certificate, path, seconds in Store(parsed.folder).reads(parsed.after):
        print(number, datetime.fromtimestamp(seconds, UTC).isoformat(), certificate, origin, path)
    return 0


def _serve(parsed: argparse.Namespace) -> int:
    logs = keys_of_logs(parsed.log)
    for one, other in ((parsed.certificate, parsed.certificate_key), (parsed.client_certificate, parsed.client_key)):
        if bool(one) != bool(other):
            raise VerificationError("a certificate needs its key, and a key its certificate")
    if parsed.readers and not parsed.certificate:
        raise VerificationError("whoever asks for certificates needs one")
    if parsed.reader and not parsed.readers:
        raise VerificationError("a list of readers needs the issuers of their certificates (--readers)")
    if any(re.fullmatch("[0-9a-f]{64}", each) is None for each in parsed.reader):
        raise VerificationError("--reader is the SHA-256 of a certificate (DER), 64 hexadecimal digits, lower case")
    if parsed.url and (len(logs) != 1 or urlsplit(parsed.url).scheme != "https"):
        raise VerificationError("one log is followed, at an https URL")
    if not 0.1 <= parsed.every <= 86_400:
        raise VerificationError("--every is 0.1 to 86400 seconds")
    host, _, port = parsed.listen.rpartition(":")
    copies = _copies(parsed, logs)
    tls = (parsed.certificate, parsed.certificate_key) if parsed.certificate else None
    stopping, failed = threading.Event(), list[BaseException]()
    with MirrorServer((host.strip("[]"), int(port)), copies, tls, parsed.readers, parsed.reader) as server:

        def stop(*_: object) -> None:
            stopping.set()
            threading.Thread(target=server.shutdown).start()

        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, stop)
        if parsed.url:
            source = Source(parsed.url, parsed.authority, parsed.client_certificate, parsed.client_key)
            following = Following(copies[0], source, parsed.folder)

            def run() -> None:
                try:
                    follow(following, parsed.every, stopping)
                except BaseException as error:  # a mirror that follows no more and does not say so is worse than none
                    failed.append(error)
                    stop()

            threading.Thread(target=run, daemon=True).start()
        print(f"{copies[0].seen.name} answers at {host}:{server.port} for {len(logs)} logs", flush=True)
        server.serve_forever()
    for copy in copies:
        copy.close()
    if failed:
        raise failed[0]
    return 0


def _copies(parsed: argparse.Namespace, logs: dict[str, list[VerifierKey]]) -> list[Copy]:
    seen, store = Seen(parsed.folder), Store(parsed.folder)
    keys = read_keys(parsed.folder, seen.name)
    return [Copy(store, seen, keys, log) for log in logs.values()]
