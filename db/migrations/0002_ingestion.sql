-- Collection: leases of jobs, quotas shared by all instances, freshness.

ALTER TABLE ingest_job
    ADD COLUMN worker text, -- instance that runs it
    ADD COLUMN lease_until timestamptz, -- then another instance takes it over
    ADD COLUMN page integer NOT NULL DEFAULT 1, -- next page to ask for
    ADD COLUMN rows bigint NOT NULL DEFAULT 0, -- rows of the pages before
    ADD COLUMN duplicates integer NOT NULL DEFAULT 0; -- payloads not stored

-- Single flight: an equal job that waits or runs is the same job.
CREATE UNIQUE INDEX ingest_job_single ON ingest_job (provider, dataset, args)
    WHERE status IN ('queued', 'running');
CREATE INDEX ingest_job_lease ON ingest_job (provider, lease_until)
    WHERE status = 'running';
CREATE INDEX ingest_job_finished ON ingest_job (id)
    WHERE status IN ('done', 'failed');

-- Whoever queues a job wakes the fetchers.
CREATE FUNCTION ingest_job_wake() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('wizdata_ingest', NEW.provider);
    RETURN NULL;
END
$$;
CREATE TRIGGER ingest_job_wake AFTER INSERT ON ingest_job
    FOR EACH ROW EXECUTE FUNCTION ingest_job_wake();

-- One account has one quota: its use, for all instances and over restarts.
CREATE TABLE provider_quota (
    provider      text PRIMARY KEY,
    calls         timestamptz[] NOT NULL DEFAULT '{}', -- of the last minute
    day           date NOT NULL DEFAULT '1970-01-01', -- in UTC
    used          integer NOT NULL DEFAULT 0, -- calls of that day
    blocked_until timestamptz NOT NULL DEFAULT '-infinity',
    blocked_by    text NOT NULL DEFAULT '', -- limit_short or limit_long
    refused       integer NOT NULL DEFAULT 0 -- limit_long since a success
);
INSERT INTO provider_quota (provider) VALUES ('alphavantage'), ('worldbank');

-- Takes one call, if all windows have room for it: no more than n_second
-- calls within any second, n_minute within any minute, n_day in a day of
-- UTC; 0 is no limit. Calls reach the provider a little later than they are
-- counted here, each by another delay: the windows are longer by a margin.
-- `debt` calls were made while this could not be asked.
-- Not granted: wait_ms until it is worth to ask again.
CREATE FUNCTION provider_take(p text, n_second bigint, n_minute bigint,
                              n_day bigint, debt bigint,
                              OUT granted boolean, OUT wait_ms bigint,
                              OUT reason text, OUT left_second bigint,
                              OUT left_minute bigint, OUT left_day bigint)
LANGUAGE plpgsql AS $$
DECLARE
    q       provider_quota;
    t       timestamptz;
    second  bigint;
    free_at timestamptz := '-infinity';
BEGIN
    SELECT * INTO STRICT q FROM provider_quota WHERE provider = p FOR UPDATE;
    t := clock_timestamp();

    IF q.day <> (t AT TIME ZONE 'UTC')::date THEN
        q.day := (t AT TIME ZONE 'UTC')::date;
        q.used := 0;
    END IF;
    q.used := q.used + debt;
    q.calls := ARRAY(SELECT c FROM unnest(q.calls) c
                     WHERE c > t - interval '61 seconds' AND c <= t ORDER BY c)
               || array_fill(t, ARRAY[least(debt, 1000)::int]);
    second := (SELECT count(*) FROM unnest(q.calls) c
               WHERE c > t - interval '1.1 seconds');

    reason := '';
    IF q.blocked_until > t THEN
        free_at := q.blocked_until;
        reason := q.blocked_by;
    END IF;
    IF n_day > 0 AND q.used >= n_day
       AND (q.day + 1) AT TIME ZONE 'UTC' > free_at THEN
        free_at := (q.day + 1) AT TIME ZONE 'UTC';
        reason := 'day';
    END IF;
    IF n_minute > 0 AND cardinality(q.calls) >= n_minute
       AND q.calls[cardinality(q.calls) - n_minute + 1]
           + interval '61 seconds' > free_at THEN
        free_at := q.calls[cardinality(q.calls) - n_minute + 1]
                   + interval '61 seconds';
        reason := 'minute';
    END IF;
    IF n_second > 0 AND second >= n_second
       AND q.calls[cardinality(q.calls) - n_second + 1]
           + interval '1.1 seconds' > free_at THEN
        free_at := q.calls[cardinality(q.calls) - n_second + 1]
                   + interval '1.1 seconds';
        reason := 'second';
    END IF;

    granted := reason = '';
    IF granted THEN
        q.calls := q.calls || t;
        q.used := q.used + 1;
        second := second + 1;
        wait_ms := 0;
    ELSE
        wait_ms := greatest(1, ceil(extract(epoch FROM free_at - t) * 1000));
    END IF;

    left_second := CASE WHEN n_second > 0
                        THEN greatest(0, n_second - second) END;
    left_minute := CASE WHEN n_minute > 0
                        THEN greatest(0, n_minute - cardinality(q.calls)) END;
    left_day := CASE WHEN n_day > 0 THEN greatest(0, n_day - q.used) END;

    UPDATE provider_quota SET calls = q.calls, day = q.day, used = q.used
    WHERE provider = p;
END
$$;

-- What became of the calls, over all instances.
CREATE TABLE provider_state (
    provider         text PRIMARY KEY,
    succeeded        bigint NOT NULL DEFAULT 0, -- answers that gave data
    failed           bigint NOT NULL DEFAULT 0,
    last_success     timestamptz,
    last_error_at    timestamptz,
    last_error_class text,
    last_error       text
);
INSERT INTO provider_state (provider) VALUES ('alphavantage'), ('worldbank');

-- When each payload was last seen to be current, changed or not.
CREATE TABLE lake_fresh (
    provider   text NOT NULL,
    dataset    text NOT NULL,
    args       jsonb NOT NULL,
    sha256     text NOT NULL,
    changed_at timestamptz NOT NULL, -- first fetched in this form
    checked_at timestamptz NOT NULL, -- last fetched, equal
    PRIMARY KEY (provider, dataset, args)
);

-- Ranges of the manifest that are to be published again.
CREATE TABLE lake_replay (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    next_seq bigint NOT NULL,
    to_seq   bigint NOT NULL,
    asked_by text,
    asked_at timestamptz NOT NULL DEFAULT now()
);
