-- Statements about D1's schema, as `mining.sql` is written.

-- name: schema_version
SELECT max(id) AS id FROM migrations
