-- Reading contacts: selected by words, tag, source, date and mining, page by page in one of three orders.

CREATE VIEW leadminer.contacts WITH (security_invoker = true) AS
SELECT person.*, coalesce(person.recency, '-infinity') AS last_seen
FROM leadminer.refined_persons AS person
LEFT JOIN leadminer.own_addresses AS own
    ON own.user_id = person.user_id AND own.form = leadminer.own_form(person.address)
WHERE own.user_id IS NULL;
COMMENT ON VIEW leadminer.contacts IS 'The refined persons but for the user''s own addresses.';

CREATE FUNCTION leadminer.lexeme(kind text, user_id text, text text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, leadminer, pg_temp
AS $$
    SELECT '''' || replace(replace(search_key(user_id) || kind || text, '\', '\\'), '''', '''''') || ''''
$$;
COMMENT ON FUNCTION leadminer.lexeme IS 'What refined_persons.search has for a word, tag or source, quoted for a query.';

CREATE FUNCTION leadminer.search_query(user_id text, words text[], tag text, source_name text) RETURNS tsquery
LANGUAGE sql STABLE SET search_path = pg_catalog, leadminer, pg_temp
AS $$
    SELECT string_agg(wanted, ' & ')::tsquery
    FROM (
        SELECT lexeme('w', search_query.user_id, word) || ':*' FROM unnest(words) AS handed (word)
        UNION ALL
        SELECT lexeme('t', search_query.user_id, tag) WHERE tag IS NOT NULL
        UNION ALL
        -- A mailbox that was reached at two hosts is two sources of one name; an unknown one has no contacts.
        SELECT '(' || coalesce(
            string_agg(lexeme('s', search_query.user_id, source), ' | '), lexeme('s', search_query.user_id, '')
        ) || ')'
        FROM sources
        WHERE sources.user_id = search_query.user_id AND name = source_name
        HAVING source_name IS NOT NULL
    ) AS all_wanted (wanted)
$$;
COMMENT ON FUNCTION leadminer.search_query IS
    'The query for contacts with words that begin with these, a tag and a source. Null if nothing is asked for.';

CREATE FUNCTION leadminer.selected_contacts(query tsquery, since date, mining uuid) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, leadminer, pg_temp
AS $$
    SELECT 'FROM contacts WHERE user_id = $1'
        || CASE WHEN query IS NULL THEN '' ELSE ' AND search @@ $2' END
        || CASE WHEN since IS NULL THEN '' ELSE ' AND last_seen >= $3::timestamp AT TIME ZONE ''UTC''' END
        || CASE WHEN mining IS NULL THEN '' ELSE ' AND first_mining = $4' END
$$;
COMMENT ON FUNCTION leadminer.selected_contacts IS
    'SQL for the contacts of user $1 that match query $2, were seen since $3 and first found by mining $4. Conditions that '
    'are not asked for are left out, so that each search gets its own plan.';

CREATE FUNCTION leadminer.describe_contact(contact leadminer.contacts, source_names jsonb) RETURNS SETOF jsonb
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT jsonb_build_object(
        'address', contact.address,
        'name', contact.name,
        'recency', to_char(contact.recency AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
        'seniority', to_char(contact.seniority AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
        'occurrence', contact.occurrence,
        'sender', contact.sender,
        'recipient', contact.recipient,
        'conversations', contact.conversations,
        'replied_conversations', contact.replied_conversations,
        'temperature', contact.temperature,
        'tags', (
            SELECT coalesce(jsonb_agg(jsonb_build_object(
                'name', tag -> 0, 'reachability', tag -> 1, 'source', tag -> 2, 'count', tag -> 3
            ) ORDER BY place), '[]')
            FROM jsonb_array_elements(contact.tags) WITH ORDINALITY AS counts (tag, place)
        ),
        'alternate_names', contact.alternate_names,
        'alternate_emails', contact.addresses,
        'sources', (
            SELECT coalesce(jsonb_agg(DISTINCT name COLLATE "C" ORDER BY name COLLATE "C"), '[]')
            FROM unnest(contact.sources) AS digests (digest), LATERAL (SELECT source_names ->> digest) AS named (name)
            WHERE name IS NOT NULL
        )
    );
END;
COMMENT ON FUNCTION leadminer.describe_contact IS 'A contact as in a list. Sources are named by {digest: name}.';

CREATE FUNCTION leadminer.source_names(user_id text) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, leadminer, pg_temp
AS $$
    SELECT coalesce(jsonb_object_agg(source, name), '{}') FROM sources WHERE sources.user_id = source_names.user_id
$$;
COMMENT ON FUNCTION leadminer.source_names IS 'The names of a user''s sources by their digests.';

CREATE FUNCTION leadminer.find_contacts(
    user_id text,
    words text[],
    tag text,
    source_name text,
    since date,
    mining uuid,
    ordered_by text,
    after jsonb,
    page_size integer
) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, leadminer, pg_temp SET jit = off
AS $$
DECLARE
    query tsquery := search_query(user_id, words, tag, source_name);
    selected text := 'SELECT * ' || selected_contacts(query, since, mining);
    -- Every order has an index: its columns run one way, and the address decides between equals.
    is_by_name boolean := ordered_by = 'name';
    columns text := CASE ordered_by
        WHEN 'warmth' THEN 'temperature, occurrence, last_seen' WHEN 'recent' THEN 'last_seen' WHEN 'name' THEN 'name_key'
    END;
    place text := CASE ordered_by
        WHEN 'warmth' THEN '($6 ->> 0)::smallint, ($6 ->> 1)::integer, ($6 ->> 2)::timestamptz'
        WHEN 'recent' THEN '($6 ->> 0)::timestamptz'
        WHEN 'name' THEN '$6 ->> 0'
    END;
    in_order text := CASE WHEN is_by_name THEN columns ELSE replace(columns, ',', ' DESC,') || ' DESC' END || ', address';
    page text;
    answer jsonb;
BEGIN
    IF words IS NOT NULL THEN
        -- As a rule few contacts match, but the planner cannot know how few. OFFSET 0 keeps it from walking the list.
        selected := format('SELECT * FROM (%s OFFSET 0) AS found WHERE true', selected);
    END IF;
    IF after IS NULL THEN
        page := format('%s ORDER BY %s LIMIT $5', selected, in_order);
    ELSE
        -- Two ranges of the index: contacts that differ from the cursor only by address, and all after them.
        page := format(
            '(%1$s AND (%2$s) = (%3$s) AND address > $6 ->> -1 ORDER BY address LIMIT $5)'
            ' UNION ALL (%1$s AND (%2$s) %4$s (%3$s) ORDER BY %5$s LIMIT $5) ORDER BY %5$s LIMIT $5',
            selected, columns, place, CASE WHEN is_by_name THEN '>' ELSE '<' END, in_order
        );
    END IF;
    EXECUTE format(
        'WITH page AS (%1$s) SELECT jsonb_build_object('
        '''contacts'', coalesce(jsonb_agg(described ORDER BY %2$s), ''[]''), '
        '''after'', (jsonb_agg(jsonb_build_array(%3$s, address) ORDER BY %2$s)) -> -1)'
        ' FROM page, describe_contact(page::contacts, $7) AS described',
        page, in_order, replace(columns, 'last_seen', 'coalesce(iso_time(recency), ''-infinity'')')
    ) INTO answer USING user_id, query, since, mining, page_size, after, source_names(user_id);
    RETURN answer;
END
$$;
COMMENT ON FUNCTION leadminer.find_contacts IS
    'A page of the selected contacts in the order warmth, recent or name, after a place in it, and the place of its last.';

CREATE FUNCTION leadminer.count_contacts(
    user_id text, words text[], tag text, source_name text, since date, mining uuid
) RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, leadminer, pg_temp SET jit = off
AS $$
DECLARE
    query tsquery := search_query(user_id, words, tag, source_name);
    answer bigint;
BEGIN
    EXECUTE 'SELECT count(*) ' || selected_contacts(query, since, mining)
    INTO answer USING user_id, query, since, mining;
    RETURN answer;
END
$$;
COMMENT ON FUNCTION leadminer.count_contacts IS 'How many contacts all pages of find_contacts have together.';

CREATE FUNCTION leadminer.contact(user_id text, address text) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, leadminer, pg_temp
AS $$
    SELECT described || jsonb_build_object(
        'fields', jsonb_build_object('sender', known.sender, 'recipient', known.recipient),
        'first', iso_time(known.seniority),
        'last', iso_time(known.recency),
        'names', (
            SELECT coalesce(jsonb_agg(jsonb_build_object(
                'name', vote -> 0,
                'messages', vote -> 2,
                'latest', iso_time(to_timestamp((vote ->> 3)::bigint)),
                'signed', vote ->> 4 = '1'
            ) ORDER BY place), '[]')
            FROM jsonb_array_elements(known.names) WITH ORDINALITY AS votes (vote, place)
        ),
        'tags', (
            SELECT coalesce(jsonb_agg(jsonb_build_object(
                'name', tag -> 0, 'reachability', tag -> 1, 'source', tag -> 2, 'messages', tag -> 3
            ) ORDER BY place), '[]')
            FROM jsonb_array_elements(known.tags) WITH ORDINALITY AS counts (tag, place)
        ),
        'first_mining', known.first_mining,
        'last_mining', known.last_mining
    )
    FROM contacts AS known, describe_contact(known, source_names(contact.user_id)) AS described
    WHERE known.user_id = contact.user_id AND known.address = contact.address
$$;
COMMENT ON FUNCTION leadminer.contact IS
    'Everything that is known about a contact, given in lower case and without its plus part; null if there is none.';

INSERT INTO leadminer.migrations (id) VALUES ('0005_contacts');
