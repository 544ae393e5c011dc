-- Starting and finishing minings, and reading their records.

CREATE FUNCTION leadminer.iso_time(moment timestamptz) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
$$;

CREATE FUNCTION leadminer.begin_mining(
    mining uuid,
    user_id text,
    source text,
    source_name text,
    own_addresses text[],
    reference_date date
) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, leadminer, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    begun minings;
BEGIN
    IF EXISTS (SELECT FROM minings WHERE id = begin_mining.mining AND user_id <> begin_mining.user_id) THEN
        RETURN jsonb_build_object('state', 'foreign');
    END IF;
    INSERT INTO users (id) VALUES (begin_mining.user_id) ON CONFLICT DO NOTHING;
    PERFORM FROM users WHERE id = begin_mining.user_id FOR KEY SHARE;
    INSERT INTO minings (id, user_id, source, reference_date)
    VALUES (begin_mining.mining, begin_mining.user_id, begin_mining.source, begin_mining.reference_date)
    ON CONFLICT (id) DO NOTHING;
    SELECT * INTO begun FROM minings WHERE id = begin_mining.mining;
    IF begun.user_id <> begin_mining.user_id THEN
        RETURN jsonb_build_object('state', 'foreign');
    END IF;
    IF begun.state = 'open' THEN
        INSERT INTO sources (user_id, source, name)
        SELECT begun.user_id, begun.source, begin_mining.source_name WHERE begun.source = begin_mining.source
        ON CONFLICT DO NOTHING;
        -- An address once declared as the user's own is not a contact, whatever came of the call that declared it.
        INSERT INTO own_addresses (user_id, address, form)
        SELECT begun.user_id, own, own_form(own) FROM unnest(begin_mining.own_addresses) AS declared (own)
        ON CONFLICT DO NOTHING;
    END IF;
    RETURN jsonb_build_object(
        'state', begun.state,
        'ledger', begun.ledger,
        'receipt', begun.receipt,
        'own_addresses', (
            SELECT coalesce(jsonb_agg(address ORDER BY address), '[]') FROM own_addresses
            WHERE user_id = begin_mining.user_id
        )
    );
END
$$;
COMMENT ON FUNCTION leadminer.begin_mining IS
    'Record a mining, or return its state and account. own_addresses come from all of the user''s sources.';

CREATE FUNCTION leadminer.finish_mining(mining uuid, ledger jsonb, receipt jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, leadminer, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    UPDATE minings
    SET state = 'finished', finished_at = now(), ledger = finish_mining.ledger, receipt = finish_mining.receipt
    WHERE id = finish_mining.mining AND state = 'open';
    -- A part has up to 1 MB of contacts, so even a very large mining has few.
    DELETE FROM applied_parts
    WHERE mining = finish_mining.mining
        AND EXISTS (SELECT FROM minings WHERE id = finish_mining.mining AND state <> 'open');
    RETURN jsonb_build_object(
        'state', coalesce((SELECT state FROM minings WHERE id = finish_mining.mining), 'unknown')
    );
END
$$;
COMMENT ON FUNCTION leadminer.finish_mining IS
    'End an open mining with its ledger and receipt. The first ones are kept. It takes no more parts.';

CREATE FUNCTION leadminer.fail_mining(mining uuid, ledger jsonb, receipt jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, leadminer, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    ended text;
BEGIN
    PERFORM FROM minings WHERE id = fail_mining.mining AND state = 'open' FOR UPDATE;
    IF found THEN
        PERFORM finish_mining(fail_mining.mining, fail_mining.ledger, fail_mining.receipt);
        UPDATE minings SET state = 'failed' WHERE id = fail_mining.mining;
    END IF;
    SELECT state INTO ended FROM minings WHERE id = fail_mining.mining;
    RETURN jsonb_build_object('state', coalesce(ended, 'unknown'));
END
$$;
COMMENT ON FUNCTION leadminer.fail_mining IS
    'End an open mining that could not be completed, with its ledger and receipt. No further part of it is applied.';

CREATE FUNCTION leadminer.describe_mining(described leadminer.minings) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, leadminer, pg_temp
AS $$
    SELECT jsonb_build_object(
        'mining', described.id,
        'source', described.source,
        'source_name', (
            SELECT name FROM sources AS known
            WHERE known.user_id = described.user_id AND known.source = described.source
        ),
        'state', described.state,
        'reference_date', described.reference_date,
        'begun_at', iso_time(described.begun_at),
        'finished_at', iso_time(described.finished_at),
        'ledger', described.ledger,
        'receipt', described.receipt
    )
$$;

CREATE FUNCTION leadminer.mining_record(user_id text, mining uuid) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, leadminer, pg_temp
AS $$
    SELECT describe_mining(m) FROM minings AS m WHERE m.id = mining_record.mining AND m.user_id = mining_record.user_id
$$;
COMMENT ON FUNCTION leadminer.mining_record IS 'One of the user''s minings, or null.';

CREATE FUNCTION leadminer.mining_records(user_id text, page_size integer) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, leadminer, pg_temp
AS $$
    SELECT coalesce(jsonb_agg(describe_mining(m) ORDER BY m.begun_at DESC, m.id), '[]')
    FROM (
        SELECT * FROM minings WHERE minings.user_id = mining_records.user_id
        ORDER BY begun_at DESC, id LIMIT mining_records.page_size
    ) AS m
$$;
COMMENT ON FUNCTION leadminer.mining_records IS 'The user''s most recent minings, newest first.';

CREATE FUNCTION leadminer.schema_version() RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, leadminer, pg_temp
AS $$
    SELECT max(id) FROM migrations
$$;
COMMENT ON FUNCTION leadminer.schema_version IS 'The id of the newest applied migration.';

INSERT INTO leadminer.migrations (id) VALUES ('0004_minings');
