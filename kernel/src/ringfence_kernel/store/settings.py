"""Settings of the database: of who waits for its schema, and of its owner."""

from dataclasses import dataclass
from typing import Annotated, Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ringfence_kernel.values.settings import FileVariable, InvalidSetting, Secret, Variable, is_port

DATABASE, _OWNER = "RINGFENCE_DATABASE_URL", "RINGFENCE_OWNER_DATABASE_URL"


def conninfo_of(variable: str, url: str, password: Secret | None) -> str:
    """Returns the libpq connection string, password included; raises InvalidSetting."""
    _parts(variable, url)
    return make_conninfo(url, password=password.reveal() if password else None)


def _parts(variable: str, url: str) -> dict[str, Any]:
    """Returns the parts of a database URL; raises InvalidSetting. What libpq says of it would quote the value."""
    try:
        parts = conninfo_to_dict(url)
        ports = str(parts.get("port") or "5432").split(",")
        are_ports = all(map(is_port, ports))
    except psycopg.Error:
        are_ports = False
    if not are_ports:
        raise InvalidSetting(variable, "a database URL, postgresql://USER@HOST:PORT/DATABASE")
    return parts


@dataclass(frozen=True, kw_only=True)
class AwaitingSettings:
    """What a process reads that waits for a migration: the database under the service's own role."""

    database_url: Annotated[str, Variable(DATABASE)]
    database_password: Annotated[Secret | None, FileVariable("RINGFENCE_DATABASE_PASSWORD_FILE")] = None
    log_level: Annotated[str, Variable("RINGFENCE_LOG_LEVEL")] = "INFO"

    def conninfo(self) -> str:
        """Returns the libpq connection string of the service's role, password included; raises InvalidSetting."""
        return conninfo_of(DATABASE, self.database_url, self.database_password)


@dataclass(frozen=True, kw_only=True)
class MigrationSettings:
    """What a migration reads: the owner's database, which a serving process never sees."""

    service: Annotated[str, Variable("RINGFENCE_SERVICE")]
    database_url: Annotated[str, Variable(DATABASE)]
    owner_database_url: Annotated[str, Variable(_OWNER)]
    owner_database_password: Annotated[Secret | None, FileVariable("RINGFENCE_OWNER_DATABASE_PASSWORD_FILE")] = None
    log_level: Annotated[str, Variable("RINGFENCE_LOG_LEVEL")] = "INFO"

    def application_role(self) -> str:
        """Returns the role that the service serves as, the user of its database URL; raises InvalidSetting."""
        user = _parts(DATABASE, self.database_url).get("user")
        if not isinstance(user, str):
            raise InvalidSetting(DATABASE, "a URL with a user")
        return user

    def conninfo(self) -> str:
        """Returns the libpq connection string of the owner, password included; raises InvalidSetting."""
        return conninfo_of(_OWNER, self.owner_database_url, self.owner_database_password)
