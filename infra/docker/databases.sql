-- Creates both databases and their two roles. Each role owns one database and has no access to the other. Run as the
-- superuser at each change of the stack. A repeated run only sets the passwords again, from the environment.
\getenv permanent_password PERMANENT_PASSWORD
\getenv mining_password MINING_PASSWORD

SELECT format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION', wanted)
FROM unnest(ARRAY['leadminer', 'leadminer_mining']) AS wanted
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted)
\gexec
SELECT format('CREATE ROLE %I NOLOGIN', wanted)
FROM unnest(ARRAY['anon', 'authenticated', 'service_role']) AS wanted
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted)
\gexec
ALTER ROLE leadminer PASSWORD :'permanent_password';
ALTER ROLE leadminer_mining PASSWORD :'mining_password';

SELECT format('CREATE DATABASE %I OWNER %I TEMPLATE template0 ENCODING ''UTF8''', wanted, wanted)
FROM unnest(ARRAY['leadminer', 'leadminer_mining']) AS wanted
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = wanted)
\gexec
REVOKE CONNECT, TEMPORARY ON DATABASE leadminer FROM PUBLIC;
REVOKE CONNECT, TEMPORARY ON DATABASE leadminer_mining FROM PUBLIC;
REVOKE CONNECT ON DATABASE postgres FROM PUBLIC;
