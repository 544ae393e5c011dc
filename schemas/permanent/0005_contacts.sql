-- Reading contacts, page by page in the order of the list.

CREATE FUNCTION leadminer.describe_contact(person leadminer.refined_persons, source_names jsonb) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, leadminer, pg_temp
AS $$
    SELECT jsonb_build_object(
        'address', person.address,
        'name', person.name,
        'recency', iso_time(person.recency),
        'seniority', iso_time(person.seniority),
        'occurrence', person.occurrence,
        'sender', person.sender,
        'recipient', person.recipient,
        'conversations', person.conversations,
        'replied_conversations', person.replied_conversations,
        'temperature', person.temperature,
        'tags', (
            SELECT coalesce(jsonb_agg(jsonb_build_object(
                'name', tag -> 0, 'reachability', tag -> 1, 'source', tag -> 2, 'count', tag -> 3
            ) ORDER BY place), '[]')
            FROM jsonb_array_elements(person.tags) WITH ORDINALITY AS tags (tag, place)
        ),
        'alternate_names', person.alternate_names,
        'alternate_emails', person.addresses,
        'sources', (
            SELECT coalesce(jsonb_agg(DISTINCT name COLLATE "C" ORDER BY name COLLATE "C"), '[]')
            FROM unnest(person.sources) AS digests (digest), LATERAL (SELECT source_names ->> digest) AS named (name)
            WHERE name IS NOT NULL
        )
    )
$$;

CREATE FUNCTION leadminer.contacts_page(user_id text, source_name text, after jsonb, page_size integer) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, leadminer, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    -- Without a cursor, what is warmer than everyone.
    last_temperature smallint := coalesce((after ->> 0)::smallint, 32767);
    last_occurrence integer := coalesce((after ->> 1)::integer, 0);
    last_recency timestamptz := coalesce((after ->> 2)::timestamptz, '-infinity');
    last_address text := after ->> 3;
    own text[] := ARRAY(
        SELECT DISTINCT unnest(own_addresses) FROM minings WHERE user_id = contacts_page.user_id
    );
    source_names jsonb;
    wanted text[];
BEGIN
    SELECT
        coalesce(jsonb_object_agg(source, source_name), '{}'),
        array_agg(source) FILTER (WHERE source_name = contacts_page.source_name)
    INTO source_names, wanted
    FROM minings
    WHERE user_id = contacts_page.user_id AND source IS NOT NULL AND source_name IS NOT NULL;

    RETURN (
        WITH listed AS NOT MATERIALIZED (
            SELECT person, temperature, occurrence, coalesce(recency, '-infinity') AS recency, address
            FROM refined_persons AS person
            WHERE user_id = contacts_page.user_id
                AND address <> ALL (own)
                AND (contacts_page.source_name IS NULL OR sources && wanted)
        ), page AS (
            -- Two ranges of the list's index: the rest of those that differ by address alone, and what comes behind.
            (
                SELECT * FROM listed
                WHERE temperature = last_temperature AND occurrence = last_occurrence
                    AND recency = last_recency AND address > last_address
                ORDER BY address
                LIMIT contacts_page.page_size
            )
            UNION ALL
            (
                SELECT * FROM listed
                WHERE (temperature, occurrence, recency) < (last_temperature, last_occurrence, last_recency)
                ORDER BY temperature DESC, occurrence DESC, recency DESC, address
                LIMIT contacts_page.page_size
            )
            ORDER BY temperature DESC, occurrence DESC, recency DESC, address
            LIMIT contacts_page.page_size
        )
        SELECT coalesce(jsonb_agg(
            describe_contact(person, source_names)
            ORDER BY temperature DESC, occurrence DESC, recency DESC, address
        ), '[]')
        FROM page
    );
END
$$;
COMMENT ON FUNCTION leadminer.contacts_page IS
    'The contacts behind a cursor [temperature, occurrence, recency, address], warmest first, without the user''s own.';

INSERT INTO leadminer.migrations (id) VALUES ('0005_contacts');
