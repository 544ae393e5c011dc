-- What the metrics ask the temporary side.

-- name: minings_by_state
SELECT state.name, count(minings.state)
FROM unnest(ARRAY['fetching', 'processing', 'refining', 'teardown', 'failing']) AS state (name)
LEFT JOIN minings ON minings.state = state.name
GROUP BY state.name
