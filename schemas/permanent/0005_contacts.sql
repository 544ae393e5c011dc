-- Reading contacts page by page, in list order.

CREATE FUNCTION leadminer.contacts_page(user_id text, source_name text, after jsonb, page_size integer) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, leadminer, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    iso_time CONSTANT text := 'YYYY-MM-DD"T"HH24:MI:SS"Z"';
    -- Without a cursor, start above the warmest contact.
    last_temperature smallint := coalesce((after ->> 0)::smallint, 32767);
    last_occurrence integer := coalesce((after ->> 1)::integer, 0);
    last_recency timestamptz := coalesce((after ->> 2)::timestamptz, '-infinity');
    last_address text := after ->> 3;
    own text[] := ARRAY(
        SELECT DISTINCT unnest(own_addresses) FROM minings WHERE user_id = contacts_page.user_id
    );
    -- At Gmail, dots do not count, nor which of its two hosts it is.
    gmail CONSTANT text := '@(gmail|googlemail)\.com$';
    own_at_gmail text[] := ARRAY(
        SELECT replace(split_part(mine, '@', 1), '.', '') FROM unnest(own) AS all_own (mine) WHERE mine ~ gmail
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
            SELECT *, coalesce(recency, '-infinity') AS last_seen
            FROM refined_persons
            WHERE user_id = contacts_page.user_id
                AND address <> ALL (own)
                AND NOT (
                    own_at_gmail <> '{}' AND address ~ gmail
                    AND replace(split_part(address, '@', 1), '.', '') = ANY (own_at_gmail)
                )
                AND (contacts_page.source_name IS NULL OR sources && wanted)
        ), page AS (
            -- Two ranges of the list's index: contacts that differ from the cursor only by address, and all after them.
            (
                SELECT * FROM listed
                WHERE temperature = last_temperature AND occurrence = last_occurrence
                    AND last_seen = last_recency AND address > last_address
                ORDER BY address
                LIMIT contacts_page.page_size
            )
            UNION ALL
            (
                SELECT * FROM listed
                WHERE (temperature, occurrence, last_seen) < (last_temperature, last_occurrence, last_recency)
                ORDER BY temperature DESC, occurrence DESC, last_seen DESC, address
                LIMIT contacts_page.page_size
            )
            ORDER BY temperature DESC, occurrence DESC, last_seen DESC, address
            LIMIT contacts_page.page_size
        )
        SELECT coalesce(jsonb_agg(
            jsonb_build_object(
                'address', address,
                'name', name,
                'recency', to_char(recency AT TIME ZONE 'UTC', iso_time),
                'seniority', to_char(seniority AT TIME ZONE 'UTC', iso_time),
                'occurrence', occurrence,
                'sender', sender,
                'recipient', recipient,
                'conversations', conversations,
                'replied_conversations', replied_conversations,
                'temperature', temperature,
                'tags', (
                    SELECT coalesce(jsonb_agg(jsonb_build_object(
                        'name', tag -> 0, 'reachability', tag -> 1, 'source', tag -> 2, 'count', tag -> 3
                    ) ORDER BY place), '[]')
                    FROM jsonb_array_elements(tags) WITH ORDINALITY AS counts (tag, place)
                ),
                'alternate_names', alternate_names,
                'alternate_emails', addresses,
                'sources', (
                    SELECT coalesce(jsonb_agg(DISTINCT source COLLATE "C" ORDER BY source COLLATE "C"), '[]')
                    FROM unnest(sources) AS digests (digest), LATERAL (SELECT source_names ->> digest) AS named (source)
                    WHERE source IS NOT NULL
                )
            )
            ORDER BY temperature DESC, occurrence DESC, last_seen DESC, address
        ), '[]')
        FROM page
    );
END
$$;
COMMENT ON FUNCTION leadminer.contacts_page IS
    'The contacts after a cursor [temperature, occurrence, recency, address], warmest first, without own addresses.';

INSERT INTO leadminer.migrations (id) VALUES ('0005_contacts');
