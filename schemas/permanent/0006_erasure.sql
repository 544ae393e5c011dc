-- Erasing a user, or one of a user's contacts. Work in flight finds the mining erased or the contact suppressed.

CREATE FUNCTION leadminer.erase_user(user_id text) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, leadminer, pg_temp SET statement_timeout = '25s'
AS $$
#variable_conflict use_column
DECLARE
    room integer := 5000;
    removed integer;
    kept text;
    erased_minings integer;
    erased_addresses jsonb;
BEGIN
    PERFORM FROM users WHERE id = erase_user.user_id FOR UPDATE;
    -- The open ones first: from the first slice on, nothing can come back.
    UPDATE minings
    SET
        state = 'erased', source = NULL, finished_at = coalesce(finished_at, now()), ledger = ledger - 'folders_failed'
    WHERE id IN (
        SELECT id FROM minings WHERE user_id = erase_user.user_id AND state <> 'erased'
        ORDER BY state = 'open' DESC LIMIT room
    );
    GET DIAGNOSTICS erased_minings = ROW_COUNT;
    room := room - erased_minings;
    WITH erased AS (
        DELETE FROM refined_persons
        WHERE user_id = erase_user.user_id AND address IN (
            SELECT address FROM refined_persons WHERE user_id = erase_user.user_id ORDER BY address LIMIT room
        )
        RETURNING address
    )
    SELECT coalesce(jsonb_agg(address ORDER BY address), '[]') INTO erased_addresses FROM erased;
    room := room - jsonb_array_length(erased_addresses);
    DELETE FROM applied_parts WHERE ctid = ANY (ARRAY(
        SELECT part.ctid FROM applied_parts AS part JOIN minings ON id = mining
        WHERE user_id = erase_user.user_id LIMIT room
    ));
    GET DIAGNOSTICS removed = ROW_COUNT;
    room := room - removed;
    -- Suppressions are kept: if this user mines again, the promise made to other people still holds.
    FOREACH kept IN ARRAY ARRAY['sources', 'own_addresses', 'campaigns', 'organizations', 'profiles'] LOOP
        EXECUTE format(
            'DELETE FROM %1$I WHERE ctid = ANY (ARRAY(SELECT ctid FROM %1$I WHERE user_id = $1 LIMIT $2))', kept
        ) USING erase_user.user_id, room;
        GET DIAGNOSTICS removed = ROW_COUNT;
        room := room - removed;
    END LOOP;
    RETURN jsonb_build_object('minings', erased_minings, 'addresses', erased_addresses, 'more', room = 0);
END
$$;
COMMENT ON FUNCTION leadminer.erase_user IS
    'Mark a user''s minings erased, then delete the contacts and all else: a slice of 5,000 rows, until there is no more. '
    'Answers with the addresses of the slice. The ids of the minings are kept: nothing comes back.';

CREATE FUNCTION leadminer.erase_contact(user_id text, address text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, leadminer, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    INSERT INTO users (id) VALUES (erase_contact.user_id) ON CONFLICT DO NOTHING;
    PERFORM FROM users WHERE id = erase_contact.user_id FOR UPDATE;
    INSERT INTO suppressions (user_id, hash)
    VALUES (erase_contact.user_id, hash_address(erase_contact.user_id, erase_contact.address))
    ON CONFLICT DO NOTHING;
    DELETE FROM refined_persons WHERE user_id = erase_contact.user_id AND address = erase_contact.address;
    RETURN found;
END
$$;
COMMENT ON FUNCTION leadminer.erase_contact IS
    'Delete one contact, given in lower case and without its plus part; true if there was one. Keep a hash so that it does '
    'not come back.';

CREATE FUNCTION leadminer.address_state(user_id text, address text) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, leadminer, pg_temp
AS $$
    SELECT jsonb_build_object(
        'contact', EXISTS (
            SELECT FROM contacts AS known
            WHERE known.user_id = address_state.user_id AND known.address = address_state.address
        ),
        'suppressed', EXISTS (
            SELECT FROM suppressions AS kept
            WHERE kept.user_id = address_state.user_id
                AND kept.hash = hash_address(address_state.user_id, address_state.address)
        )
    )
$$;
COMMENT ON FUNCTION leadminer.address_state IS
    'Whether an address, in lower case and without its plus part, is a contact, and whether it is suppressed.';

CREATE FUNCTION leadminer.suppressed(user_id text) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, leadminer, pg_temp
AS $$
    SELECT coalesce(jsonb_agg(encode(hash, 'hex') ORDER BY hash), '[]')
    FROM suppressions AS kept
    WHERE kept.user_id = suppressed.user_id
$$;
COMMENT ON FUNCTION leadminer.suppressed IS 'The hashes of a user''s suppressions. The addresses are not stored.';

CREATE FUNCTION leadminer.allow_contact(user_id text, address text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, leadminer, pg_temp
AS $$
BEGIN
    DELETE FROM suppressions AS kept
    WHERE kept.user_id = allow_contact.user_id
        AND kept.hash = hash_address(allow_contact.user_id, allow_contact.address);
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION leadminer.allow_contact IS
    'Take back the suppression of an address; true if there was one. Later mail can make it a contact again.';

INSERT INTO leadminer.migrations (id) VALUES ('0006_erasure');
