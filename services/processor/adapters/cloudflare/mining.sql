-- The temporary side's named statements in D1's dialect (SQLite), with the names and arguments of PostgreSQL's file.
-- A statement takes all its lists as one JSON parameter, :rows: an array with one item of each list per position.
-- `-- rows:` names the lists in order. `-- slices:` does the same for a statement that can run once per slice of them.
-- Several statements under one name run together in a batch. All but the last end with a semicolon and a line break.

-- name: add_user
INSERT INTO users (user_id) VALUES (:user) ON CONFLICT DO NOTHING

-- name: begin
INSERT INTO minings (mining_id, user_no, source, settings, holder)
SELECT :mining, u.user_no, :source, :settings, :holder
FROM users AS u
WHERE u.user_id = :user
    AND (SELECT count(*) FROM minings WHERE user_no = u.user_no AND state <> 'erased') < :most
ON CONFLICT DO NOTHING

-- name: mining
SELECT m.mining_no, m.mining_id AS mining, u.user_id AS "user", m.user_no, m.source, m.settings, m.state,
    m.cancelled, m.ended_by, m.lease, m.holder, m.listed, m.skipped, m.failed, m.folders_failed, m.closing,
    m.round, m.resends, m.begun_at, unixepoch() - m.heard_at AS silent_seconds
FROM minings AS m JOIN users AS u USING (user_no)
WHERE m.mining_id = :mining AND m.state <> 'erased'

-- name: mining_of_source
SELECT m.mining_id AS mining
FROM minings AS m JOIN users AS u USING (user_no)
WHERE u.user_id = :user AND m.source = :source AND m.state <> 'erased'

-- name: minings_of_user
SELECT m.mining_id AS mining
FROM minings AS m JOIN users AS u USING (user_no)
WHERE u.user_id = :user AND m.state <> 'erased'
ORDER BY m.mining_no DESC

-- name: minings
SELECT mining_id AS mining FROM minings WHERE state <> 'erased' ORDER BY random()

-- name: take_lease
UPDATE minings SET lease = lease + 1, holder = :holder, heard_at = unixepoch()
WHERE mining_no = :mining_no AND (holder = :holder OR heard_at < unixepoch() - :lease_seconds)
RETURNING lease

-- name: renew_lease
UPDATE minings SET heard_at = unixepoch()
WHERE mining_id = :mining AND lease = :lease AND state <> 'erased'
    AND user_no = (SELECT user_no FROM users WHERE user_id = :user)
RETURNING mining_no, mining_id AS mining, :user AS "user", user_no, source, settings, state, cancelled, ended_by, lease,
    holder, listed, skipped, failed, folders_failed, closing, round, resends, begun_at, 0 AS silent_seconds,
    (SELECT count(*) FROM chunks AS c WHERE c.mining_no = minings.mining_no) AS chunks_refined,
    (
        SELECT json_object(
            'waiting', count(*) FILTER (WHERE s.state = 'waiting'),
            'done', count(*) FILTER (WHERE s.state = 'done'),
            'dead', count(*) FILTER (WHERE s.state = 'dead'),
            'messages', coalesce(sum(s.messages) FILTER (WHERE s.state <> 'waiting'), 0),
            'processed', coalesce(sum(s.processed), 0),
            'duplicate', coalesce(sum(s.duplicate), 0)
        )
        FROM segments AS s WHERE s.mining_no = minings.mining_no
    ) AS totals

-- name: watermarks
SELECT folder, uidvalidity, uids FROM watermarks WHERE user_no = :user_no AND source = :source

-- name: cancel
UPDATE minings SET cancelled = 1
WHERE mining_no = :mining_no AND state = 'fetching' AND cancelled = 0
RETURNING mining_no

-- name: end_fetching
INSERT INTO guard (holds) SELECT NULL
WHERE NOT EXISTS (SELECT 1 FROM minings WHERE mining_no = :mining_no AND state = 'fetching' AND lease = :lease);
UPDATE minings
SET state = 'processing', listed = :listed, skipped = :skipped, failed = :failed, folders_failed = :folders_failed,
    ended_by = :ended_by, heard_at = unixepoch(), sent_at = unixepoch()
WHERE mining_no = :mining_no

-- name: await_segments
-- slices: names
INSERT INTO segments (mining_no, name, state)
SELECT :mining_no, value ->> 0, 'waiting' FROM json_each(:rows) WHERE true
ON CONFLICT DO NOTHING

-- name: counted_elsewhere
-- rows: keys
SELECT lower(hex(key)) AS key FROM messages
WHERE user_no = :user_no AND key IN (SELECT unhex(value ->> 0) FROM json_each(:rows)) AND mining_no <> :mining_no

-- name: guard_segment
INSERT INTO guard (holds) SELECT NULL
WHERE NOT EXISTS (
    SELECT 1 FROM minings
    WHERE mining_no = :mining_no AND (
        state = 'fetching' AND NOT EXISTS (
            SELECT 1 FROM segments WHERE mining_no = :mining_no AND name = :name AND state <> 'waiting'
        )
        OR state = 'processing' AND EXISTS (
            SELECT 1 FROM segments WHERE mining_no = :mining_no AND name = :name AND state = 'waiting'
        )
    )
)

-- name: count_segment
-- rows: keys, unparsable
INSERT INTO segments (
    mining_no, name, state, messages, processed, duplicate, unparsable, cut, unread_fields, folder, uidvalidity, covers
)
SELECT :mining_no, :name, 'done', :messages, fresh.processed, :messages - fresh.processed, fresh.unparsable,
    :cut, :unread_fields, :folder, :uidvalidity, :covers
FROM (
    SELECT count(*) AS processed, coalesce(sum(given.value ->> 1), 0) AS unparsable
    FROM json_each(:rows) AS given
    WHERE NOT EXISTS (SELECT 1 FROM messages WHERE user_no = :user_no AND key = unhex(given.value ->> 0))
) AS fresh
WHERE true
ON CONFLICT (mining_no, name) DO UPDATE
SET state = 'done', reason = '', messages = excluded.messages, processed = excluded.processed, cut = excluded.cut,
    duplicate = excluded.duplicate, unparsable = excluded.unparsable, unread_fields = excluded.unread_fields,
    folder = excluded.folder, uidvalidity = excluded.uidvalidity, covers = excluded.covers, at = unixepoch()
WHERE segments.state = 'waiting';
INSERT INTO messages (user_no, key, mining_no)
SELECT :user_no, unhex(value ->> 0), :mining_no FROM json_each(:rows) WHERE true
ON CONFLICT DO NOTHING

-- name: guard_messages
-- rows: keys
INSERT INTO guard (holds) SELECT NULL
WHERE EXISTS (
    SELECT 1 FROM messages
    WHERE user_no = :user_no AND key IN (SELECT unhex(value ->> 0) FROM json_each(:rows)) AND mining_no <> :mining_no
)

-- name: write_points
-- slices: chunks, parts, facts
WITH given AS (
    SELECT value ->> 0 AS chunk, value ->> 1 AS part, value ->> 2 AS facts FROM json_each(:rows)
), placed AS (
    SELECT chunk, part, facts, chunk % 4 AS shelf,
        (sum(length(facts)) OVER (PARTITION BY chunk % 4 ORDER BY chunk, part) - length(facts)) / 800000 AS sheet
    FROM given
)
INSERT INTO points (mining_no, shelf, segment, sheet, facts)
SELECT :mining_no, shelf, :name,
    (SELECT count(*) FROM points AS p WHERE p.mining_no = :mining_no AND p.shelf = placed.shelf AND p.segment = :name)
        + sheet,
    json_group_object(chunk || '.' || part, json(facts))
FROM placed
GROUP BY shelf, sheet

-- name: fail_segment
INSERT INTO segments (mining_no, name, state, tries, reason, messages)
SELECT mining_no, :name, iif(:max_tries <= 1, 'dead', 'waiting'), 1, :reason, :messages
FROM minings
WHERE mining_no = :mining_no AND state = 'fetching'
    OR mining_no = :mining_no AND state = 'processing'
        AND EXISTS (SELECT 1 FROM segments WHERE mining_no = :mining_no AND name = :name)
ON CONFLICT (mining_no, name) DO UPDATE
SET tries = segments.tries + 1, reason = excluded.reason, messages = excluded.messages, at = unixepoch(),
    state = iif(segments.tries + 1 >= :max_tries, 'dead', 'waiting')
WHERE segments.state = 'waiting'
RETURNING state

-- name: segment
SELECT state FROM segments WHERE mining_no = :mining_no AND name = :name

-- name: settled_segments
SELECT name FROM segments WHERE mining_no = :mining_no AND state <> 'waiting'

-- name: waiting_segments
SELECT name FROM segments WHERE mining_no = :mining_no AND state = 'waiting' ORDER BY name

-- name: revive
UPDATE segments SET state = 'waiting', tries = 0, at = unixepoch()
WHERE mining_no = :mining_no AND state = 'dead'
    AND EXISTS (SELECT 1 FROM minings WHERE mining_no = :mining_no AND state IN ('fetching', 'processing'))
RETURNING name, messages

-- name: start_refining
UPDATE minings SET state = 'refining', sent_at = unixepoch(), resends = 0, failures = 0
WHERE mining_no = :mining_no AND state = 'processing'
    AND NOT EXISTS (SELECT 1 FROM segments WHERE mining_no = :mining_no AND state = 'waiting')
RETURNING mining_no

-- name: chunks_to_refine
WITH RECURSIVE given (chunk) AS (
    SELECT 0
    UNION ALL
    SELECT chunk + 1 FROM given
    WHERE chunk + 1 < (SELECT settings ->> 'chunks' FROM minings WHERE mining_no = :mining_no)
)
SELECT chunk FROM given
WHERE NOT EXISTS (SELECT 1 FROM chunks AS c WHERE c.mining_no = :mining_no AND c.chunk = given.chunk)
    AND EXISTS (
        SELECT 1 FROM points AS p, json_each(p.facts) AS fact
        WHERE p.mining_no = :mining_no AND p.shelf = given.chunk % 4 AND CAST(fact.key AS INTEGER) = given.chunk
    )
ORDER BY chunk

-- name: points_page
SELECT p.segment, CAST(substr(fact.key, instr(fact.key, '.') + 1) AS INTEGER) AS part, fact.value AS facts
FROM points AS p, json_each(p.facts) AS fact
WHERE p.mining_no = :mining_no AND p.shelf = :chunk % 4 AND p.segment >= :after_segment
    AND CAST(fact.key AS INTEGER) = :chunk
    AND (p.segment, CAST(substr(fact.key, instr(fact.key, '.') + 1) AS INTEGER)) > (:after_segment, :after_part)
ORDER BY p.segment, part
LIMIT :page_size

-- name: guard_refining
INSERT INTO guard (holds) SELECT NULL
WHERE NOT EXISTS (SELECT 1 FROM minings WHERE mining_no = :mining_no AND state = 'refining')

-- name: write_persons
-- slices: parts, contacts
INSERT INTO persons (mining_no, chunk, part, contacts)
SELECT :mining_no, :chunk, given.value ->> 0, given.value ->> 1
FROM json_each(:rows) AS given

-- name: persons
SELECT part, contacts FROM persons WHERE mining_no = :mining_no AND chunk = :chunk ORDER BY part

-- name: finish_chunk
INSERT INTO chunks (mining_no, chunk, totals)
SELECT mining_no, :chunk, :totals FROM minings WHERE mining_no = :mining_no AND state = 'refining'
ON CONFLICT DO NOTHING

-- name: chunk_totals
SELECT totals FROM chunks WHERE mining_no = :mining_no

-- name: segment_totals
SELECT
    count(*) FILTER (WHERE state = 'waiting') AS waiting,
    count(*) FILTER (WHERE state = 'done') AS done,
    count(*) FILTER (WHERE state = 'dead') AS dead,
    coalesce(sum(messages) FILTER (WHERE state <> 'waiting'), 0) AS messages,
    coalesce(sum(processed), 0) AS processed,
    coalesce(sum(duplicate), 0) AS duplicate,
    coalesce(sum(unparsable), 0) AS unparsable,
    coalesce(sum(cut), 0) AS cut, coalesce(sum(unread_fields), 0) AS unread_fields,
    unixepoch() - max(at) AS still_seconds
FROM segments
WHERE mining_no = :mining_no

-- name: dead_messages
SELECT reason, sum(messages) AS messages FROM segments
WHERE mining_no = :mining_no AND state = 'dead' GROUP BY reason

-- name: covered
SELECT folder, uidvalidity, covers FROM segments WHERE mining_no = :mining_no AND state = 'done' AND covers <> ''

-- name: temporary_rows
SELECT
    (SELECT count(*) FROM segments WHERE mining_no = :mining_no) AS segments,
    (SELECT count(*) FROM points WHERE mining_no = :mining_no) AS points,
    (SELECT count(*) FROM persons WHERE mining_no = :mining_no) AS persons,
    (SELECT count(*) FROM chunks WHERE mining_no = :mining_no) AS chunks

-- name: start_teardown
WITH RECURSIVE given (chunk) AS (
    SELECT 0
    UNION ALL
    SELECT chunk + 1 FROM given
    WHERE chunk + 1 < (SELECT settings ->> 'chunks' FROM minings WHERE mining_no = :mining_no)
)
INSERT INTO guard (holds) SELECT NULL
WHERE NOT EXISTS (SELECT 1 FROM minings WHERE mining_no = :mining_no AND state = 'refining')
    OR EXISTS (
        SELECT 1 FROM given
        WHERE NOT EXISTS (SELECT 1 FROM chunks AS c WHERE c.mining_no = :mining_no AND c.chunk = given.chunk)
            AND EXISTS (
                SELECT 1 FROM points AS p, json_each(p.facts) AS fact
                WHERE p.mining_no = :mining_no AND p.shelf = given.chunk % 4
                    AND CAST(fact.key AS INTEGER) = given.chunk
            )
    );
UPDATE minings
SET state = 'teardown', closing = :closing, sent_at = unixepoch(), resends = 0, failures = 0
WHERE mining_no = :mining_no

-- name: write_watermarks
-- slices: folders, uidvalidities, uids
INSERT INTO watermarks (user_no, source, folder, uidvalidity, uids)
SELECT :user_no, :source, value ->> 0, value ->> 1, value ->> 2 FROM json_each(:rows) WHERE true
ON CONFLICT (user_no, source, folder) DO UPDATE
SET uidvalidity = excluded.uidvalidity, uids = excluded.uids

-- name: delete_points
DELETE FROM points WHERE mining_no = :mining_no

-- name: delete_persons
DELETE FROM persons WHERE mining_no = :mining_no

-- name: delete_chunks
DELETE FROM chunks WHERE mining_no = :mining_no

-- name: delete_segments
DELETE FROM segments WHERE mining_no = :mining_no

-- name: delete_messages
DELETE FROM messages WHERE user_no = :user_no AND mining_no = :mining_no

-- name: close_for_erasure
UPDATE minings SET state = 'erased' WHERE mining_no = :mining_no

-- name: delete_mining
DELETE FROM minings WHERE mining_no = :mining_no

-- name: delete_user_messages
DELETE FROM messages WHERE user_no IN (SELECT user_no FROM users WHERE user_id = :user)

-- name: delete_user_watermarks
DELETE FROM watermarks WHERE user_no IN (SELECT user_no FROM users WHERE user_id = :user)

-- name: delete_user
DELETE FROM users WHERE user_id = :user

-- name: ping
SELECT 1 AS ok
