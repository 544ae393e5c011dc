-- The temporary side's named statements in PostgreSQL's dialect.

-- The update locks the row, so that minings of one user begin one after another and are counted.
-- name: add_user
INSERT INTO users (user_id) VALUES (%(user)s)
ON CONFLICT (user_id) DO UPDATE SET user_id = excluded.user_id

-- name: begin
INSERT INTO minings (mining_id, user_no, source, settings, holder)
SELECT %(mining)s::uuid, u.user_no, %(source)s, %(settings)s, %(holder)s
FROM users AS u
WHERE u.user_id = %(user)s
    AND (SELECT count(*) FROM minings WHERE user_no = u.user_no AND state <> 'erased') < %(most)s
ON CONFLICT DO NOTHING

-- name: mining
SELECT m.mining_no, m.mining_id::text AS mining, u.user_id AS "user", m.user_no, m.source, m.settings, m.state,
    m.cancelled, m.ended_by, m.lease, m.holder, m.listed, m.skipped, m.failed, m.folders_failed, m.closing,
    m.round, m.resends, extract(epoch FROM m.begun_at)::bigint AS begun_at,
    extract(epoch FROM now() - m.heard_at)::float8 AS silent_seconds
FROM minings AS m JOIN users AS u USING (user_no)
WHERE m.mining_id = %(mining)s::uuid AND m.state <> 'erased'

-- name: mining_of_source
SELECT m.mining_id::text AS mining
FROM minings AS m JOIN users AS u USING (user_no)
WHERE u.user_id = %(user)s AND m.source = %(source)s AND m.state <> 'erased'

-- name: minings_of_user
SELECT m.mining_id::text AS mining
FROM minings AS m JOIN users AS u USING (user_no)
WHERE u.user_id = %(user)s AND m.state <> 'erased'
ORDER BY m.begun_at DESC, m.mining_id

-- name: minings
SELECT mining_id::text AS mining FROM minings WHERE state <> 'erased' ORDER BY mining_no

-- name: take_lease
UPDATE minings SET lease = lease + 1, holder = %(holder)s, heard_at = now()
WHERE mining_no = %(mining_no)s
    AND (holder = %(holder)s OR heard_at < now() - make_interval(secs => %(lease_seconds)s))
RETURNING lease

-- name: renew_lease
UPDATE minings AS m SET heard_at = now()
FROM users AS u
WHERE m.mining_id = %(mining)s::uuid AND m.lease = %(lease)s AND m.state <> 'erased'
    AND u.user_no = m.user_no AND u.user_id = %(user)s
RETURNING m.mining_no, m.mining_id::text AS mining, u.user_id AS "user", m.user_no, m.source, m.settings, m.state,
    m.cancelled, m.ended_by, m.lease, m.holder, m.listed, m.skipped, m.failed, m.folders_failed, m.closing,
    m.round, m.resends, extract(epoch FROM m.begun_at)::bigint AS begun_at, 0.0::float8 AS silent_seconds,
    (SELECT count(*) FROM chunks AS c WHERE c.mining_no = m.mining_no) AS chunks_refined,
    (
        SELECT json_build_object(
            'waiting', count(*) FILTER (WHERE s.state = 'waiting'),
            'done', count(*) FILTER (WHERE s.state = 'done'),
            'dead', count(*) FILTER (WHERE s.state = 'dead'),
            'messages', coalesce(sum(s.messages) FILTER (WHERE s.state <> 'waiting'), 0),
            'processed', coalesce(sum(s.processed), 0),
            'duplicate', coalesce(sum(s.duplicate), 0)
        )::text
        FROM segments AS s WHERE s.mining_no = m.mining_no
    ) AS totals

-- name: watermarks
SELECT folder, uidvalidity, uids FROM watermarks
WHERE user_no = %(user_no)s AND source = %(source)s

-- name: cancel
UPDATE minings SET cancelled = true
WHERE mining_no = %(mining_no)s AND state = 'fetching'
RETURNING mining_no

-- name: end_fetching
WITH ended AS (
    UPDATE minings
    SET state = 'processing', listed = %(listed)s, skipped = %(skipped)s, failed = %(failed)s,
        folders_failed = %(folders_failed)s, ended_by = %(ended_by)s, heard_at = now(), sent_at = now()
    WHERE mining_no = %(mining_no)s AND state = 'fetching' AND lease = %(lease)s
    RETURNING mining_no
)
INSERT INTO guard (holds) SELECT NULL WHERE NOT EXISTS (SELECT FROM ended)

-- name: await_segments
INSERT INTO segments (mining_no, name, state)
SELECT %(mining_no)s, name, 'waiting' FROM unnest(%(names)s::text[]) AS given (name)
ON CONFLICT DO NOTHING

-- name: counted_elsewhere
SELECT key::text AS key FROM messages
WHERE user_no = %(user_no)s AND key = ANY(%(keys)s::uuid[]) AND mining_no <> %(mining_no)s

-- name: guard_segment
WITH open AS MATERIALIZED (
    SELECT state FROM minings
    WHERE mining_no = %(mining_no)s AND state IN ('fetching', 'processing')
    FOR SHARE
)
INSERT INTO guard (holds)
SELECT NULL
WHERE NOT EXISTS (
    SELECT FROM open
    WHERE (
        open.state = 'fetching'
        AND NOT EXISTS (SELECT FROM segments WHERE mining_no = %(mining_no)s AND name = %(name)s AND state <> 'waiting')
    )
    OR EXISTS (SELECT FROM segments WHERE mining_no = %(mining_no)s AND name = %(name)s AND state = 'waiting')
)

-- name: count_segment
WITH given AS (
    SELECT key, unparsable FROM unnest(%(keys)s::uuid[], %(unparsable)s::boolean[]) AS g (key, unparsable)
), fresh AS (
    INSERT INTO messages (user_no, key, mining_no)
    SELECT %(user_no)s, key, %(mining_no)s FROM given ORDER BY key
    ON CONFLICT DO NOTHING
    RETURNING key
), counted AS (
    INSERT INTO segments (
        mining_no, name, state, messages, processed, duplicate, unparsable, cut, unread_fields, folder, uidvalidity,
        covers
    )
    SELECT %(mining_no)s, %(name)s, 'done', %(messages)s,
        (SELECT count(*) FROM fresh),
        %(messages)s - (SELECT count(*) FROM fresh),
        (SELECT count(*) FROM fresh JOIN given USING (key) WHERE unparsable),
        %(cut)s, %(unread_fields)s, %(folder)s, %(uidvalidity)s, %(covers)s
    ON CONFLICT (mining_no, name) DO UPDATE
    SET state = 'done', reason = '', messages = excluded.messages, processed = excluded.processed, cut = excluded.cut,
        duplicate = excluded.duplicate, unparsable = excluded.unparsable, unread_fields = excluded.unread_fields,
        folder = excluded.folder, uidvalidity = excluded.uidvalidity, covers = excluded.covers, at = now()
    WHERE segments.state = 'waiting'
    RETURNING name
)
-- Since the guard looked, another delivery may have given its verdict.
INSERT INTO guard (holds) SELECT NULL WHERE NOT EXISTS (SELECT FROM counted)

-- name: guard_messages
INSERT INTO guard (holds)
SELECT NULL
WHERE EXISTS (
    SELECT FROM messages
    WHERE user_no = %(user_no)s AND key = ANY(%(keys)s::uuid[]) AND mining_no <> %(mining_no)s
)

-- name: write_points
INSERT INTO points (mining_no, chunk, segment, part, facts)
SELECT %(mining_no)s, chunk, %(name)s, part, facts
FROM unnest(%(chunks)s::integer[], %(parts)s::integer[], %(facts)b::text[]) AS given (chunk, part, facts)

-- name: fail_segment
INSERT INTO segments (mining_no, name, state, tries, reason, messages)
SELECT mining_no, %(name)s, CASE WHEN %(max_tries)s <= 1 THEN 'dead' ELSE 'waiting' END, 1, %(reason)s, %(messages)s
FROM minings
WHERE mining_no = %(mining_no)s AND state = 'fetching'
    OR mining_no = %(mining_no)s AND state = 'processing'
        AND EXISTS (SELECT FROM segments WHERE mining_no = %(mining_no)s AND name = %(name)s)
FOR SHARE
ON CONFLICT (mining_no, name) DO UPDATE
SET tries = segments.tries + 1, reason = excluded.reason, messages = excluded.messages, at = now(),
    state = CASE WHEN segments.tries + 1 >= %(max_tries)s THEN 'dead' ELSE 'waiting' END
WHERE segments.state = 'waiting'
RETURNING state

-- name: segment
SELECT state FROM segments WHERE mining_no = %(mining_no)s AND name = %(name)s

-- name: settled_segments
SELECT name FROM segments WHERE mining_no = %(mining_no)s AND state <> 'waiting'

-- name: waiting_segments
SELECT name FROM segments WHERE mining_no = %(mining_no)s AND state = 'waiting' ORDER BY name

-- name: revive
UPDATE segments SET state = 'waiting', tries = 0, at = now()
WHERE mining_no = %(mining_no)s AND state = 'dead'
    AND EXISTS (
        SELECT FROM minings WHERE mining_no = %(mining_no)s AND state IN ('fetching', 'processing') FOR SHARE
    )
RETURNING name, messages

-- name: start_refining
SELECT FROM minings
WHERE mining_no = %(mining_no)s AND state = 'processing'
    AND NOT EXISTS (SELECT FROM segments WHERE mining_no = %(mining_no)s AND state = 'waiting')
FOR UPDATE;
-- Whoever revived a segment in the meantime held the row. This statement sees what was written until the lock was ours.
UPDATE minings SET state = 'refining', sent_at = now(), resends = 0, failures = 0
WHERE mining_no = %(mining_no)s AND state = 'processing'
    AND NOT EXISTS (SELECT FROM segments WHERE mining_no = %(mining_no)s AND state = 'waiting')
RETURNING mining_no

-- name: chunks_to_refine
SELECT DISTINCT chunk FROM points AS p
WHERE mining_no = %(mining_no)s
    AND NOT EXISTS (SELECT FROM chunks AS c WHERE c.mining_no = p.mining_no AND c.chunk = p.chunk)
ORDER BY chunk

-- name: points_page
SELECT segment, part, facts FROM points
WHERE mining_no = %(mining_no)s AND chunk = %(chunk)s AND (segment, part) > (%(after_segment)s, %(after_part)s)
ORDER BY segment, part
LIMIT %(page_size)s

-- name: guard_refining
WITH open AS MATERIALIZED (
    SELECT FROM minings WHERE mining_no = %(mining_no)s AND state = 'refining' FOR SHARE
)
INSERT INTO guard (holds) SELECT NULL WHERE NOT EXISTS (SELECT FROM open)

-- name: write_persons
INSERT INTO persons (mining_no, chunk, part, contacts)
SELECT %(mining_no)s, %(chunk)s, part, contacts
FROM unnest(%(parts)s::integer[], %(contacts)b::text[]) AS given (part, contacts)

-- name: persons
SELECT part, contacts FROM persons
WHERE mining_no = %(mining_no)s AND chunk = %(chunk)s
ORDER BY part

-- name: finish_chunk
INSERT INTO chunks (mining_no, chunk, totals)
SELECT mining_no, %(chunk)s, %(totals)s FROM minings WHERE mining_no = %(mining_no)s AND state = 'refining'
FOR SHARE
ON CONFLICT DO NOTHING

-- name: chunk_totals
SELECT totals FROM chunks WHERE mining_no = %(mining_no)s

-- name: segment_totals
SELECT
    count(*) FILTER (WHERE state = 'waiting') AS waiting,
    count(*) FILTER (WHERE state = 'done') AS done,
    count(*) FILTER (WHERE state = 'dead') AS dead,
    coalesce(sum(messages) FILTER (WHERE state <> 'waiting'), 0)::bigint AS messages,
    coalesce(sum(processed), 0)::bigint AS processed,
    coalesce(sum(duplicate), 0)::bigint AS duplicate,
    coalesce(sum(unparsable), 0)::bigint AS unparsable,
    coalesce(sum(cut), 0)::bigint AS cut,
    coalesce(sum(unread_fields), 0)::bigint AS unread_fields,
    extract(epoch FROM now() - max(at))::float8 AS still_seconds
FROM segments
WHERE mining_no = %(mining_no)s

-- name: dead_messages
SELECT reason, sum(messages)::bigint AS messages FROM segments
WHERE mining_no = %(mining_no)s AND state = 'dead'
GROUP BY reason

-- name: covered
SELECT folder, uidvalidity, covers FROM segments
WHERE mining_no = %(mining_no)s AND state = 'done' AND covers <> ''

-- name: temporary_rows
SELECT
    (SELECT count(*) FROM segments WHERE mining_no = %(mining_no)s) AS segments,
    (SELECT count(*) FROM points WHERE mining_no = %(mining_no)s) AS points,
    (SELECT count(*) FROM persons WHERE mining_no = %(mining_no)s) AS persons,
    (SELECT count(*) FROM chunks WHERE mining_no = %(mining_no)s) AS chunks

-- name: start_teardown
WITH closed AS (
    UPDATE minings SET state = 'teardown', closing = %(closing)s, sent_at = now(), resends = 0, failures = 0
    WHERE mining_no = %(mining_no)s AND state = 'refining'
        AND NOT EXISTS (
            SELECT FROM points AS p
            WHERE p.mining_no = %(mining_no)s
                AND NOT EXISTS (SELECT FROM chunks AS c WHERE c.mining_no = p.mining_no AND c.chunk = p.chunk)
        )
    RETURNING mining_no
)
INSERT INTO guard (holds) SELECT NULL WHERE NOT EXISTS (SELECT FROM closed)

-- name: write_watermarks
INSERT INTO watermarks (user_no, source, folder, uidvalidity, uids)
SELECT %(user_no)s, %(source)s, folder, uidvalidity, uids
FROM unnest(%(folders)s::text[], %(uidvalidities)s::bigint[], %(uids)s::text[]) AS given (folder, uidvalidity, uids)
ON CONFLICT (user_no, source, folder) DO UPDATE
SET uidvalidity = excluded.uidvalidity, uids = excluded.uids

-- name: delete_points
DELETE FROM points WHERE mining_no = %(mining_no)s

-- name: delete_persons
DELETE FROM persons WHERE mining_no = %(mining_no)s

-- name: delete_chunks
DELETE FROM chunks WHERE mining_no = %(mining_no)s

-- name: delete_segments
DELETE FROM segments WHERE mining_no = %(mining_no)s

-- name: delete_messages
DELETE FROM messages WHERE user_no = %(user_no)s AND mining_no = %(mining_no)s

-- name: close_for_erasure
UPDATE minings SET state = 'erased' WHERE mining_no = %(mining_no)s

-- name: delete_mining
DELETE FROM minings WHERE mining_no = %(mining_no)s

-- name: delete_user_messages
DELETE FROM messages WHERE user_no IN (SELECT user_no FROM users WHERE user_id = %(user)s)

-- name: delete_user_watermarks
DELETE FROM watermarks WHERE user_no IN (SELECT user_no FROM users WHERE user_id = %(user)s)

-- name: delete_user
DELETE FROM users WHERE user_id = %(user)s

-- name: ping
SELECT 1 AS ok
