"""Tables of the event store, made by the owner role; the service's own role can only append."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence_kernel.store.chain import CHAIN_HASH_SQL
from ringfence_kernel.store.refusals import CURSOR_BEHIND
from ringfence_kernel.store.two_clocks import TWO_CLOCKS


@dataclass(frozen=True, slots=True)
class Migration:
    """A numbered, named change of the schema; `statements` may use {application_role} as an identifier."""

    number: int
    name: str
    statements: str


EVENT_STORE = """
CREATE TABLE stored_events (
    notification_id bigint PRIMARY KEY,
    originator_id uuid NOT NULL,
    originator_version bigint NOT NULL CHECK (originator_version > 0),
    topic text NOT NULL,
    state bytea NOT NULL,
    chain_hash bytea NOT NULL,
    UNIQUE (originator_id, originator_version)
);
-- Packed events do not compress; trying costs half of the commit.
ALTER TABLE stored_events ALTER COLUMN state SET STORAGE EXTERNAL;

CREATE TABLE feed_head (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    epoch bigint NOT NULL,
    position bigint NOT NULL,
    hash bytea NOT NULL
);
INSERT INTO feed_head (epoch, position, hash) VALUES (1, 0, decode(repeat('00', 32), 'hex'));

CREATE TABLE feed_epochs (
    epoch bigint PRIMARY KEY,
    fork_position bigint NOT NULL,
    order_reference text NOT NULL,
    opened_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE cursors (
    name text PRIMARY KEY,
    epoch bigint NOT NULL,
    position bigint NOT NULL,
    hash bytea NOT NULL
);

CREATE TABLE state_digests (
    position bigint PRIMARY KEY,
    digest bytea NOT NULL
);

-- Returns the new head. Its row's lock orders all writers: positions have no gaps, commit order is feed order.
CREATE FUNCTION append_events(
    expected_position bigint, streams uuid[], versions bigint[], topics text[], states bytea[]
) RETURNS TABLE (epoch bigint, "position" bigint, hash bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    head public.feed_head%ROWTYPE;
    name bytea;
BEGIN
    SELECT * INTO head FROM public.feed_head FOR UPDATE;
    IF head.position <> expected_position THEN
        RAISE EXCEPTION 'the feed stands at %, not at %', head.position, expected_position USING ERRCODE = '40001';
    END IF;
    FOR i IN 1 .. coalesce(array_length(streams, 1), 0) LOOP
        name := convert_to(topics[i], 'UTF8');
        head.position := head.position + 1;
        head.hash := {chain_hash};
        INSERT INTO public.stored_events
        VALUES (head.position, streams[i], versions[i], topics[i], states[i], head.hash);
    END LOOP;
    UPDATE public.feed_head h SET position = head.position, hash = head.hash;
    RETURN QUERY SELECT head.epoch, head.position, head.hash;
END $$;

-- Opens the next epoch after a restore: an operator's command, for the owner role only.
CREATE FUNCTION open_epoch(fork_position bigint, order_reference text) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
DECLARE
    head public.feed_head%ROWTYPE;
BEGIN
    SELECT * INTO head FROM public.feed_head FOR UPDATE;
    IF fork_position <> head.position OR order_reference = '' THEN
        RAISE EXCEPTION 'name the head (%) as the fork position, and the order', head.position;
    END IF;
    UPDATE public.feed_head SET epoch = head.epoch + 1;
    INSERT INTO public.feed_epochs VALUES (head.epoch + 1, fork_position, order_reference);
    RETURN head.epoch + 1;
END $$;

REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC;
REVOKE ALL ON FUNCTION append_events, open_epoch FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO {application_role};
GRANT SELECT ON stored_events, feed_head, feed_epochs, cursors, state_digests TO {application_role};
GRANT EXECUTE ON FUNCTION append_events TO {application_role};
GRANT INSERT, UPDATE ON cursors TO {application_role};
GRANT INSERT ON state_digests TO {application_role};
-- A rebuild fills temporary tables beside the live read models.
DO $$ BEGIN EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO {application_role}', current_database()); END $$;
""".replace("{chain_hash}", CHAIN_HASH_SQL)  # nosec B608 # constants of ours alone


SHADOW = """
-- Read models are filled anew in this schema, beside the live ones, and then take their place.
CREATE SCHEMA shadow;
REVOKE ALL ON SCHEMA shadow FROM PUBLIC;
GRANT USAGE ON SCHEMA shadow TO {application_role};

-- Read models are the tables that the caller may delete from: what it does to them here, it may do anyway.
CREATE FUNCTION require_read_models(tables text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY tables LOOP
        IF NOT has_table_privilege(session_user, format('public.%I', name), 'DELETE') THEN
            RAISE EXCEPTION '% is not a read model', name USING ERRCODE = '42501';
        END IF;
    END LOOP;
END $$;

-- Makes empty tables like the live ones, with their indexes, constraints and rights under the same names.
CREATE FUNCTION open_shadow(tables text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    name text;
    live regclass;
    part record;
BEGIN
    PERFORM public.require_read_models(tables);
    FOREACH name IN ARRAY tables LOOP
        live := format('public.%I', name)::regclass;
        EXECUTE format('DROP TABLE IF EXISTS shadow.%I', name);
        EXECUTE format('CREATE TABLE shadow.%I (LIKE %s INCLUDING ALL EXCLUDING INDEXES)', name, live);
        FOR part IN SELECT conname, pg_get_constraintdef(oid) AS definition FROM pg_constraint
            WHERE conrelid = live AND contype IN ('p', 'u') LOOP
            EXECUTE format('ALTER TABLE shadow.%I ADD CONSTRAINT %I %s', name, part.conname, part.definition);
        END LOOP;
        FOR part IN SELECT pg_get_indexdef(indexrelid) AS definition FROM pg_index WHERE indrelid = live
            AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid) LOOP
            EXECUTE regexp_replace(part.definition, ' ON public[.]', ' ON shadow.');
        END LOOP;
        FOR part IN SELECT grantee::regrole AS role, privilege_type FROM pg_class, aclexplode(relacl)
            WHERE pg_class.oid = live AND grantee NOT IN (0, relowner) LOOP
            EXECUTE format('GRANT %s ON shadow.%I TO %s', part.privilege_type, name, part.role);
        END LOOP;
    END LOOP;
END $$;

-- Puts the shadows in the place of the live tables, all or none.
CREATE FUNCTION swap_shadow(tables text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    name text;
BEGIN
    PERFORM public.require_read_models(tables);
    FOREACH name IN ARRAY tables LOOP
        EXECUTE format('DROP TABLE public.%I', name);
        EXECUTE format('ALTER TABLE shadow.%I SET SCHEMA public', name);
    END LOOP;
END $$;

REVOKE ALL ON FUNCTION require_read_models, open_shadow, swap_shadow FROM PUBLIC;
GRANT EXECUTE ON FUNCTION open_shadow, swap_shadow TO {application_role};
"""


DIGEST_FORMAT = """
-- What a digest is made of changes with releases; a rebuild compares with one of its own format alone.
ALTER TABLE state_digests ADD COLUMN format smallint NOT NULL DEFAULT 1,
    DROP CONSTRAINT state_digests_pkey, ADD PRIMARY KEY (position, format);
"""


APPEND_AND_MOVE = """
-- Appends, and moves the cursors of tables that are written in the same statement; refuses where one of them lags.
CREATE FUNCTION append_and_move(
    expected_position bigint, streams uuid[], versions bigint[], topics text[], states bytea[], names text[]
) RETURNS TABLE (epoch bigint, "position" bigint, hash bytea)
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    head record;
    moved bigint;
BEGIN
    SELECT * INTO head FROM public.append_events(expected_position, streams, versions, topics, states);
    INSERT INTO public.cursors AS held SELECT model.name, head.epoch, head.position, head.hash
    FROM unnest(names) model (name)
    WHERE expected_position = 0 OR EXISTS (SELECT FROM public.cursors c WHERE c.name = model.name)
    ON CONFLICT (name) DO UPDATE SET epoch = excluded.epoch, position = excluded.position, hash = excluded.hash
    WHERE held.position = expected_position;
    GET DIAGNOSTICS moved = ROW_COUNT;
    IF moved <> cardinality(names) THEN
        RAISE EXCEPTION 'not all of % stand at %', names, expected_position USING ERRCODE = '{cursor_behind}';
    END IF;
    RETURN QUERY SELECT head.epoch, head.position, head.hash;
END $$;

REVOKE ALL ON FUNCTION append_and_move FROM PUBLIC;
GRANT EXECUTE ON FUNCTION append_and_move TO {application_role};
""".replace("{cursor_behind}", CURSOR_BEHIND)  # nosec B608 # constants of ours alone


STRICT_APPENDS = """
-- As before, and nobody may leave out where the feed stands, or a version of a stream.
CREATE OR REPLACE FUNCTION append_events(
    expected_position bigint, streams uuid[], versions bigint[], topics text[], states bytea[]
) RETURNS TABLE (epoch bigint, "position" bigint, hash bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    head public.feed_head%ROWTYPE;
    name bytea;
BEGIN
    SELECT * INTO head FROM public.feed_head FOR UPDATE;
    IF head.position IS DISTINCT FROM expected_position THEN
        RAISE EXCEPTION 'the feed stands at %, not at %', head.position, expected_position USING ERRCODE = '40001';
    END IF;
    FOR i IN 1 .. coalesce(array_length(streams, 1), 0) LOOP
        -- A version that is there already is refused by the table's own key. An IF that asks no table costs nothing.
        IF versions[i] > 1 THEN
            IF NOT EXISTS (
                SELECT FROM public.stored_events
                WHERE originator_id = streams[i] AND originator_version = versions[i] - 1
            ) THEN
                RAISE EXCEPTION 'version % of stream % follows none', versions[i], streams[i] USING ERRCODE = '22023';
            END IF;
        END IF;
        name := convert_to(topics[i], 'UTF8');
        head.position := head.position + 1;
        head.hash := {chain_hash};
        INSERT INTO public.stored_events
        VALUES (head.position, streams[i], versions[i], topics[i], states[i], head.hash);
    END LOOP;
    UPDATE public.feed_head h SET position = head.position, hash = head.hash;
    RETURN QUERY SELECT head.epoch, head.position, head.hash;
END $$;

-- Nobody but the service's own roles comes in.
DO $$ BEGIN
    EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO {application_role}', current_database());
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
END $$;
""".replace("{chain_hash}", CHAIN_HASH_SQL)  # nosec B608 # constants of ours alone


VISIBLE_MIGRATIONS = """
-- A process waits for the schema that it needs, and cannot see it otherwise.
GRANT SELECT ON schema_migrations TO {application_role};
"""


PARTITIONED_SHADOWS = """
-- As before, and what is partitioned stays so.
CREATE OR REPLACE FUNCTION open_shadow(tables text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    name text;
    live regclass;
    part record;
BEGIN
    PERFORM public.require_read_models(tables);
    FOREACH name IN ARRAY tables LOOP
        live := format('public.%I', name)::regclass;
        EXECUTE format('DROP TABLE IF EXISTS shadow.%I', name);
        EXECUTE format('CREATE TABLE shadow.%I (LIKE %s INCLUDING ALL EXCLUDING INDEXES)', name, live)
            || coalesce(' PARTITION BY ' || pg_get_partkeydef(live), '');
        FOR part IN SELECT relname, pg_get_expr(relpartbound, oid) AS bound FROM pg_class JOIN pg_inherits
            ON inhrelid = oid WHERE inhparent = live LOOP
            EXECUTE format('CREATE TABLE shadow.%I PARTITION OF shadow.%I %s', part.relname, name, part.bound);
        END LOOP;
        FOR part IN SELECT conname, pg_get_constraintdef(oid) AS definition FROM pg_constraint
            WHERE conrelid = live AND contype IN ('p', 'u') LOOP
            EXECUTE format('ALTER TABLE shadow.%I ADD CONSTRAINT %I %s', name, part.conname, part.definition);
        END LOOP;
        FOR part IN SELECT pg_get_indexdef(indexrelid) AS definition FROM pg_index WHERE indrelid = live
            AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid) LOOP
            EXECUTE regexp_replace(part.definition, ' ON (ONLY )?public[.]', ' ON shadow.');
        END LOOP;
        FOR part IN SELECT grantee::regrole AS role, privilege_type FROM pg_class, aclexplode(relacl)
            WHERE pg_class.oid = live AND grantee NOT IN (0, relowner) LOOP
            EXECUTE format('GRANT %s ON shadow.%I TO %s', part.privilege_type, name, part.role);
        END LOOP;
    END LOOP;
END $$;

CREATE OR REPLACE FUNCTION swap_shadow(tables text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    name text;
    part record;
BEGIN
    PERFORM public.require_read_models(tables);
    FOREACH name IN ARRAY tables LOOP
        EXECUTE format('DROP TABLE public.%I', name);
        EXECUTE format('ALTER TABLE shadow.%I SET SCHEMA public', name);
        FOR part IN SELECT inhrelid::regclass AS shadow FROM pg_inherits
            WHERE inhparent = format('public.%I', name)::regclass LOOP
            EXECUTE format('ALTER TABLE %s SET SCHEMA public', part.shadow);
        END LOOP;
    END LOOP;
END $$;
"""


def event_store_migrations() -> list[Migration]:
    """Returns the migrations that every service starts with; a service's own begin at 100."""
    return [
        Migration(1, "event store", EVENT_STORE),
        Migration(2, "shadow read models", SHADOW),
        Migration(3, "formats of digests", DIGEST_FORMAT),
        Migration(4, "events with rows", APPEND_AND_MOVE),
        Migration(5, "strict appends", STRICT_APPENDS),
        Migration(6, "two clocks", TWO_CLOCKS),
        Migration(7, "visible migrations", VISIBLE_MIGRATIONS),
        Migration(8, "shadows of partitioned read models", PARTITIONED_SHADOWS),
    ]
