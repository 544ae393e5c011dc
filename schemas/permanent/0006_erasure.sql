-- Erasing a user, or one of a user's contacts. Work in flight finds the mining erased or the contact suppressed.

CREATE FUNCTION leadminer.erasure_receipt(contacts text[], minings bigint) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_build_object(
        'contacts', cardinality(contacts),
        'minings', minings,
        'keys', (
            SELECT encode(sha256(convert_to(coalesce(joined, ''), 'UTF8')), 'hex')
            FROM (
                SELECT string_agg(key, E'\n' ORDER BY key COLLATE "C") FROM unnest(contacts) AS keys (key)
            ) AS sorted (joined)
        )
    )
$$;
COMMENT ON FUNCTION leadminer.erasure_receipt IS
    'Counts, and the SHA-256 of the sorted addresses joined by line feeds.';

CREATE FUNCTION leadminer.erase_user(user_id text) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, leadminer, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    erased_contacts text[];
    erased_minings bigint;
BEGIN
    PERFORM FROM users WHERE id = erase_user.user_id FOR UPDATE;
    UPDATE minings
    SET
        state = 'erased', source = NULL, source_name = NULL, own_addresses = '{}',
        finished_at = coalesce(finished_at, now()), ledger = ledger - 'folders_failed'
    WHERE user_id = erase_user.user_id AND state <> 'erased';
    GET DIAGNOSTICS erased_minings = ROW_COUNT;
    WITH erased AS (
        DELETE FROM refined_persons WHERE user_id = erase_user.user_id RETURNING address
    )
    SELECT coalesce(array_agg(address), '{}') INTO erased_contacts FROM erased;
    DELETE FROM campaigns WHERE user_id = erase_user.user_id;
    DELETE FROM organizations WHERE user_id = erase_user.user_id;
    DELETE FROM profiles WHERE user_id = erase_user.user_id;
    -- Suppressions are kept: if this user mines again, the promise made to other people still holds.
    RETURN erasure_receipt(erased_contacts, erased_minings);
END
$$;
COMMENT ON FUNCTION leadminer.erase_user IS
    'Delete a user''s contacts and mark the minings erased. Their ids and applied parts are kept: nothing comes back.';

CREATE FUNCTION leadminer.erase_contact(user_id text, address text) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, leadminer, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    erased_contacts text[];
BEGIN
    INSERT INTO users (id) VALUES (erase_contact.user_id) ON CONFLICT DO NOTHING;
    PERFORM FROM users WHERE id = erase_contact.user_id FOR UPDATE;
    INSERT INTO suppressions (user_id, hash)
    VALUES (erase_contact.user_id, hash_address(erase_contact.user_id, erase_contact.address))
    ON CONFLICT DO NOTHING;
    WITH erased AS (
        DELETE FROM refined_persons
        WHERE user_id = erase_contact.user_id AND address = erase_contact.address
        RETURNING address
    )
    SELECT coalesce(array_agg(address), '{}') INTO erased_contacts FROM erased;
    RETURN erasure_receipt(erased_contacts, 0);
END
$$;
COMMENT ON FUNCTION leadminer.erase_contact IS
    'Delete one contact, given in lower case and without its plus part. Keep a hash so that it does not come back.';

INSERT INTO leadminer.migrations (id) VALUES ('0006_erasure');
