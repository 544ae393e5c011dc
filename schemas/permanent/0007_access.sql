-- Access: `anon` has none, `authenticated` reads its own rows, and the service role does the work.

GRANT USAGE ON SCHEMA leadminer TO authenticated, service_role;
GRANT SELECT ON
    leadminer.users,
    leadminer.profiles,
    leadminer.organizations,
    leadminer.campaigns,
    leadminer.minings,
    leadminer.sources,
    leadminer.own_addresses,
    leadminer.refined_persons
TO authenticated;
-- What a later migration creates is closed too, if nobody thinks of it. By default PostgreSQL lets everyone execute a
-- function, and only the role's own defaults can change that, not those of a schema.
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA leadminer GRANT EXECUTE ON FUNCTIONS TO service_role;
ALTER DEFAULT PRIVILEGES IN SCHEMA leadminer GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO service_role;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA leadminer TO service_role;
REVOKE INSERT, UPDATE, DELETE ON leadminer.migrations FROM service_role;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA leadminer FROM PUBLIC, anon, authenticated;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA leadminer TO service_role;

-- The claims are PostgREST's setting, which any client of plain PostgreSQL can set too. The sub-select makes the
-- planner read them once per query.
DO $$
DECLARE
    subject text := '(SELECT nullif(current_setting(''request.jwt.claims'', true), '''')::jsonb ->> ''sub'')';
    owned record;
BEGIN
    FOR owned IN
        SELECT * FROM (VALUES
            ('users', 'id = ' || subject),
            ('profiles', 'user_id = ' || subject),
            ('organizations', 'user_id = ' || subject),
            ('campaigns', 'user_id = ' || subject),
            ('minings', 'user_id = ' || subject),
            ('sources', 'user_id = ' || subject),
            ('own_addresses', 'user_id = ' || subject),
            ('refined_persons', 'user_id = ' || subject),
            ('suppressions', 'user_id = ' || subject),
            ('applied_parts', 'mining IN (SELECT id FROM leadminer.minings WHERE user_id = ' || subject || ')'),
            ('migrations', 'false')
        ) AS tables (name, condition)
    LOOP
        EXECUTE format('ALTER TABLE leadminer.%I ENABLE ROW LEVEL SECURITY', owned.name);
        EXECUTE format(
            'CREATE POLICY own_rows ON leadminer.%I FOR SELECT TO authenticated USING (%s)', owned.name, owned.condition
        );
        -- For servers on which the role cannot bypass row-level security, such as plain PostgreSQL.
        EXECUTE format(
            'CREATE POLICY service ON leadminer.%I TO service_role USING (true) WITH CHECK (true)', owned.name
        );
    END LOOP;
END
$$;

INSERT INTO leadminer.migrations (id) VALUES ('0007_access');
