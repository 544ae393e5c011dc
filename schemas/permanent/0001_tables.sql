-- The permanent tables: what remains of minings. We put nothing in `public`.
--
-- Every file ends by recording its id in `migrations`, so that the database knows its version even if another tool
-- pushed these files. Our runner adds the checksum.

CREATE SCHEMA IF NOT EXISTS leadminer;

CREATE TABLE IF NOT EXISTS leadminer.migrations (
    id text COLLATE "C" PRIMARY KEY,
    checksum text COLLATE "C",
    applied_at timestamptz NOT NULL DEFAULT now()
);

-- Roles belong to the whole cluster, so a migration of another database may create them at the same time.
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['anon', 'authenticated', 'service_role'] LOOP
        CONTINUE WHEN EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = wanted);
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN
                NULL;
            WHEN insufficient_privilege THEN
                RAISE insufficient_privilege USING MESSAGE = format(
                    'The role %I is missing and %I cannot create roles: an administrator must CREATE ROLE %I NOLOGIN',
                    wanted, current_user, wanted);
        END;
    END LOOP;
END
$$;

CREATE TABLE leadminer.users (
    id text COLLATE "C" PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE leadminer.users IS
    'Everyone who mines. Erasing and applying lock this row first. It is never deleted, so that late work finds it.';

CREATE TABLE leadminer.profiles (
    user_id text COLLATE "C" PRIMARY KEY REFERENCES leadminer.users (id),
    full_name text COLLATE "C",
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE leadminer.organizations (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id text COLLATE "C" NOT NULL REFERENCES leadminer.users (id),
    name text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX organizations_user ON leadminer.organizations (user_id);

CREATE TABLE leadminer.campaigns (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id text COLLATE "C" NOT NULL REFERENCES leadminer.users (id),
    name text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX campaigns_user ON leadminer.campaigns (user_id);

CREATE TABLE leadminer.minings (
    id uuid PRIMARY KEY,
    user_id text COLLATE "C" NOT NULL REFERENCES leadminer.users (id),
    state text COLLATE "C" NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'finished', 'failed', 'erased')),
    source text COLLATE "C",
    reference_date date NOT NULL,
    begun_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    ledger jsonb,
    receipt jsonb
);
CREATE INDEX minings_user ON leadminer.minings (user_id, begun_at DESC, id);
COMMENT ON COLUMN leadminer.minings.source IS 'Digest of the source, as in `sources`.';

CREATE TABLE leadminer.sources (
    user_id text COLLATE "C" NOT NULL REFERENCES leadminer.users (id),
    source text COLLATE "C" NOT NULL,
    name text COLLATE "C",
    PRIMARY KEY (user_id, source)
);
COMMENT ON TABLE leadminer.sources IS
    'The mailboxes that a user mined: a digest, and the address, which is the name that people know.';

CREATE TABLE leadminer.own_addresses (
    user_id text COLLATE "C" NOT NULL REFERENCES leadminer.users (id),
    address text COLLATE "C" NOT NULL,
    form text COLLATE "C" NOT NULL,
    PRIMARY KEY (user_id, address)
);
CREATE INDEX own_addresses_form ON leadminer.own_addresses (user_id, form);
COMMENT ON TABLE leadminer.own_addresses IS
    'The user''s own addresses, in lower case and without plus parts. They are not contacts.';
COMMENT ON COLUMN leadminer.own_addresses.form IS 'What own_form() makes of the address.';

CREATE TABLE leadminer.applied_parts (
    mining uuid NOT NULL REFERENCES leadminer.minings (id),
    chunk integer NOT NULL,
    part integer NOT NULL,
    PRIMARY KEY (mining, chunk, part)
);
COMMENT ON TABLE leadminer.applied_parts IS 
    'The parts applied to open minings, so that none is applied twice. A mining that has ended takes no part at all.';

CREATE TABLE leadminer.suppressions (
    user_id text COLLATE "C" NOT NULL REFERENCES leadminer.users (id),
    hash bytea NOT NULL,
    PRIMARY KEY (user_id, hash)
);
COMMENT ON TABLE leadminer.suppressions IS 'Hashes of contacts that were erased and must not come back.';
COMMENT ON COLUMN leadminer.suppressions.hash IS 'SHA-256 of the user''s id, a line feed and the address, in UTF-8.';

INSERT INTO leadminer.migrations (id) VALUES ('0001_tables');
