"""Two clocks: what the store refuses by the time of its own server, and how an operator lets it go on.

An append says what the writer's clock shows and the latest time that it gave. Whatever only one clock says is not
recorded. A history that is ahead of both stops the writing until the owner accepts it: its events then go on in steps
of a nanosecond until the clocks have caught up.
"""

from __future__ import annotations

from dataclasses import dataclass

import psycopg

from ringfence_kernel.store.chain import CHAIN_HASH_SQL
from ringfence_kernel.store.codec import open_envelope
from ringfence_kernel.store.refusals import CLOCK_WRONG, CURSOR_BEHIND, HISTORY_AHEAD
from ringfence_kernel.values.clock import NANOSECONDS

ROOM_NS = 60 * NANOSECONDS
"""How far an accepted history may go on by itself: a nanosecond for each decision until the clocks have caught up."""
NOW_SQL = "(extract(epoch FROM clock_timestamp()) * 1000000000)::bigint"

TWO_CLOCKS = """
-- How far two clocks may be apart, and up to which time the owner lets events be dated ahead of both.
ALTER TABLE feed_head ADD COLUMN tolerance_ns bigint NOT NULL DEFAULT 2000000000,
    ADD COLUMN accepted_ns bigint NOT NULL DEFAULT 0;

CREATE TABLE accepted_histories (
    position bigint PRIMARY KEY,
    last_ns bigint NOT NULL,
    accepted_ns bigint NOT NULL,
    accepted_by text NOT NULL CHECK (accepted_by <> ''),
    reason text NOT NULL CHECK (reason <> ''),
    accepted_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
REVOKE ALL ON accepted_histories FROM PUBLIC;
GRANT SELECT ON accepted_histories TO {application_role};

DROP FUNCTION append_and_move(bigint, uuid[], bigint[], text[], bytea[], text[]);
DROP FUNCTION append_events(bigint, uuid[], bigint[], text[], bytea[]);

-- As before, and the writer says what its clock shows as it sends, and the latest time that it has given, UTC
-- nanoseconds. What waits here for the head does not count.
CREATE FUNCTION append_events(
    expected_position bigint, sent_ns bigint, newest_ns bigint,
    streams uuid[], versions bigint[], topics text[], states bytea[]
) RETURNS TABLE (epoch bigint, "position" bigint, hash bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    arrived_ns bigint := extract(epoch FROM clock_timestamp()) * 1000000000;
    head public.feed_head%ROWTYPE;
    name bytea;
BEGIN
    SELECT * INTO head FROM public.feed_head FOR UPDATE;
    IF head.position IS DISTINCT FROM expected_position THEN
        RAISE EXCEPTION 'the feed stands at %, not at %', head.position, expected_position USING ERRCODE = '40001';
    END IF;
    IF (abs(sent_ns - arrived_ns) <= head.tolerance_ns) IS NOT TRUE THEN
        RAISE EXCEPTION 'the clock of the process is % s ahead of the database''s',
            round((sent_ns - arrived_ns) / 1e9, 1) USING ERRCODE = '{clock_wrong}';
    END IF;
    IF (newest_ns <= greatest(arrived_ns + head.tolerance_ns, head.accepted_ns)) IS NOT TRUE THEN
        RAISE EXCEPTION 'events would be dated % s ahead of both clocks',
            round((newest_ns - arrived_ns) / 1e9, 1) USING ERRCODE = '{history_ahead}';
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

CREATE FUNCTION append_and_move(
    expected_position bigint, sent_ns bigint, newest_ns bigint,
    streams uuid[], versions bigint[], topics text[], states bytea[], names text[]
) RETURNS TABLE (epoch bigint, "position" bigint, hash bytea)
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    head record;
    moved bigint;
BEGIN
    SELECT * INTO head
    FROM public.append_events(expected_position, sent_ns, newest_ns, streams, versions, topics, states);
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

-- Lets events go on from a history that is ahead of both clocks: an operator's command, for the owner role only.
CREATE FUNCTION accept_history(
    head_position bigint, last_ns bigint, accepted_ns bigint, accepted_by text, reason text
) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
DECLARE
    head public.feed_head%ROWTYPE;
BEGIN
    SELECT * INTO head FROM public.feed_head FOR UPDATE;
    IF head_position IS DISTINCT FROM head.position THEN
        RAISE EXCEPTION 'name the head (%)', head.position;
    END IF;
    INSERT INTO public.accepted_histories (position, last_ns, accepted_ns, accepted_by, reason)
    VALUES (head_position, last_ns, accept_history.accepted_ns, accepted_by, reason);
    UPDATE public.feed_head h SET accepted_ns = accept_history.accepted_ns;
END $$;

REVOKE ALL ON FUNCTION append_events, append_and_move, accept_history FROM PUBLIC;
GRANT EXECUTE ON FUNCTION append_events, append_and_move TO {application_role};
"""
TWO_CLOCKS = (
    TWO_CLOCKS.replace("{chain_hash}", CHAIN_HASH_SQL)
    .replace("{clock_wrong}", CLOCK_WRONG)
    .replace("{history_ahead}", HISTORY_AHEAD)
    .replace("{cursor_behind}", CURSOR_BEHIND)
)


class HistoryNotAhead(Exception):
    """The last event is not ahead of the database's clock: there is nothing to accept."""


@dataclass(frozen=True, slots=True)
class AcceptedHistory:
    """A history that the owner has accepted: where it stood, and how far it was ahead of the database's clock."""

    position: int
    ahead_seconds: float


def accept_history(conninfo: str, position: int, accepted_by: str, reason: str) -> AcceptedHistory:
    """Records, as the owner, that events may follow the last one, which is at `position`, though it is dated ahead.

    Raises HistoryNotAhead; psycopg.Error where the feed does not end there, or that was recorded already.
    """
    with psycopg.connect(conninfo) as connection:
        row = connection.execute(
            f"SELECT state, {NOW_SQL}, tolerance_ns FROM stored_events, feed_head WHERE notification_id = %s",  # nosec B608 # constants of ours alone
            (position,),
        ).fetchone()
        if row is None:
            raise HistoryNotAhead(f"there is no event {position}")
        state, now_ns, tolerance_ns = row
        last_ns = open_envelope(state).recorded_at_ns
        if last_ns - now_ns <= tolerance_ns:
            raise HistoryNotAhead(f"event {position} is not ahead of the clock")
        connection.execute(
            "SELECT accept_history(%s, %s, %s, %s, %s)", (position, last_ns, last_ns + ROOM_NS, accepted_by, reason)
        )
    return AcceptedHistory(position, round((last_ns - now_ns) / NANOSECONDS, 1))
