-- What refining calls to apply one part of a chunk's contacts, exactly once.
--
-- Every function locks in the same order: the user's row, the mining's row, then the persons by address. Applying takes
-- shared locks on the first two, so that parts can be applied at the same time. Finishing a mining excludes applying by
-- its lock on the mining's row, erasing by its lock on the user's row.

CREATE TYPE leadminer.contact AS (
    address text COLLATE "C",
    occurrence integer,
    sender integer,
    recipient integer,
    conversations integer,
    replied_conversations integer,
    recency bigint,
    seniority bigint,
    names jsonb,
    plus text[] COLLATE "C",
    tags jsonb,
    search text COLLATE "C"
);
COMMENT ON TYPE leadminer.contact IS
    'A contact as the processor sends it. Dates are seconds since 1970; lists are in order. Search has words and tags, as '
    'in refined_persons.search but without the user''s key, with blanks between.';

CREATE FUNCTION leadminer.vote(
    name text, folded text, messages bigint, latest bigint, signed integer, key text
) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF key IS NULL THEN
        RETURN jsonb_build_array(name, folded, messages, latest, signed);
    END IF;
    RETURN jsonb_build_array(name, folded, messages, latest, signed, key);
END
$$;
COMMENT ON FUNCTION leadminer.vote IS 'A vote for a name, as in refined_persons.names.';

CREATE FUNCTION leadminer.add_names(before jsonb, more jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, leadminer, pg_temp
AS $$
BEGIN
    IF jsonb_array_length(more) = 0 THEN
        RETURN before;
    ELSIF jsonb_array_length(before) = 0 THEN
        RETURN more;
    ELSIF jsonb_array_length(before) = 1 AND jsonb_array_length(more) = 1 AND before -> 0 -> 0 = more -> 0 -> 0 THEN
        RETURN jsonb_build_array(vote(
            before -> 0 ->> 0, before -> 0 ->> 1, (before -> 0 -> 2)::bigint + (more -> 0 -> 2)::bigint,
            greatest((before -> 0 ->> 3)::bigint, (more -> 0 ->> 3)::bigint),
            greatest((before -> 0 -> 4)::integer, (more -> 0 -> 4)::integer),
            before -> 0 ->> 5
        ));
    END IF;
    RETURN (
        SELECT jsonb_agg(
            vote(name, folded, messages, latest, signed, key)
            ORDER BY first_place, (strpos(name, ',') > 0), place
        )
        FROM (
            SELECT *, min(place) OVER (PARTITION BY folded) AS first_place
            FROM (
                SELECT *, row_number() OVER (
                    ORDER BY signed DESC, messages DESC, latest DESC NULLS LAST, name COLLATE "C"
                ) AS place
                FROM (
                    SELECT
                        vote ->> 0, min((vote ->> 1) COLLATE "C"), sum((vote -> 2)::bigint)::bigint,
                        max((vote ->> 3)::bigint), max((vote -> 4)::integer), min((vote ->> 5) COLLATE "C")
                    FROM jsonb_array_elements(before || more) AS votes (vote)
                    GROUP BY vote ->> 0
                ) AS added (name, folded, messages, latest, signed, key)
            ) AS ranked
        ) AS joined
    );
END
$$;
COMMENT ON FUNCTION leadminer.add_names IS
    'Add votes by name, and order the names as processor.domain.contacts.names does. The first branches handle the common '
    'cases without a query.';

CREATE FUNCTION leadminer.add_tags(before jsonb, more jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF jsonb_array_length(before) = 1 AND jsonb_array_length(more) = 1 AND (before -> 0) - 3 = (more -> 0) - 3 THEN
        RETURN jsonb_set(before, '{0,3}', to_jsonb((before -> 0 -> 3)::bigint + (more -> 0 -> 3)::bigint));
    END IF;
    RETURN (
        SELECT coalesce(jsonb_agg(
            jsonb_build_array(name, reachability, source, messages)
            ORDER BY messages DESC, name COLLATE "C", source COLLATE "C", reachability
        ), '[]')
        FROM (
            SELECT tag ->> 0, (tag -> 1)::integer, tag ->> 2, sum((tag -> 3)::bigint)::bigint
            FROM jsonb_array_elements(before || more) AS tags (tag)
            GROUP BY 1, 2, 3
        ) AS added (name, reachability, source, messages)
    );
END
$$;
COMMENT ON FUNCTION leadminer.add_tags IS 'Add counts by name, reachability and source.';

CREATE FUNCTION leadminer.add_texts(before text[], more text[]) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF more <@ before THEN
        RETURN before;
    END IF;
    RETURN (
        SELECT array_agg(DISTINCT item COLLATE "C" ORDER BY item COLLATE "C")
        FROM unnest(before || more) AS items (item)
    );
END
$$;
COMMENT ON FUNCTION leadminer.add_texts IS 'The union of two sets of texts, in byte order.';

CREATE FUNCTION leadminer.add_words(before tsvector, more tsvector) RETURNS tsvector
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE WHEN length(before) > 2000 THEN before ELSE before || more END;
END
$$;
COMMENT ON FUNCTION leadminer.add_words IS
    'The union of what a contact is found by. No more than some 2,000 words: PostgreSQL refuses longer vectors.';

CREATE FUNCTION leadminer.search_key(user_id text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT left(md5(user_id), 4)
$$;
COMMENT ON FUNCTION leadminer.search_key IS
    'What the user''s words begin with in the search index, so that a search reads the words of one user, or of a few.';

CREATE FUNCTION leadminer.hash_address(user_id text, address text) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT sha256(convert_to(user_id || E'\n' || address, 'UTF8'))
$$;

CREATE FUNCTION leadminer.apply_refined_chunk(mining uuid, chunk integer, part integer, contacts jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, leadminer, pg_temp SET statement_timeout = '25s'
AS $$
#variable_conflict use_column
DECLARE
    owner text;
    met minings;
    handed jsonb := contacts;
    key text;
    suppresses boolean;
BEGIN
    SELECT user_id INTO owner FROM minings WHERE id = apply_refined_chunk.mining;
    PERFORM FROM users WHERE id = owner FOR KEY SHARE;
    SELECT * INTO met FROM minings WHERE id = apply_refined_chunk.mining AND state = 'open' FOR SHARE;
    IF NOT found THEN
        RETURN jsonb_build_object('applied', false, 'open', false);
    END IF;
    INSERT INTO applied_parts (mining, chunk, part)
    VALUES (apply_refined_chunk.mining, apply_refined_chunk.chunk, apply_refined_chunk.part)
    ON CONFLICT DO NOTHING;
    IF NOT found THEN
        RETURN jsonb_build_object('applied', false, 'open', true);
    END IF;

    IF jsonb_typeof(handed) = 'string' THEN
        handed := (handed #>> '{}')::jsonb;
    END IF;
    key := search_key(owner);
    suppresses := EXISTS (SELECT FROM suppressions WHERE user_id = owner);
    INSERT INTO refined_persons AS known (
        user_id, address, occurrence, sender, recipient, conversations, replied_conversations,
        recency, seniority, reference_date, names, tags, addresses, sources, first_mining, last_mining, search
    )
    SELECT
        owner, address, occurrence, sender, recipient, conversations, replied_conversations,
        to_timestamp(recency), to_timestamp(seniority), met.reference_date, names, tags, plus, ARRAY[met.source],
        met.id, met.id,
        (key || replace(search, ' ', ' ' || key) || ' ' || key || 's' || met.source)::tsvector
    FROM jsonb_populate_recordset(NULL::contact, handed)
    WHERE NOT suppresses OR NOT EXISTS (
        SELECT FROM suppressions WHERE user_id = owner AND hash = hash_address(owner, address)
    )
    ORDER BY address
    ON CONFLICT (user_id, address) DO UPDATE SET
        occurrence = known.occurrence + excluded.occurrence,
        sender = known.sender + excluded.sender,
        recipient = known.recipient + excluded.recipient,
        conversations = known.conversations + excluded.conversations,
        replied_conversations = known.replied_conversations + excluded.replied_conversations,
        recency = greatest(known.recency, excluded.recency),
        seniority = least(known.seniority, excluded.seniority),
        reference_date = greatest(known.reference_date, excluded.reference_date),
        names = add_names(known.names, excluded.names),
        tags = add_tags(known.tags, excluded.tags),
        addresses = add_texts(known.addresses, excluded.addresses),
        sources = add_texts(known.sources, excluded.sources),
        last_mining = excluded.last_mining,
        search = add_words(known.search, excluded.search);
    RETURN jsonb_build_object('applied', true, 'open', true);
END
$$;
COMMENT ON FUNCTION leadminer.apply_refined_chunk IS
    'Add a part of a mining''s contacts, once, while it is open. Contacts can be JSON or a JSON string that holds it.';

INSERT INTO leadminer.migrations (id) VALUES ('0003_apply');
