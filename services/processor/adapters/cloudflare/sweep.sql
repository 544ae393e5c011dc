-- The named statements that move stalled minings on, and end those that cannot go on, in D1's dialect (SQLite).

-- name: silent
SELECT mining_id AS mining FROM minings
WHERE state = 'fetching' AND heard_at < unixepoch() - iif(cancelled, :lease_seconds, :silent_seconds)
ORDER BY random()

-- name: stalled
SELECT mining FROM (
    SELECT m.mining_id AS mining, m.sent_at, m.resends, max(
        m.sent_at,
        coalesce((SELECT max(at) FROM segments AS s WHERE s.mining_no = m.mining_no), 0),
        coalesce((SELECT max(at) FROM chunks AS c WHERE c.mining_no = m.mining_no), 0)
    ) AS moved_at
    FROM minings AS m
    WHERE m.state IN ('processing', 'refining', 'teardown', 'failing')
)
WHERE moved_at <= unixepoch()
        - min(:still_seconds * (1 << iif(moved_at > sent_at, 0, min(resends, 20))), :longest_seconds)
    AND sent_at <= :sent
ORDER BY random()

-- name: record_resend
UPDATE minings
SET round = round + 1, sent_at = unixepoch(), resends = 1 + iif(
    EXISTS (SELECT 1 FROM segments AS s WHERE s.mining_no = minings.mining_no AND s.at > minings.sent_at)
        OR EXISTS (SELECT 1 FROM chunks AS c WHERE c.mining_no = minings.mining_no AND c.at > minings.sent_at),
    0, resends
)
WHERE mining_no = :mining_no AND state = :state AND round = :round
RETURNING round

-- name: take_back_resend
UPDATE minings SET round = round - 1, resends = max(resends - 1, 0)
WHERE mining_no = :mining_no AND round = :round
RETURNING mining_no

-- name: send_echo
INSERT INTO echo (place, unheard) VALUES (1, 1)
ON CONFLICT (place) DO UPDATE SET sent_at = unixepoch(), unheard = echo.unheard + 1
WHERE echo.unheard = 0
    OR echo.sent_at <= unixepoch() - min(:still_seconds * (1 << min(echo.unheard - 1, 20)), :longest_seconds)
RETURNING sent_at AS sent

-- name: hear_echo
UPDATE echo SET unheard = iif(sent_at <= :sent, 0, max(unheard - 1, 0))

-- name: count_failure
UPDATE minings SET failures = failures + 1 WHERE mining_no = :mining_no AND state = :state RETURNING failures

-- name: start_failing
UPDATE minings SET state = 'failing', closing = :closing, sent_at = unixepoch(), resends = 0, failures = 0
WHERE mining_no = :mining_no AND state IN ('fetching', 'processing', 'refining')
RETURNING mining_no
