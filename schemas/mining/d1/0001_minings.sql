-- The minings' temporary tables, and the two that outlive them: watermarks and message keys. D1's dialect (SQLite).
--
-- D1 bills rows written: one for a row of a WITHOUT ROWID table, one more per index, and the same for a deleted row.
-- Times are seconds since 1970, UTC. The file records its own id, so that the database knows its version whichever tool
-- pushes the file.

CREATE TABLE IF NOT EXISTS migrations (
    id TEXT NOT NULL PRIMARY KEY,
    checksum TEXT,
    applied_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
) WITHOUT ROWID;

-- Inserting NULL here makes the whole batch fail. Both dialects guard their batches this way.
CREATE TABLE guard (
    holds INTEGER NOT NULL
) STRICT;

-- Users and minings have numbers, so that a counted message costs 50 bytes. AUTOINCREMENT never reuses a number:
-- message keys outlive the mining whose number they hold.
CREATE TABLE users (
    user_no INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id TEXT NOT NULL UNIQUE
) STRICT;

-- One row per unfinished mining. Settings never change after begin. From teardown on, closing holds ledger and receipt.
-- sent_at is when the jobs of this state were sent, resends how often they were sent again without progress since then,
-- failures how often one of them failed. round counts all resends of the mining: jobs of earlier rounds are void.
CREATE TABLE minings (
    mining_no INTEGER PRIMARY KEY AUTOINCREMENT,
    mining_id TEXT NOT NULL UNIQUE,
    user_no INTEGER NOT NULL REFERENCES users (user_no),
    source TEXT NOT NULL,
    settings TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'fetching'
        CHECK (state IN ('fetching', 'processing', 'refining', 'teardown', 'failing', 'erased')),
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
    sent_at INTEGER NOT NULL DEFAULT (unixepoch()),
    round INTEGER NOT NULL DEFAULT 0,
    resends INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0,
    UNIQUE (user_no, source)
) STRICT;

-- The ledger, one row per segment. "waiting": sent or tried, but no verdict yet.
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
    unread_fields INTEGER NOT NULL DEFAULT 0,
    folder TEXT NOT NULL DEFAULT '',
    uidvalidity INTEGER NOT NULL DEFAULT 0,
    covers TEXT NOT NULL DEFAULT '',
    at INTEGER NOT NULL DEFAULT (unixepoch()),
    PRIMARY KEY (mining_no, name)
) STRICT, WITHOUT ROWID;

-- Points of contact. A segment's chunks are spread over four shelves (chunk modulo 4), with one row per shelf: each row
-- is billed twice, and one row per chunk would cost four times as much. A shelf that would exceed 2 MB continues in
-- more rows, its sheets. facts is a JSON object that maps "<chunk>.<part>" to what the messages say.
CREATE TABLE points (
    mining_no INTEGER NOT NULL,
    shelf INTEGER NOT NULL,
    segment TEXT NOT NULL,
    sheet INTEGER NOT NULL,
    facts TEXT NOT NULL,
    PRIMARY KEY (mining_no, shelf, segment, sheet)
) STRICT, WITHOUT ROWID;

-- The contacts of a refined chunk, as JSON in parts, exactly as the permanent side receives them.
CREATE TABLE persons (
    mining_no INTEGER NOT NULL,
    chunk INTEGER NOT NULL,
    part INTEGER NOT NULL,
    contacts TEXT NOT NULL,
    PRIMARY KEY (mining_no, chunk, part)
) STRICT, WITHOUT ROWID;

-- The chunks whose parts have all been applied. totals counts the chunk's addresses by verdict.
CREATE TABLE chunks (
    mining_no INTEGER NOT NULL,
    chunk INTEGER NOT NULL,
    totals TEXT NOT NULL,
    at INTEGER NOT NULL DEFAULT (unixepoch()),
    PRIMARY KEY (mining_no, chunk)
) STRICT, WITHOUT ROWID;

-- The latest echo, a job that the sweep sends through the queue. unheard counts the echoes sent since one arrived.
CREATE TABLE echo (
    place INTEGER PRIMARY KEY DEFAULT 1 CHECK (place = 1),
    sent_at INTEGER NOT NULL DEFAULT (unixepoch()),
    unheard INTEGER NOT NULL
) STRICT;

-- The messages that a user's minings have counted, and which mining counted each. Outlives the minings.
CREATE TABLE messages (
    user_no INTEGER NOT NULL,
    key BLOB NOT NULL,
    mining_no INTEGER NOT NULL,
    PRIMARY KEY (user_no, key)
) STRICT, WITHOUT ROWID;

-- The messages that need not be fetched again. Outlives the minings.
CREATE TABLE watermarks (
    user_no INTEGER NOT NULL,
    source TEXT NOT NULL,
    folder TEXT NOT NULL,
    uidvalidity INTEGER NOT NULL,
    uids TEXT NOT NULL,
    PRIMARY KEY (user_no, source, folder)
) STRICT, WITHOUT ROWID;

-- For people to read: the packed points as one row per address and message.
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
    point.value ->> 4 AS tag,
    point.value ->> 5 AS signed
FROM points AS p, json_each(p.facts) AS fact, json_each(fact.value) AS message, json_each(message.value, '$[3]') AS point;

INSERT INTO migrations (id) VALUES ('0001_minings') ON CONFLICT DO NOTHING;
