"""Migrates one table as the owner, or serves health over mutual TLS with a certificate from OpenBao."""

import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import psycopg
from ringfence_bootstrap.vault.api import VaultApi
from ringfence_local_stack.servers.certificates import service_id, signing_request


def content(variable: str) -> str:
    """The text of the file that a variable names."""
    return Path(os.environ[variable]).read_text()


def migrate() -> None:
    """Makes a table that only the application role may append to."""
    password = content("RINGFENCE_OWNER_DATABASE_PASSWORD_FILE")
    with psycopg.connect(os.environ["RINGFENCE_OWNER_DATABASE_URL"], password=password) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS start (pid int)")
        connection.execute(f"GRANT INSERT ON start TO {os.environ['RINGFENCE_APPLICATION_ROLE']}")


def certificate() -> tuple[bytes, bytes]:
    """Logs in with the wrapped secret id and has a fresh key signed; returns key and certificate."""
    address, ca_file = os.environ["VAULT_ADDR"], Path(os.environ["VAULT_CACERT"])
    wrapped = VaultApi(address, ca_file, content("RINGFENCE_VAULT_WRAPPED_SECRET_ID_FILE"))
    secret_id = wrapped.write("sys/wrapping/unwrap")["data"]["secret_id"]
    role_id = os.environ["RINGFENCE_VAULT_ROLE_ID"]
    login = VaultApi(address, ca_file).write("auth/approle/login", role_id=role_id, secret_id=secret_id)
    service = os.environ["RINGFENCE_SERVICE"]
    request = signing_request(service_id(service), on_loopback=True)
    signed = VaultApi(address, ca_file, login["auth"]["client_token"]).write(
        f"pki-workload/sign/{service}", csr=request.csr
    )
    return request.key.encode(), signed["data"]["certificate"].encode()


def serve() -> None:
    """Notes the start in the database, then answers health checks until SIGTERM."""
    password = content("RINGFENCE_DATABASE_PASSWORD_FILE")
    with psycopg.connect(os.environ["RINGFENCE_DATABASE_URL"], password=password) as connection:
        connection.execute("INSERT INTO start VALUES (%s)", [os.getpid()])
    server = grpc.server(ThreadPoolExecutor(2))
    check = grpc.unary_unary_rpc_method_handler(lambda request, context: b"\x08\x01")
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": check}),))
    roots = (content("RINGFENCE_WORKLOAD_CA_FILE") + content("RINGFENCE_CLIENT_CA_FILE")).encode()
    server.add_secure_port(
        os.environ["RINGFENCE_LISTEN"], grpc.ssl_server_credentials([certificate()], roots, require_client_auth=True)
    )
    server.start()
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: stopped.set())
    stopped.wait()
    server.stop(1).wait()
    print("drained", flush=True)


{"migrate": migrate, "serve": serve}[sys.argv[1]]()
