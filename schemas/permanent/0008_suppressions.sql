-- How many contacts there are, what is known of one address, and suppressions: listed, and taken back.

CREATE FUNCTION leadminer.contacts_total(user_id text, source_name text) RETURNS bigint
LANGUAGE sql STABLE SET search_path = pg_catalog, leadminer, pg_temp
AS $$
    WITH own AS (
        SELECT DISTINCT unnest(own_addresses) AS address FROM minings WHERE minings.user_id = contacts_total.user_id
    ), own_at_gmail AS (
        -- At Gmail, dots do not count, nor which of its two hosts it is.
        SELECT replace(split_part(address, '@', 1), '.', '') AS name FROM own
        WHERE address ~ '@(gmail|googlemail)\.com$'
    ), wanted AS (
        SELECT array_agg(source) AS digests FROM minings
        WHERE minings.user_id = contacts_total.user_id AND minings.source_name = contacts_total.source_name
    )
    SELECT count(*)
    FROM refined_persons AS person
    WHERE person.user_id = contacts_total.user_id
        AND NOT EXISTS (SELECT FROM own WHERE own.address = person.address)
        AND NOT (
            person.address ~ '@(gmail|googlemail)\.com$'
            AND replace(split_part(person.address, '@', 1), '.', '') IN (SELECT name FROM own_at_gmail)
        )
        AND (contacts_total.source_name IS NULL OR person.sources && (SELECT digests FROM wanted))
$$;
COMMENT ON FUNCTION leadminer.contacts_total IS 'How many contacts all pages of contacts_page have together.';

CREATE FUNCTION leadminer.address_state(user_id text, address text) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, leadminer, pg_temp
AS $$
    SELECT jsonb_build_object(
        'contact', EXISTS (
            SELECT FROM refined_persons AS person
            WHERE person.user_id = address_state.user_id AND person.address = address_state.address
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

REVOKE ALL ON FUNCTION
    leadminer.contacts_total,
    leadminer.address_state,
    leadminer.suppressed,
    leadminer.allow_contact
FROM PUBLIC, anon, authenticated;
GRANT EXECUTE ON FUNCTION
    leadminer.contacts_total,
    leadminer.address_state,
    leadminer.suppressed,
    leadminer.allow_contact
TO service_role;

INSERT INTO leadminer.migrations (id) VALUES ('0008_suppressions');
