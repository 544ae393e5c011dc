-- Statements about D1's schema, in the format of `mining.sql`.

-- name: schema_version
SELECT max(id) AS id FROM migrations
