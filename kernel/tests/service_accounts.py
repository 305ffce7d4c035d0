"""Tokens of service accounts as an API server of Kubernetes signs them, and its TokenReview, without a cluster."""

from __future__ import annotations

import json
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from ringfence_local_stack.processes.files import write_private
from ringfence_local_stack.servers.certificates import Authority

ISSUER = "https://kubernetes.default.svc"
AUDIENCE = "vault"
NAMESPACE = "ringfence"
REVIEWER = "the-token-of-a-reviewer"
_REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"


class Cluster:
    """Signs tokens; has a key of its own."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())

    @property
    def public_key(self) -> str:
        """By which the tokens verify, PEM."""
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return self._key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()

    def token(self, account: str, namespace: str = NAMESPACE, **claims: Any) -> str:
        """A token as kubelet projects it, some claims replaced."""
        now = int(time.time())
        given: dict[str, Any] = {
            "aud": [AUDIENCE],
            "exp": now + 600,
            "iat": now - 1,
            "nbf": now - 1,
            "iss": ISSUER,
            "kubernetes.io": {"namespace": namespace, "serviceaccount": {"name": account, "uid": f"uid-of-{account}"}},
            "sub": f"system:serviceaccount:{namespace}:{account}",
        }
        return jwt.encode(given | claims, self._key, algorithm="ES256")

    def review(self, token: str, audiences: list[str]) -> dict[str, Any]:
        """The status of a TokenReview (authentication.k8s.io/v1)."""
        try:
            claims = jwt.decode(token, self.public_key, algorithms=["ES256"], issuer=ISSUER, audience=audiences)
        except jwt.InvalidTokenError as error:
            return {"authenticated": False, "error": str(error)}
        _, _, namespace, account = claims["sub"].split(":")
        user = {"username": claims["sub"], "uid": f"uid-of-{account}", "groups": ["system:serviceaccounts"]}
        user["groups"] += [f"system:serviceaccounts:{namespace}", "system:authenticated"]
        return {"authenticated": True, "user": user, "audiences": [each for each in claims["aud"] if each in audiences]}


class TokenReviews:
    """A small HTTPS server that stands for the API server: it answers TokenReviews and nothing else."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        authority = Authority("API server")
        self.ca_file = write_private(folder / "api-server.pem", authority.certificate)
        files = authority.issue("spiffe://cluster.local/api-server", folder, "api-server")
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(cluster))
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(files.certificate, files.key)
        self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.address = f"https://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def stop(self) -> None:
        """Ends the server."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(cluster: Cluster) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path != _REVIEWS or self.headers["Authorization"] != f"Bearer {REVIEWER}":
                return self._answer(401, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 401})
            spec = asked["spec"]
            return self._answer(201, asked | {"status": cluster.review(spec["token"], spec.get("audiences") or [])})

        def log_message(self, *_: object) -> None:
            """Says nothing."""

        def _answer(self, status: int, content: dict[str, Any]) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler
