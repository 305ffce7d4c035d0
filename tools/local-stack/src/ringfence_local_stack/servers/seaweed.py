"""A SeaweedFS server that speaks S3 over TLS, for the tests of what lays messages into a bucket."""

import json
import signal
import socket
import ssl
import threading
from pathlib import Path

from ringfence_local_stack.processes.files import private_folder, write_private
from ringfence_local_stack.processes.ports import LOOPBACK, free_ports
from ringfence_local_stack.processes.process import Process
from ringfence_local_stack.processes.programs import find_seaweed
from ringfence_local_stack.servers.certificates import CertificateFiles

ACCESS_KEY_ID, SECRET_ACCESS_KEY = "sandbox", "sandbox-secret"
_START_SECONDS = 40.0
# Each part of the server listens twice, for HTTP and for gRPC.
_PARTS = ("master", "volume", "filer", "s3")


class SeaweedServer:
    """One server in `directory`, reached under `certificate`; a bucket is made when something is first put there."""

    def __init__(
        self,
        directory: Path,
        *,
        log_file: Path,
        certificate: CertificateFiles,
        ca_file: Path,
        closing: threading.Event | None = None,
    ) -> None:
        self.ca_file = ca_file
        self._folder = directory
        ports = iter(free_ports(2 * len(_PARTS)))
        self._ports = {part: (next(ports), next(ports)) for part in _PARTS}
        command = [find_seaweed(), "-logtostderr=true", "server", *self._options(certificate)]
        environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "HOME": str(directory)}
        # What it holds is thrown away, and an orderly end takes it 20 s.
        self._process = Process(
            "seaweed", command, log_file, environment, None, signal.SIGKILL, closing=closing or threading.Event()
        )

    @property
    def endpoint(self) -> str:
        """The address of its S3 interface."""
        return f"https://{LOOPBACK}:{self._ports['s3'][0]}"

    def start(self) -> None:
        """Starts the server and waits until it answers; raises ProcessFailed."""
        private_folder(self._folder)
        allowed = {"accessKey": ACCESS_KEY_ID, "secretKey": SECRET_ACCESS_KEY}
        identity = {"name": "sandbox", "credentials": [allowed], "actions": ["Admin", "Read", "Write", "List"]}
        write_private(self._folder / "s3.json", json.dumps({"identities": [identity]}))
        try:
            self._process.start()
            self._process.wait_until(self._answers, _START_SECONDS)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stops the server, and removes the sockets that it leaves behind."""
        self._process.stop()
        for port in (each for both in self._ports.values() for each in both):
            for socket_file in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                socket_file.unlink(missing_ok=True)

    def kill(self) -> None:
        """Kills the server with signal 9, as a crash would."""
        self._process.kill()

    def _options(self, certificate: CertificateFiles) -> list[str | Path]:
        ports = [
            option
            for part, (port, for_grpc) in self._ports.items()
            for option in (f"-{part}.port={port}", f"-{part}.port.grpc={for_grpc}")
        ]
        return [
            f"-dir={self._folder}",
            f"-ip={LOOPBACK}",
            f"-ip.bind={LOOPBACK}",
            *ports,
            "-s3",
            "-s3.iam=false",
            # Otherwise it listens at ports that are always the same.
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            f"-s3.config={self._folder / 's3.json'}",
            f"-s3.cert.file={certificate.certificate}",
            f"-s3.key.file={certificate.key}",
            # Each bucket takes seven when something is first put there, and every test may have its own.
            "-volume.max=700",
            "-master.volumeSizeLimitMB=64",
            "-master.telemetry=false",
        ]

    def _answers(self) -> bool:
        context = ssl.create_default_context(cafile=str(self.ca_file))
        try:
            with (
                socket.create_connection((LOOPBACK, self._ports["s3"][0]), 1.0) as plain,
                context.wrap_socket(plain, server_hostname=LOOPBACK) as secured,
            ):
                secured.sendall(b"GET /status HTTP/1.0\r\nHost: localhost\r\n\r\n")
                return secured.recv(12).endswith(b" 200")
        except OSError:
            return False
