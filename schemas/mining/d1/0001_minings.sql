-- Temporary tables of the minings, and what stays of them: watermarks and message keys. D1's dialect (SQLite).
--
-- D1 is billed by rows written: a row of a WITHOUT ROWID table is one, each index one more, and a deleted row counts too.
-- Moments are seconds since 1970, UTC. The file records its own id, so that whoever pushes it leaves a version behind.

CREATE TABLE IF NOT EXISTS migrations (
    id TEXT NOT NULL PRIMARY KEY,
    checksum TEXT,
    applied_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
) WITHOUT ROWID;

-- A statement that would put NULL here makes its whole batch fail: that is how a batch is guarded in both dialects.
CREATE TABLE guard (
    holds INTEGER NOT NULL
) STRICT;

-- Numbers stand for users and minings, so that a counted message costs 50 bytes. AUTOINCREMENT: no number comes twice,
-- since message keys outlive the mining whose number they hold.
CREATE TABLE users (
    user_no INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id TEXT NOT NULL UNIQUE
) STRICT;

-- One row an unfinished mining. Settings are fixed at begin; closing holds ledger and receipt once teardown begins.
CREATE TABLE minings (
    mining_no INTEGER PRIMARY KEY AUTOINCREMENT,
    mining_id TEXT NOT NULL UNIQUE,
    user_no INTEGER NOT NULL REFERENCES users (user_no),
    source TEXT NOT NULL,
    settings TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'fetching'
        CHECK (state IN ('fetching', 'processing', 'refining', 'teardown', 'erased')),
    cancelled INTEGER NOT NULL DEFAULT 0,
    ended_by TEXT NOT NULL DEFAULT '',
    lease INTEGER NOT NULL DEFAULT 1,
    holder TEXT NOT NULL,
    heard_at INTEGER NOT NULL DEFAULT (unixepoch()),
    begun_at INTEGER NOT NULL DEFAULT (unixepoch()),
    listed INTEGER,
    skipped TEXT NOT NULL DEFAULT '{}',
    failed TEXT NOT NULL DEFAULT '{}',
    folders_failed TEXT NOT NULL DEFAULT '{}',
    closing TEXT,
    UNIQUE (user_no, source)
) STRICT;

-- The ledger by segment. "waiting": sent or tried, without a verdict yet.
CREATE TABLE segments (
    mining_no INTEGER NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'done', 'dead')),
    tries INTEGER NOT NULL DEFAULT 0,
    reason TEXT NOT NULL DEFAULT '',
    messages INTEGER NOT NULL DEFAULT 0,
    processed INTEGER NOT NULL DEFAULT 0,
    duplicate INTEGER NOT NULL DEFAULT 0,
    unparsable INTEGER NOT NULL DEFAULT 0,
    cut INTEGER NOT NULL DEFAULT 0,
    folder TEXT NOT NULL DEFAULT '',
    uidvalidity INTEGER NOT NULL DEFAULT 0,
    covers TEXT NOT NULL DEFAULT '',
    at INTEGER NOT NULL DEFAULT (unixepoch()),
    PRIMARY KEY (mining_no, name)
) STRICT, WITHOUT ROWID;

-- Points of contact: the chunks of a segment on four shelves (chunk modulo 4), one row a shelf, since each row is paid for
-- twice, and a row a chunk would cost four times as much (more rows, sheets, where one would exceed 2 MB). facts is a JSON
-- object: "<chunk>.<part>" to what the messages say.
CREATE TABLE points (
    mining_no INTEGER NOT NULL,
    shelf INTEGER NOT NULL,
    segment TEXT NOT NULL,
    sheet INTEGER NOT NULL,
    facts TEXT NOT NULL,
    PRIMARY KEY (mining_no, shelf, segment, sheet)
) STRICT, WITHOUT ROWID;

-- Contacts of a refined chunk, packed as JSON in parts, as they are handed to the permanent side.
CREATE TABLE persons (
    mining_no INTEGER NOT NULL,
    chunk INTEGER NOT NULL,
    part INTEGER NOT NULL,
    contacts TEXT NOT NULL,
    PRIMARY KEY (mining_no, chunk, part)
) STRICT, WITHOUT ROWID;

-- Chunks whose parts have all been applied; totals counts the chunk's addresses by verdict.
CREATE TABLE chunks (
    mining_no INTEGER NOT NULL,
    chunk INTEGER NOT NULL,
    totals TEXT NOT NULL,
    PRIMARY KEY (mining_no, chunk)
) STRICT, WITHOUT ROWID;

-- What a user's minings have counted, and which of them did. Stays.
CREATE TABLE messages (
    user_no INTEGER NOT NULL,
    key BLOB NOT NULL,
    mining_no INTEGER NOT NULL,
    PRIMARY KEY (user_no, key)
) STRICT, WITHOUT ROWID;

-- What need not be fetched again. Stays.
CREATE TABLE watermarks (
    user_no INTEGER NOT NULL,
    source TEXT NOT NULL,
    folder TEXT NOT NULL,
    uidvalidity INTEGER NOT NULL,
    uids TEXT NOT NULL,
    PRIMARY KEY (user_no, source, folder)
) STRICT, WITHOUT ROWID;

-- For people: one row an address and message, out of the packed points.
CREATE VIEW points_of_contact AS
SELECT
    p.mining_no,
    CAST(fact.key AS INTEGER) AS chunk,
    p.segment,
    point.value ->> 0 AS address,
    message.value ->> 0 AS message_key,
    datetime(message.value ->> 1, 'unixepoch') AS date,
    message.value ->> 2 AS conversation,
    point.value -> 1 AS plus_addresses,
    point.value -> 2 AS names,
    point.value ->> 3 AS fields,
    point.value ->> 4 AS tag
FROM points AS p, json_each(p.facts) AS fact, json_each(fact.value) AS message, json_each(message.value, '$[3]') AS point;

INSERT INTO migrations (id) VALUES ('0001_minings') ON CONFLICT DO NOTHING;
