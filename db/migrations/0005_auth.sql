-- Organisations, roles, sessions, one-time tokens, second factors and the
-- audit trail.

-- ---- organisations --------------------------------------------------------

-- A tenant. Nobody in it can have more than `ceiling` permits, whatever roles
-- say. The first one is the platform's own: only there somebody may reach
-- into others.
CREATE TABLE org (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL UNIQUE CHECK (name ~ '^[a-z0-9][a-z0-9-]{0,31}$'),
    title      text,
    ceiling    text[] NOT NULL,
    disabled   boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO org (name, title, ceiling) VALUES
    ('main', 'The platform''s own organisation', '{*}');

ALTER TABLE app_user
    ADD COLUMN org_id        bigint NOT NULL DEFAULT 1 REFERENCES org,
    ADD COLUMN plan          text NOT NULL DEFAULT 'default' REFERENCES plan,
    ADD COLUMN password_at   timestamptz, -- when it was set
    ADD COLUMN verified_at   timestamptz, -- the address is the user's
    ADD COLUMN deleted_at    timestamptz, -- the row stays: the trail names it
    ADD COLUMN last_login_at timestamptz,
    ADD COLUMN totp_secret   bytea, -- sealed with a key made of the pepper
    ADD COLUMN totp_at       timestamptz, -- confirmed; null: not in use yet
    ADD COLUMN totp_step     bigint NOT NULL DEFAULT 0; -- last one used
ALTER TABLE app_user ALTER COLUMN org_id DROP DEFAULT;
DROP INDEX app_user_lower_idx;
CREATE UNIQUE INDEX app_user_email ON app_user (org_id, lower(email));
CREATE INDEX app_user_org ON app_user (org_id, id);

ALTER TABLE api_key
    ADD COLUMN scopes       text[], -- as asked for; their permissions count
    ADD COLUMN product      text,
    ADD COLUMN last_used_at timestamptz, -- to the minute
    ADD COLUMN rotated_from bigint REFERENCES api_key;

-- ---- roles ----------------------------------------------------------------

-- org_id null: built in, for everybody, not to be changed.
CREATE TABLE role (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id      bigint REFERENCES org,
    name        text NOT NULL CHECK (name ~ '^[A-Za-z0-9._-]{1,64}$'),
    description text,
    permissions text[] NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE NULLS NOT DISTINCT (org_id, name)
);
INSERT INTO role (org_id, name, description, permissions) VALUES
    (NULL, 'reader', 'Reads market data, indicators, ESG and insights',
     '{bars:read,calendars:read,corporate-actions:read,esg:read,events:read,'
     'fx:read,indicators:read,insights:read,instruments:read,macro:read,'
     'news:read,plans:read,quality:read,quotes:read,roles:read,screener:read,'
     'stream:read}'),
    (NULL, 'analyst', 'A reader who trains models, backtests and reports',
     '{bars:read,calendars:read,corporate-actions:read,esg:read,events:read,'
     'fx:read,indicators:read,insights:*,instruments:read,macro:read,'
     'news:read,plans:read,quality:read,quotes:read,roles:read,screener:read,'
     'stream:read,models:*,backtests:*,reports:*,lineage:read}'),
    (NULL, 'ingest', 'Brings data in',
     '{ingest:read,ingest:run,ingest:write,instruments:read,plans:read,'
     'quality:read,roles:read}'),
    (NULL, 'operator', 'Runs the platform: sees all, changes no identities',
     '{audit:read,bars:read,cache:write,calendars:read,corporate-actions:read,'
     'esg:read,events:read,fx:read,indicators:read,ingest:*,insights:read,'
     'instruments:read,jobs:*,keys:read,lineage:read,macro:read,models:read,'
     'news:read,orgs:read,plans:read,quality:*,quotes:read,reports:read,'
     'roles:read,screener:read,status:read,stream:read,usage:read,'
     'users:read}'),
    (NULL, 'admin', 'All that the organisation may have', '{*}');

CREATE TABLE user_role (
    user_id bigint NOT NULL REFERENCES app_user ON DELETE CASCADE,
    role_id bigint NOT NULL REFERENCES role,
    PRIMARY KEY (user_id, role_id)
);
CREATE INDEX ON user_role (role_id);

-- A key has no more than its owner: owners get what their keys had, and
-- those without keys may read.
INSERT INTO role (org_id, name, description, permissions)
SELECT 1, 'user-' || k.user_id, 'What the keys of this user had',
       array_agg(DISTINCT p ORDER BY p)
FROM api_key k, unnest(k.permissions) p
WHERE k.revoked_at IS NULL GROUP BY k.user_id;
INSERT INTO user_role (user_id, role_id)
SELECT u.id, r.id FROM app_user u
JOIN role r ON r.org_id = 1 AND r.name = 'user-' || u.id;
INSERT INTO user_role (user_id, role_id)
SELECT u.id, r.id FROM app_user u
JOIN role r ON r.org_id IS NULL AND r.name = 'reader'
WHERE NOT EXISTS (SELECT FROM user_role x WHERE x.user_id = u.id);

-- Names that keys of the system before this one had, and what they mean.
CREATE TABLE scope (
    name        text PRIMARY KEY,
    description text NOT NULL,
    permissions text[] NOT NULL
);
INSERT INTO scope VALUES
    ('charting', 'Price bars and what is drawn from them',
     '{bars:read,corporate-actions:read,fx:read,instruments:read}'),
    ('indicators', 'Technical indicators',
     '{indicators:read,instruments:read}'),
    ('events', 'Dividends, earnings, splits and calendars',
     '{calendars:read,corporate-actions:read,events:read}'),
    ('news', 'News and sentiment', '{news:read}'),
    ('market_data', 'Quotes, bars, exchange rates and macro-economic series',
     '{bars:read,corporate-actions:read,fx:read,instruments:read,macro:read,'
     'quotes:read}'),
    ('screener', 'Screening of instruments',
     '{instruments:read,screener:read}'),
    ('streaming', 'Streams', '{quotes:read,stream:read}'),
    ('profiles', 'Instruments and companies',
     '{esg:read,instruments:read}'),
    ('admin', 'All that the owner may', '{*}');

CREATE TABLE product (
    name        text PRIMARY KEY,
    description text NOT NULL,
    scopes      text[] NOT NULL
);
INSERT INTO product VALUES
    ('vueon', 'Charts', '{charting,indicators,events,news}'),
    ('trader', 'Trading', '{market_data,screener,streaming,indicators}'),
    ('pulse', 'Market overview', '{charting,screener,market_data}'),
    ('wealth', 'Portfolios', '{profiles,events,indicators,market_data}'),
    ('connect', 'Newsletters', '{news,events,market_data}');

-- ---- sessions -------------------------------------------------------------

-- A login and all tokens that come of it.
CREATE TABLE session (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id    bigint NOT NULL REFERENCES app_user,
    address    text, -- of the login
    created_at timestamptz NOT NULL DEFAULT now(),
    last_at    timestamptz NOT NULL DEFAULT now(), -- of the last refresh
    expires_at timestamptz NOT NULL,
    ended_at   timestamptz,
    ended_by   text -- logout, reuse, password, admin, ...
);
CREATE INDEX ON session (user_id, id);
CREATE INDEX ON session (expires_at);

-- Only a keyed hash of each is kept. A token that was used is kept until the
-- session's end: when it comes again, somebody has stolen it or the one after.
CREATE TABLE refresh_token (
    hash       bytea PRIMARY KEY,
    session_id bigint NOT NULL REFERENCES session ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    used_at    timestamptz,
    jti        text NOT NULL, -- of the access token that came with it
    jti_end    bigint NOT NULL -- nanoseconds since 1970
);
CREATE INDEX ON refresh_token (session_id);

-- For invitations, new passwords and proofs of an address.
CREATE TABLE one_time_token (
    hash       bytea PRIMARY KEY,
    user_id    bigint NOT NULL REFERENCES app_user ON DELETE CASCADE,
    kind       text NOT NULL CHECK (kind IN ('invite', 'reset', 'verify')),
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    UNIQUE (user_id, kind)
);

CREATE TABLE recovery_code (
    user_id bigint NOT NULL REFERENCES app_user ON DELETE CASCADE,
    hash    bytea NOT NULL,
    PRIMARY KEY (user_id, hash)
);

-- Failed logins, by a hash of what was typed as the address, so that unknown
-- addresses look like known ones. net '': from everywhere.
CREATE TABLE login_failure (
    account bytea NOT NULL,
    net     text NOT NULL,
    n       integer NOT NULL,
    last_at timestamptz NOT NULL,
    PRIMARY KEY (account, net)
);
CREATE INDEX ON login_failure (last_at);

-- ---- signing keys ---------------------------------------------------------

-- null: published, and not in use yet.
ALTER TABLE signing_key ADD COLUMN active_from timestamptz;
UPDATE signing_key SET active_from = created_at;

-- ---- audit ----------------------------------------------------------------

-- hash is a keyed BLAKE2b of the hash before it and the row; the key is made
-- of the service's pepper, so the database alone cannot make another trail.
CREATE TABLE event (
    seq     bigint PRIMARY KEY, -- 1, 2, 3, ...
    at      timestamptz NOT NULL,
    org_id  bigint, -- null: of the platform
    actor   text NOT NULL,
    via     text NOT NULL, -- the API key, or ''
    action  text NOT NULL,
    subject text NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('done', 'refused')),
    reason  text NOT NULL,
    request text NOT NULL,
    address text NOT NULL,
    detail  text NOT NULL, -- JSON
    hash    bytea NOT NULL
);
CREATE INDEX ON event (org_id, seq);
CREATE INDEX ON event (actor, seq);
CREATE INDEX ON event (subject, seq);
CREATE INDEX ON event (action, seq);
CREATE INDEX ON event (at);

-- The last one. `seal` says that it is.
CREATE TABLE event_head (
    one  boolean PRIMARY KEY DEFAULT true CHECK (one),
    seq  bigint NOT NULL,
    hash bytea NOT NULL,
    seal bytea NOT NULL
);
INSERT INTO event_head (seq, hash, seal) VALUES (0, '', '');

CREATE FUNCTION event_kept() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is only added to';
END
$$;
CREATE TRIGGER event_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON event
    FOR EACH STATEMENT EXECUTE FUNCTION event_kept();
CREATE TRIGGER event_head_kept BEFORE DELETE OR TRUNCATE ON event_head
    FOR EACH STATEMENT EXECUTE FUNCTION event_kept();

-- ---- announcements --------------------------------------------------------
--
-- One more kind on the channel wizdata_auth:
--     roles AT                   the roles are others

CREATE FUNCTION auth_tell_all() RETURNS void
LANGUAGE sql AS $$
    SELECT auth_tell('all');
    INSERT INTO token_revocation (kind, value, number)
    VALUES ('all', '',
            floor(extract(epoch FROM clock_timestamp()) * 1000000)::bigint
                * 1000)
    ON CONFLICT (kind, value) DO UPDATE
    SET number = greatest(token_revocation.number, excluded.number);
$$;

-- What these users may is another: their keys are asked about again, and
-- their tokens, which say it themselves, are void.
CREATE FUNCTION auth_tell_users(ids bigint[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF coalesce(cardinality(ids), 0) = 0 THEN
        RETURN;
    END IF;
    -- So many are like all, and that is hard on others: every token of
    -- everybody must be got anew.
    IF cardinality(ids) > 20000 THEN
        PERFORM auth_tell_all();
        RETURN;
    END IF;
    PERFORM auth_tell_keys(ARRAY(
        SELECT id FROM api_key
        WHERE user_id = ANY(ids) AND revoked_at IS NULL));
    PERFORM token_revoke_subjects(ARRAY(
        SELECT 'user:' || x FROM unnest(ids) x));
END
$$;

CREATE OR REPLACE FUNCTION app_user_updated() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM auth_tell_users(ARRAY(
        SELECT o.id FROM old_row o JOIN new_row n USING (id)
        WHERE (o.disabled, o.org_id, o.plan, o.deleted_at)
              IS DISTINCT FROM
              (n.disabled, n.org_id, n.plan, n.deleted_at)));
    RETURN NULL;
END
$$;

-- Users of this very transaction have neither keys nor tokens: without them
-- there is no void subject for everybody who was ever made.
CREATE FUNCTION user_role_added() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM auth_tell_users(ARRAY(
        SELECT DISTINCT n.user_id
        FROM new_row n JOIN app_user u ON u.id = n.user_id
        WHERE u.created_at <> now()));
    RETURN NULL;
END
$$;
CREATE TRIGGER user_role_added AFTER INSERT ON user_role
    REFERENCING NEW TABLE AS new_row
    FOR EACH STATEMENT EXECUTE FUNCTION user_role_added();

CREATE FUNCTION user_role_removed() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM auth_tell_users(ARRAY(SELECT DISTINCT user_id FROM old_row));
    RETURN NULL;
END
$$;
CREATE TRIGGER user_role_removed AFTER DELETE ON user_role
    REFERENCING OLD TABLE AS old_row
    FOR EACH STATEMENT EXECUTE FUNCTION user_role_removed();

CREATE FUNCTION user_role_moved() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM auth_tell_users(ARRAY(
        SELECT user_id FROM old_row UNION SELECT user_id FROM new_row));
    RETURN NULL;
END
$$;
CREATE TRIGGER user_role_moved AFTER UPDATE ON user_role
    REFERENCING OLD TABLE AS old_row NEW TABLE AS new_row
    FOR EACH STATEMENT EXECUTE FUNCTION user_role_moved();

CREATE FUNCTION user_role_truncated() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM auth_tell_all();
    RETURN NULL;
END
$$;
CREATE TRIGGER user_role_truncated AFTER TRUNCATE ON user_role
    FOR EACH STATEMENT EXECUTE FUNCTION user_role_truncated();

CREATE FUNCTION role_updated() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM auth_tell_users(ARRAY(
        SELECT DISTINCT x.user_id
        FROM old_row o JOIN new_row n USING (id)
        JOIN user_role x ON x.role_id = o.id
        WHERE o.permissions IS DISTINCT FROM n.permissions));
    -- Whoever has a token with which to choose the password of such a user
    -- was let act on one who may do less.
    DELETE FROM one_time_token t
    USING old_row o, new_row n, user_role x
    WHERE n.id = o.id AND NOT n.permissions <@ o.permissions
          AND x.role_id = o.id AND t.user_id = x.user_id
          AND t.kind <> 'verify';
    RETURN NULL;
END
$$;
CREATE TRIGGER role_updated AFTER UPDATE ON role
    REFERENCING OLD TABLE AS old_row NEW TABLE AS new_row
    FOR EACH STATEMENT EXECUTE FUNCTION role_updated();
CREATE TRIGGER role_changed
    AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON role
    FOR EACH STATEMENT EXECUTE FUNCTION auth_table_changed('roles');

CREATE FUNCTION org_updated() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM auth_tell_users(ARRAY(
        SELECT u.id FROM old_row o JOIN new_row n USING (id)
        JOIN app_user u ON u.org_id = o.id
        WHERE (o.ceiling, o.disabled) IS DISTINCT FROM
              (n.ceiling, n.disabled)));
    RETURN NULL;
END
$$;
CREATE TRIGGER org_updated AFTER UPDATE ON org
    REFERENCING OLD TABLE AS old_row NEW TABLE AS new_row
    FOR EACH STATEMENT EXECUTE FUNCTION org_updated();
