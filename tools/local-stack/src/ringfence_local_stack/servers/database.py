"""One database of a service: its owner, its application role, and nobody else."""

from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from ringfence_local_stack.processes.ports import LOOPBACK


@dataclass(frozen=True)
class Database:
    """A database with its two roles: the owner runs migrations, the application gets what the migration grants."""

    port: int
    name: str
    owner_role: str
    owner_password_file: Path
    app_role: str
    app_password_file: Path
    host: str = LOOPBACK

    @property
    def owner_url(self) -> str:
        """libpq URL of the owner role, without its password."""
        return f"postgresql://{self.owner_role}@{self.host}:{self.port}/{self.name}"

    @property
    def app_url(self) -> str:
        """libpq URL of the application role, without its password."""
        return f"postgresql://{self.app_role}@{self.host}:{self.port}/{self.name}"

    @property
    def owner_password(self) -> str:
        """Password of the owner role."""
        return self.owner_password_file.read_text()

    @property
    def app_password(self) -> str:
        """Password of the application role."""
        return self.app_password_file.read_text()

    @property
    def owner_conninfo(self) -> str:
        """Connection string of the owner role, with its password."""
        return psycopg.conninfo.make_conninfo(self.owner_url, password=self.owner_password)

    @property
    def app_conninfo(self) -> str:
        """Connection string of the application role, with its password."""
        return psycopg.conninfo.make_conninfo(self.app_url, password=self.app_password)

    def let_clocks_differ(self) -> None:
        """Lets writers have any time, as its owner alone can: for tests whose clock moves only when told."""
        with psycopg.connect(self.owner_conninfo) as connection:
            connection.execute("UPDATE feed_head SET tolerance_ns = %s", [2**62])

    def environment(self) -> dict[str, str]:
        """The settings by which a service finds it under the application role."""
        return {
            "RINGFENCE_DATABASE_URL": self.app_url,
            "RINGFENCE_DATABASE_PASSWORD_FILE": str(self.app_password_file),
        }

    def owner_environment(self) -> dict[str, str]:
        """The settings by which a migration finds it under the owner role."""
        return {
            "RINGFENCE_OWNER_DATABASE_URL": self.owner_url,
            "RINGFENCE_OWNER_DATABASE_PASSWORD_FILE": str(self.owner_password_file),
        }


def create_role(connection: psycopg.Connection, role: str, password: str) -> None:
    """Makes a role that logs in with the password, unless there is one of this name."""
    if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
        return
    # Hashed here: the server never sees the password, and cannot log it.
    verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    statement = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
    connection.execute(statement.format(sql.Identifier(role), sql.Literal(verifier)))


def create_database(connection: psycopg.Connection, database: Database) -> None:
    """Makes the database for its two existing roles and nobody else, unless there is one of this name."""
    name, owner, app = (sql.Identifier(word) for word in (database.name, database.owner_role, database.app_role))
    if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database.name]).fetchone():
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0").format(name, owner))
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
    connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(name, app))


def copy_database(connection: psycopg.Connection, template: Database, copy: Database) -> None:
    """Makes `copy` of a database to which nobody is connected, for the same roles with the same rights."""
    name = sql.Identifier(copy.name)
    # Files are copied, not rows logged: a checkpoint, which is cheap where no disk is waited for.
    statement = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {} STRATEGY file_copy")
    connection.execute(statement.format(name, sql.Identifier(template.owner_role), sql.Identifier(template.name)))
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
    rights = connection.execute(
        "SELECT privilege_type, rolname FROM pg_database, aclexplode(datacl) JOIN pg_roles ON pg_roles.oid = grantee "
        "WHERE datname = %s AND grantee <> datdba",
        [template.name],
    )
    for right, role in rights.fetchall():
        grant = sql.SQL("GRANT {} ON DATABASE {} TO {}")
        connection.execute(grant.format(sql.SQL(right), name, sql.Identifier(role)))


def drop_database(connection: psycopg.Connection, name: str) -> None:
    """Drops the database, cutting off whoever is connected; its roles stay."""
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
