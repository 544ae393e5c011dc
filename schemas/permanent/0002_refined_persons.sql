-- Refined persons: one row per user and address. The values that add up are stored, and the values to show are
-- generated from them, so that the two cannot differ.

CREATE FUNCTION leadminer.temperature(
    sender integer,
    recipient integer,
    conversations integer,
    replied integer,
    recency timestamptz,
    seniority timestamptz,
    reference_date date
) RETURNS smallint
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    recency_days integer := greatest(reference_date - (recency AT TIME ZONE 'UTC')::date, 0);
    seniority_days integer := greatest(reference_date - (seniority AT TIME ZONE 'UTC')::date, 0);
    -- PostgreSQL raises an error if exp() underflows. Below -700 the result changes no digit here.
    replies float8 := 1 - exp(greatest(-replied / 5::float8, -700));
    senior float8 := 1 - exp(greatest(-seniority_days / 270::float8, -700));
    volume float8 := 0.55::float8 * (1 - exp(greatest(-sender / 12::float8, -700)))
        + 0.45::float8 * (1 - exp(greatest(-recipient / 12::float8, -700)));
    rate float8 := CASE WHEN conversations = 0 THEN 0 ELSE least(replied / conversations::float8, 1) END;
    recent float8 := 0.20::float8;
    raw float8;
BEGIN
    -- `greatest` ignores nulls, so a missing date gives 0 days. That is right for seniority but not for recency.
    IF recency IS NOT NULL THEN
        recent := 0.20::float8 + 0.80::float8 * exp(greatest(-recency_days / 180::float8, -700));
    END IF;
    raw := 0.25::float8 * volume + 0.40::float8 * (0.7::float8 * replies + 0.3::float8 * rate)
        + 0.10::float8 * recent + 0.25::float8 * senior;
    IF replied >= 2 THEN
        raw := raw + (0.05::float8 + 0.05::float8 * replies * senior);
    END IF;
    IF conversations < 3 OR replied < 2 OR seniority_days < 30 THEN
        raw := least(raw, 0.90::float8);
    END IF;
    IF replied = 0 THEN
        raw := least(raw, 0.70::float8);
    END IF;
    IF raw > 0.95::float8 THEN
        raw := 0.95::float8 + (raw - 0.95::float8) / 2;
    END IF;
    RETURN round(greatest(least(raw, 1), 0) * 100);
END
$$;
COMMENT ON FUNCTION leadminer.temperature IS
    'How warm a contact is, from 0 to 100. The reference is processor.domain.contacts.temperature.';

CREATE FUNCTION leadminer.alternate_names(names jsonb) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF jsonb_array_length(names) = 2 THEN
        RETURN CASE WHEN names -> 0 -> 1 = names -> 1 -> 1 THEN '{}' ELSE ARRAY[names -> 1 ->> 0] END;
    END IF;
    RETURN (
        SELECT coalesce(array_agg(name ORDER BY place), '{}')
        FROM (
            SELECT DISTINCT ON ((vote ->> 1) COLLATE "C") vote ->> 0, place
            FROM jsonb_array_elements(names) WITH ORDINALITY AS votes (vote, place)
            ORDER BY (vote ->> 1) COLLATE "C", place
        ) AS spelled (name, place)
        WHERE place > 1
    );
END
$$;
COMMENT ON FUNCTION leadminer.alternate_names IS
    'The names after the first. Of names with the same folded form, the first is kept.';

-- A body of standard SQL looks up its names here and now. So it needs no search path, and queries can inline it.
CREATE FUNCTION leadminer.own_form(address text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN address LIKE '%@gmail.com' OR address LIKE '%@googlemail.com'
    THEN replace(split_part(address, '@', 1), '.', '') || '@gmail.com'
    ELSE address
END;
COMMENT ON FUNCTION leadminer.own_form IS
    'What all spellings of one mailbox share. At Gmail, dots do not count, nor which of its two hosts it is.';

CREATE TABLE leadminer.refined_persons (
    -- No foreign key: it would cost more than the row. Writers lock the user's row, which is never deleted.
    user_id text COLLATE "C" NOT NULL,
    address text COLLATE "C" NOT NULL,
    occurrence integer NOT NULL,
    sender integer NOT NULL,
    recipient integer NOT NULL,
    conversations integer NOT NULL,
    replied_conversations integer NOT NULL,
    recency timestamptz,
    seniority timestamptz,
    reference_date date NOT NULL,
    names jsonb NOT NULL,
    tags jsonb NOT NULL,
    addresses text[] COLLATE "C" NOT NULL,
    sources text[] COLLATE "C" NOT NULL,
    first_mining uuid NOT NULL,
    last_mining uuid NOT NULL,
    search tsvector NOT NULL,
    name text COLLATE "C" GENERATED ALWAYS AS (names -> 0 ->> 0) STORED,
    alternate_names text[] COLLATE "C" GENERATED ALWAYS AS (
        CASE jsonb_array_length(names) WHEN 0 THEN '{}' WHEN 1 THEN '{}' ELSE leadminer.alternate_names(names) END
    ) STORED,
    temperature smallint NOT NULL GENERATED ALWAYS AS (
        leadminer.temperature(
            sender, recipient, conversations, replied_conversations, recency, seniority, reference_date
        )
    ) STORED,
    name_key text COLLATE "C" NOT NULL GENERATED ALWAYS AS (
        left(coalesce(names -> 0 ->> 5, names -> 0 ->> 1, address), 100)
    ) STORED,
    PRIMARY KEY (user_id, address)
);
CREATE INDEX refined_persons_list ON leadminer.refined_persons (
    user_id, temperature DESC, occurrence DESC, coalesce(recency, '-infinity') DESC, address
);
CREATE INDEX refined_persons_recent ON leadminer.refined_persons (
    user_id, coalesce(recency, '-infinity') DESC, address
);
CREATE INDEX refined_persons_name ON leadminer.refined_persons (user_id, name_key, address);
-- A longer list of pending entries than the default of 4 MB, so that refining seldom waits for the index to be sorted.
CREATE INDEX refined_persons_search ON leadminer.refined_persons USING gin (search)
WITH (gin_pending_list_limit = 16384);
COMMENT ON COLUMN leadminer.refined_persons.names IS
    'Votes: [name, folded, messages, latest as seconds since 1970 or null, 1 if the address wrote under it, else 0, '
    'and, if it differs from folded, the folded form without accents], in the order of names: the first is shown.';
COMMENT ON COLUMN leadminer.refined_persons.tags IS
    'Counts: [name, reachability, source, messages], most messages first, then by name and source.';
COMMENT ON COLUMN leadminer.refined_persons.addresses IS 'The plus addresses under which the person was seen.';
COMMENT ON COLUMN leadminer.refined_persons.sources IS 'Digests, as in `sources`.';
COMMENT ON COLUMN leadminer.refined_persons.search IS
    'What the contact is found by: search_key() of the user, then w and a word of a name or address, t and a tag, or s and '
    'the digest of a source.';
COMMENT ON COLUMN leadminer.refined_persons.name_key IS
    'The place in the order of names. Without a name, the address is shown, so it counts there too.';
COMMENT ON COLUMN leadminer.refined_persons.reference_date IS
    'The latest reference date of the minings that found the person.';

INSERT INTO leadminer.migrations (id) VALUES ('0002_refined_persons');
