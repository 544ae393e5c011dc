-- The minings' temporary tables, and the two that outlive them: watermarks and message keys.

-- Inserting NULL here makes the whole batch fail. Both dialects guard their batches this way.
CREATE TABLE guard (
    holds boolean NOT NULL
);

-- Users and minings have numbers, so that a counted message costs 50 bytes.
CREATE TABLE users (
    user_no integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id text COLLATE "C" NOT NULL UNIQUE
);

-- One row per unfinished mining. Settings never change after begin. From teardown on, closing holds ledger and receipt.
-- sent_at is when the jobs of this state were sent, resends how often they were sent again without progress since then,
-- failures how often one of them failed. round counts all resends of the mining: jobs of earlier rounds are void.
CREATE TABLE minings (
    mining_no integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    mining_id uuid NOT NULL UNIQUE,
    user_no integer NOT NULL REFERENCES users (user_no),
    source text COLLATE "C" NOT NULL,
    settings text NOT NULL,
    state text COLLATE "C" NOT NULL DEFAULT 'fetching'
        CHECK (state IN ('fetching', 'processing', 'refining', 'teardown', 'failing', 'erased')),
    cancelled boolean NOT NULL DEFAULT false,
    ended_by text COLLATE "C" NOT NULL DEFAULT '',
    lease integer NOT NULL DEFAULT 1,
    holder text COLLATE "C" NOT NULL,
    heard_at timestamptz NOT NULL DEFAULT now(),
    begun_at timestamptz NOT NULL DEFAULT now(),
    listed integer,
    skipped text NOT NULL DEFAULT '{}',
    failed text NOT NULL DEFAULT '{}',
    folders_failed text NOT NULL DEFAULT '{}',
    closing text,
    sent_at timestamptz NOT NULL DEFAULT now(),
    round integer NOT NULL DEFAULT 0,
    resends integer NOT NULL DEFAULT 0,
    failures integer NOT NULL DEFAULT 0,
    UNIQUE (user_no, source)
);

-- The ledger, one row per segment. "waiting": sent or tried, but no verdict yet.
CREATE TABLE segments (
    mining_no integer NOT NULL,
    name text COLLATE "C" NOT NULL,
    state text COLLATE "C" NOT NULL CHECK (state IN ('waiting', 'done', 'dead')),
    tries integer NOT NULL DEFAULT 0,
    reason text COLLATE "C" NOT NULL DEFAULT '',
    messages integer NOT NULL DEFAULT 0,
    processed integer NOT NULL DEFAULT 0,
    duplicate integer NOT NULL DEFAULT 0,
    unparsable integer NOT NULL DEFAULT 0,
    cut integer NOT NULL DEFAULT 0,
    unread_fields integer NOT NULL DEFAULT 0,
    folder text COLLATE "C" NOT NULL DEFAULT '',
    uidvalidity bigint NOT NULL DEFAULT 0,
    covers text COLLATE "C" NOT NULL DEFAULT '',
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (mining_no, name)
);

-- Points of contact as JSON: one row per chunk and segment, or more if one would exceed 1 MB.
CREATE TABLE points (
    mining_no integer NOT NULL,
    chunk integer NOT NULL,
    segment text COLLATE "C" NOT NULL,
    part integer NOT NULL,
    facts text NOT NULL,
    PRIMARY KEY (mining_no, chunk, segment, part)
);

-- The contacts of a refined chunk, as JSON in parts, exactly as the permanent side receives them.
CREATE TABLE persons (
    mining_no integer NOT NULL,
    chunk integer NOT NULL,
    part integer NOT NULL,
    contacts text NOT NULL,
    PRIMARY KEY (mining_no, chunk, part)
);

-- The chunks whose parts have all been applied. totals counts the chunk's addresses by verdict.
CREATE TABLE chunks (
    mining_no integer NOT NULL,
    chunk integer NOT NULL,
    totals text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (mining_no, chunk)
);

-- The latest echo, a job that the sweep sends through the queue. unheard counts the echoes sent since one arrived.
CREATE TABLE echo (
    place integer PRIMARY KEY DEFAULT 1 CHECK (place = 1),
    sent_at timestamptz NOT NULL DEFAULT now(),
    unheard integer NOT NULL
);

-- The messages that a user's minings have counted, and which mining counted each. Outlives the minings.
CREATE TABLE messages (
    user_no integer NOT NULL,
    key uuid NOT NULL,
    mining_no integer NOT NULL,
    PRIMARY KEY (user_no, key)
);

-- The messages that need not be fetched again. Outlives the minings.
CREATE TABLE watermarks (
    user_no integer NOT NULL,
    source text COLLATE "C" NOT NULL,
    folder text COLLATE "C" NOT NULL,
    uidvalidity bigint NOT NULL,
    uids text COLLATE "C" NOT NULL,
    PRIMARY KEY (user_no, source, folder)
);

-- For people to read: the packed points as one row per address and message.
CREATE VIEW points_of_contact AS
SELECT
    p.mining_no,
    p.chunk,
    p.segment,
    point ->> 0 AS address,
    message ->> 0 AS message_key,
    to_timestamp((message ->> 1)::double precision) AS date,
    (message ->> 2)::integer <> 0 AS conversation,
    point -> 1 AS plus_addresses,
    point -> 2 AS names,
    (point ->> 3)::integer AS fields,
    (point ->> 4)::integer AS tag,
    (point ->> 5)::integer AS signed
FROM points AS p
CROSS JOIN LATERAL jsonb_array_elements(p.facts::jsonb) AS message
CROSS JOIN LATERAL jsonb_array_elements(message -> 3) AS point;
