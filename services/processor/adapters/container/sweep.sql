-- The named statements that move stalled minings on, and end those that cannot go on, in PostgreSQL's dialect.

-- name: silent
SELECT mining_id::text AS mining FROM minings
WHERE state = 'fetching'
    AND heard_at < now() - make_interval(secs => CASE WHEN cancelled THEN %(lease_seconds)s ELSE %(silent_seconds)s END)
ORDER BY mining_no

-- name: stalled
SELECT mining FROM (
    SELECT m.mining_no, m.mining_id::text AS mining, m.sent_at, m.resends, greatest(
        m.sent_at,
        (SELECT max(at) FROM segments AS s WHERE s.mining_no = m.mining_no),
        (SELECT max(at) FROM chunks AS c WHERE c.mining_no = m.mining_no)
    ) AS moved_at
    FROM minings AS m
    WHERE m.state IN ('processing', 'refining', 'teardown', 'failing')
) AS waiting
WHERE moved_at <= now() - make_interval(secs => least(
        %(still_seconds)s * (1 << CASE WHEN moved_at > sent_at THEN 0 ELSE least(resends, 20) END), %(longest_seconds)s
    ))
    AND sent_at <= to_timestamp(%(sent)s)
ORDER BY mining_no

-- name: record_resend
UPDATE minings AS m
SET round = round + 1, sent_at = now(), resends = 1 + CASE
    WHEN EXISTS (SELECT FROM segments AS s WHERE s.mining_no = m.mining_no AND s.at > m.sent_at)
        OR EXISTS (SELECT FROM chunks AS c WHERE c.mining_no = m.mining_no AND c.at > m.sent_at) THEN 0
    ELSE resends
END
WHERE mining_no = %(mining_no)s AND state = %(state)s AND round = %(round)s
RETURNING round

-- name: take_back_resend
UPDATE minings SET round = round - 1, resends = greatest(resends - 1, 0)
WHERE mining_no = %(mining_no)s AND round = %(round)s
RETURNING mining_no

-- name: send_echo
INSERT INTO echo AS e (unheard) VALUES (1)
ON CONFLICT (place) DO UPDATE SET sent_at = now(), unheard = e.unheard + 1
WHERE e.unheard = 0
    OR e.sent_at <= now() - make_interval(
        secs => least(%(still_seconds)s * (1 << least(e.unheard - 1, 20)), %(longest_seconds)s)
    )
RETURNING extract(epoch FROM sent_at)::float8 AS sent

-- name: hear_echo
UPDATE echo SET unheard = CASE WHEN sent_at <= to_timestamp(%(sent)s) THEN 0 ELSE greatest(unheard - 1, 0) END

-- name: count_failure
UPDATE minings SET failures = failures + 1 WHERE mining_no = %(mining_no)s AND state = %(state)s RETURNING failures

-- name: start_failing
UPDATE minings SET state = 'failing', closing = %(closing)s, sent_at = now(), resends = 0, failures = 0
WHERE mining_no = %(mining_no)s AND state IN ('fetching', 'processing', 'refining')
RETURNING mining_no
