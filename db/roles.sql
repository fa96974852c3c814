-- Roles and database of WizData on a local PostgreSQL: once, as its
-- superuser. Running it again changes nothing.
--
--     runuser -u postgres -- psql -f /usr/share/wizdata/roles.sql
--
-- Each service is a system user of its own and logs in as the role of that
-- name (peer authentication, Debian's default for Unix sockets). At login it
-- becomes the role wizdata, which owns the database and all that is in it.

\set ON_ERROR_STOP on
SET client_min_messages = warning;

SELECT format('CREATE ROLE %I LOGIN', name)
FROM unnest(ARRAY['wizdata', 'wizdata-auth', 'wizdata-ingestion',
                  'wizdata-processing', 'wizdata-analytics']) AS name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name)
\gexec

GRANT wizdata TO "wizdata-auth", "wizdata-ingestion", "wizdata-processing",
    "wizdata-analytics";
ALTER ROLE "wizdata-auth" SET role TO wizdata;
ALTER ROLE "wizdata-ingestion" SET role TO wizdata;
ALTER ROLE "wizdata-processing" SET role TO wizdata;
ALTER ROLE "wizdata-analytics" SET role TO wizdata;

SELECT 'CREATE DATABASE wizdata OWNER wizdata TEMPLATE template0 '
    'ENCODING ''UTF8'' LOCALE ''C.UTF-8'''
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'wizdata')
\gexec

REVOKE ALL ON DATABASE wizdata FROM PUBLIC;
