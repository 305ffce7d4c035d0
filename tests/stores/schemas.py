"""What a release may rely on in a database, read from its catalogue; and what another schema takes away from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import psycopg

COLUMNS = """
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
    a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' AS must_be_given
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'v', 'm') AND a.attnum > 0 AND NOT a.attisdropped
"""
CONSTRAINTS = """
SELECT r.relname, pg_get_constraintdef(k.oid) FROM pg_constraint k JOIN pg_class r ON r.oid = k.conrelid
JOIN pg_namespace n ON n.oid = r.relnamespace WHERE n.nspname = 'public' AND k.contype <> 'n'
UNION ALL
SELECT r.relname, regexp_replace(pg_get_indexdef(i.indexrelid), 'INDEX \\S+ ', 'INDEX ')
FROM pg_index i JOIN pg_class r ON r.oid = i.indrelid JOIN pg_namespace n ON n.oid = r.relnamespace
WHERE n.nspname = 'public' AND i.indisunique
UNION ALL
SELECT r.relname, pg_get_triggerdef(t.oid) FROM pg_trigger t JOIN pg_class r ON r.oid = t.tgrelid
JOIN pg_namespace n ON n.oid = r.relnamespace WHERE n.nspname = 'public' AND NOT t.tgisinternal
"""
FUNCTIONS = """
SELECT p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')', pg_get_function_result(p.oid)
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'public'
"""
RIGHTS = """
SELECT 'table ' || c.relname || coalesce('.' || a.attname, ''), x.privilege_type
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attacl IS NOT NULL
CROSS JOIN LATERAL aclexplode(coalesce(a.attacl, c.relacl)) x
WHERE n.nspname = 'public' AND x.grantee = %(role)s::regrole
UNION
SELECT 'table ' || c.relname, x.privilege_type
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace CROSS JOIN LATERAL aclexplode(c.relacl) x
WHERE n.nspname = 'public' AND x.grantee = %(role)s::regrole
UNION
SELECT 'function ' || p.proname, x.privilege_type
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace CROSS JOIN LATERAL aclexplode(p.proacl) x
WHERE n.nspname = 'public' AND x.grantee = %(role)s::regrole
UNION
SELECT 'schema ' || n.nspname, x.privilege_type FROM pg_namespace n CROSS JOIN LATERAL aclexplode(n.nspacl) x
WHERE x.grantee = %(role)s::regrole
UNION
SELECT 'database', x.privilege_type FROM pg_database d CROSS JOIN LATERAL aclexplode(d.datacl) x
WHERE d.datname = current_database() AND x.grantee = %(role)s::regrole
"""


@dataclass(frozen=True)
class Schema:
    """Tables with their columns, what rows must fulfil, functions, and the rights of the service's role."""

    columns: dict[tuple[str, str], tuple[str, bool, bool]]
    """By table and name: type, whether it is never null, whether an insert must give it."""
    constraints: frozenset[tuple[str, str]]
    functions: dict[str, str]
    rights: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, connection: psycopg.Connection, role: str) -> Schema:
        """Reads the catalogue of a database, as far as it concerns the service's role."""
        columns = connection.execute(COLUMNS).fetchall()
        return cls(
            columns={(table, name): (kind, never, must) for table, name, kind, never, must in columns},
            constraints=frozenset(connection.execute(CONSTRAINTS).fetchall()),
            functions=dict(connection.execute(FUNCTIONS).fetchall()),
            rights=frozenset(connection.execute(RIGHTS, {"role": role}).fetchall()),
        )

    @property
    def tables(self) -> set[str]:
        """The names of the tables."""
        return {table for table, _ in self.columns}


def taken_away(old: Schema, new: Schema) -> list[str]:
    """Says what processes made for `old` would miss, or be refused, in `new`."""
    return sorted({*_columns(old, new), *_constraints(old, new), *_functions(old, new), *_rights(old, new)})


def _columns(old: Schema, new: Schema) -> Iterator[str]:
    for (table, name), (kind, never, _) in old.columns.items():
        found = new.columns.get((table, name))
        if found is None:
            yield f"{table}.{name} is gone"
        elif found[0] != kind:
            yield f"{table}.{name} is {found[0]} and no longer {kind}"
        elif found[1] and not never:
            yield f"{table}.{name} may be null no longer"
        elif never and not found[1]:
            yield f"{table}.{name} may be null now, which its readers do not expect"
        elif found[2] and not old.columns[table, name][2]:
            yield f"{table}.{name} has lost its default"
    for (table, name), (_, _, must_be_given) in new.columns.items():
        if table in old.tables and (table, name) not in old.columns and must_be_given:
            yield f"{table}.{name} is new, not null and without a default"


def _constraints(old: Schema, new: Schema) -> Iterator[str]:
    for table, definition in new.constraints - old.constraints:
        if table in old.tables:
            yield f"{table} has a new constraint: {definition}"
    for table, definition in old.constraints - new.constraints:
        # `ON CONFLICT` and every reader of one row count on it.
        if table in new.tables:
            yield f"{table} has lost a constraint: {definition}"


def _functions(old: Schema, new: Schema) -> Iterator[str]:
    for name, result in old.functions.items():
        if new.functions.get(name) != result:
            yield f"function {name} is gone, or returns something else"


def _rights(old: Schema, new: Schema) -> Iterator[str]:
    for what, right in old.rights - new.rights:
        yield f"the service has lost {right} on {what}"
