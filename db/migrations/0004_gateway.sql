-- What gateways must know: limits of plans, narrower keys, void tokens, the
-- keys that sign tokens; and what they tell: usage.
--
-- Changes of these tables are announced on the channel wizdata_auth by
-- triggers, so that it does not matter who makes them. Payloads are words
-- parted by blanks; AT is when the change was made, in microseconds since
-- 1970: the commit follows at once.
--     keys AT ID,ID,...          verdicts on these keys are void
--     all AT                     verdicts on all keys are void
--     token AT KIND NUMBER VALUE a token is void, see token_revocation
--     plans AT                   the plans are others
--     jwks AT                    the signing keys are others

ALTER TABLE plan
    ADD COLUMN limits     text NOT NULL DEFAULT '', -- as in docs/PROTOCOL.md
    ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now();
UPDATE plan SET limits = 'rate=200/m burst=20' WHERE name = 'default';

ALTER TABLE api_key
    ADD COLUMN networks cidr[], -- null: from everywhere
    ADD COLUMN methods  text[]; -- null: all that the permissions allow

-- kind jti: value is the token's id, number its end, when the row may go;
-- sub: tokens of the subject that were issued before number are void;
-- all: value is '', and it is all tokens. Numbers are nanoseconds since 1970.
CREATE TABLE token_revocation (
    kind       text NOT NULL CHECK (kind IN ('jti', 'sub', 'all')),
    value      text NOT NULL CHECK (octet_length(value) <= 255),
    number     bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (kind, value),
    CHECK ((kind = 'all') = (value = ''))
);

-- The private key is sealed with a key that is made of the service's pepper.
CREATE TABLE signing_key (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kid        text NOT NULL UNIQUE,
    alg        text NOT NULL CHECK (alg = 'EdDSA'),
    public     bytea NOT NULL,
    private    bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    not_after  timestamptz -- null: in use; else published until then
);

-- Requests by day, as gateways admitted and refused them.
CREATE TABLE usage_day (
    id        bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    day       date NOT NULL,
    principal text NOT NULL,
    key       text NOT NULL, -- '' without one
    plan      text NOT NULL,
    method    text NOT NULL,
    requests  bigint NOT NULL,
    cost      bigint NOT NULL,
    refused   bigint NOT NULL,
    PRIMARY KEY (day, principal, key, plan, method)
);
CREATE INDEX ON usage_day (principal, day, id);
CREATE INDEX ON usage_day (day, id);

-- Which reports are in usage_day: a report that comes twice counts once.
CREATE TABLE usage_batch (
    gateway text NOT NULL,
    seq     bigint NOT NULL,
    at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (gateway, seq)
);
CREATE INDEX ON usage_batch (at);


CREATE FUNCTION auth_tell(kind text, rest text DEFAULT '') RETURNS void
LANGUAGE sql AS $$
    SELECT pg_notify('wizdata_auth', kind || ' '
        || floor(extract(epoch FROM clock_timestamp()) * 1000000)::bigint
        || CASE WHEN rest <> '' THEN ' ' || rest ELSE '' END)
$$;

-- A payload has less than 8000 bytes; thousands of keys are like all.
CREATE FUNCTION auth_tell_keys(ids bigint[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF cardinality(ids) > 3000 THEN
        PERFORM auth_tell('all');
        RETURN;
    END IF;
    FOR i IN 1 .. coalesce(cardinality(ids), 0) BY 300 LOOP
        PERFORM auth_tell('keys', array_to_string(ids[i : i + 299], ','));
    END LOOP;
END
$$;

-- Of a key only what a verdict says: not when it was used last.
CREATE FUNCTION api_key_updated() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM auth_tell_keys(ARRAY(
        SELECT o.id FROM old_row o LEFT JOIN new_row n USING (id)
        WHERE (o.user_id, o.hash, o.permissions, o.plan, o.expires_at,
               o.revoked_at, o.networks, o.methods)
              IS DISTINCT FROM
              (n.user_id, n.hash, n.permissions, n.plan, n.expires_at,
               n.revoked_at, n.networks, n.methods)));
    RETURN NULL;
END
$$;
CREATE TRIGGER api_key_updated AFTER UPDATE ON api_key
    REFERENCING OLD TABLE AS old_row NEW TABLE AS new_row
    FOR EACH STATEMENT EXECUTE FUNCTION api_key_updated();

CREATE FUNCTION api_key_deleted() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM auth_tell_keys(ARRAY(SELECT id FROM old_row));
    RETURN NULL;
END
$$;
CREATE TRIGGER api_key_deleted AFTER DELETE ON api_key
    REFERENCING OLD TABLE AS old_row
    FOR EACH STATEMENT EXECUTE FUNCTION api_key_deleted();

CREATE FUNCTION api_key_truncated() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM auth_tell('all');
    RETURN NULL;
END
$$;
CREATE TRIGGER api_key_truncated AFTER TRUNCATE ON api_key
    FOR EACH STATEMENT EXECUTE FUNCTION api_key_truncated();

-- A key is not made while its owner is being disabled: it would be missing
-- among those that are announced.
CREATE FUNCTION api_key_owner() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM app_user WHERE id = NEW.user_id FOR SHARE;
    RETURN NEW;
END
$$;
CREATE TRIGGER api_key_owner BEFORE INSERT OR UPDATE OF user_id ON api_key
    FOR EACH ROW EXECUTE FUNCTION api_key_owner();

-- Tokens carry their subject's rights themselves, so they end with them.
CREATE FUNCTION token_revoke_subjects(subjects text[]) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO token_revocation (kind, value, number)
    SELECT 'sub', s,
           floor(extract(epoch FROM clock_timestamp()) * 1000000)::bigint
               * 1000
    FROM unnest(subjects) s ORDER BY s
    ON CONFLICT (kind, value) DO UPDATE
    SET number = greatest(token_revocation.number, excluded.number),
        created_at = excluded.created_at
$$;

CREATE FUNCTION app_user_updated() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM auth_tell_keys(ARRAY(
        SELECT k.id FROM old_row o JOIN new_row n USING (id)
        JOIN api_key k ON k.user_id = o.id
        WHERE o.disabled IS DISTINCT FROM n.disabled
              AND k.revoked_at IS NULL));
    PERFORM token_revoke_subjects(ARRAY(
        SELECT 'user:' || o.id FROM old_row o JOIN new_row n USING (id)
        WHERE n.disabled AND NOT o.disabled));
    RETURN NULL;
END
$$;
CREATE TRIGGER app_user_updated AFTER UPDATE ON app_user
    REFERENCING OLD TABLE AS old_row NEW TABLE AS new_row
    FOR EACH STATEMENT EXECUTE FUNCTION app_user_updated();

-- Their keys were deleted before, and announced.
CREATE FUNCTION app_user_deleted() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM token_revoke_subjects(ARRAY(
        SELECT 'user:' || id FROM old_row));
    RETURN NULL;
END
$$;
CREATE TRIGGER app_user_deleted AFTER DELETE ON app_user
    REFERENCING OLD TABLE AS old_row
    FOR EACH STATEMENT EXECUTE FUNCTION app_user_deleted();

-- Rows are deleted only when they have no effect any more.
CREATE FUNCTION token_revoked() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM auth_tell('token', concat_ws(' ', NEW.kind, NEW.number,
                                         NEW.value));
    RETURN NULL;
END
$$;
CREATE TRIGGER token_revoked AFTER INSERT OR UPDATE ON token_revocation
    FOR EACH ROW EXECUTE FUNCTION token_revoked();

CREATE FUNCTION auth_table_changed() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM auth_tell(TG_ARGV[0]);
    RETURN NULL;
END
$$;
CREATE TRIGGER plan_changed
    AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON plan
    FOR EACH STATEMENT EXECUTE FUNCTION auth_table_changed('plans');
CREATE TRIGGER signing_key_changed
    AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON signing_key
    FOR EACH STATEMENT EXECUTE FUNCTION auth_table_changed('jwks');
