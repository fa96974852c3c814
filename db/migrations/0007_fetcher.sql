-- Collection from five providers: budgets of several keys, priorities, jobs
-- of several steps, and what became of each data set.

INSERT INTO source VALUES
    (3, 'bloomberg'), (4, 'lseg'), (5, 'spglobal'), (6, 'push');
INSERT INTO provider_state (provider) VALUES
    ('bloomberg'), ('lseg'), ('spglobal');

ALTER TABLE ingest_job
    ADD COLUMN priority   smallint NOT NULL DEFAULT 0, -- lower first: 0 live,
                                                       -- 10 back-fill
    ADD COLUMN collection bigint, -- that asked for it
    ADD COLUMN cursor     text NOT NULL DEFAULT '', -- where it goes on
    DROP CONSTRAINT ingest_job_status_check,
    ADD CONSTRAINT ingest_job_status_check CHECK
        (status IN ('queued', 'running', 'paused', 'done', 'failed'));

DROP INDEX ingest_job_provider_not_before_idx;
CREATE INDEX ingest_job_queue ON ingest_job (provider, priority, not_before, id)
    WHERE status = 'queued';
DROP INDEX ingest_job_single;
CREATE UNIQUE INDEX ingest_job_single ON ingest_job (provider, dataset, args)
    WHERE status IN ('queued', 'running', 'paused');
CREATE INDEX ingest_job_collection ON ingest_job (collection, id)
    WHERE collection IS NOT NULL;

-- Each key of an account has a budget of its own. `key` is a digest of it, ''
-- where there is none.
ALTER TABLE provider_quota
    DROP CONSTRAINT provider_quota_pkey,
    ADD COLUMN key text NOT NULL DEFAULT '',
    ADD PRIMARY KEY (provider, key);

-- Takes up to `want` calls, as many as all windows have room for: no more
-- than n_second calls within any second, n_minute within any minute, n_day in
-- a day of UTC; 0 is no limit. Calls reach the provider a little later than
-- they are counted here, each by another delay: the windows are longer by a
-- margin. `debt` calls were made while this could not be asked.
-- None granted: wait_ms until it is worth to ask again.
DROP FUNCTION provider_take;
CREATE FUNCTION provider_take(p text, k text, n_second bigint, n_minute bigint,
                              n_day bigint, debt bigint, want bigint,
                              OUT granted bigint, OUT wait_ms bigint,
                              OUT reason text, OUT left_second bigint,
                              OUT left_minute bigint, OUT left_day bigint)
LANGUAGE plpgsql AS $$
DECLARE
    q       provider_quota;
    t       timestamptz;
    n       bigint;
    second  bigint;
    free_at timestamptz := '-infinity';
BEGIN
    SELECT * INTO q FROM provider_quota
    WHERE provider = p AND key = k FOR UPDATE;
    IF NOT FOUND THEN
        -- What was used before keys had names is the first one's.
        UPDATE provider_quota SET key = k
        WHERE provider = p AND key = '' AND k <> '';
        INSERT INTO provider_quota (provider, key) VALUES (p, k)
        ON CONFLICT DO NOTHING;
        SELECT * INTO STRICT q FROM provider_quota
        WHERE provider = p AND key = k FOR UPDATE;
    END IF;
    t := clock_timestamp();

    IF q.day <> (t AT TIME ZONE 'UTC')::date THEN
        q.day := (t AT TIME ZONE 'UTC')::date;
        q.used := 0;
    END IF;
    q.used := q.used + debt;
    q.calls := ARRAY(SELECT c FROM unnest(q.calls) c
                     WHERE c > t - CASE WHEN n_minute > 0
                                        THEN interval '61 seconds'
                                        ELSE interval '1.1 seconds' END
                           AND c <= t ORDER BY c)
               || array_fill(t, ARRAY[least(debt, 1000)::int]);
    n := cardinality(q.calls);
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
    IF n_minute > 0 AND n >= n_minute
       AND q.calls[n - n_minute + 1] + interval '61 seconds' > free_at THEN
        free_at := q.calls[n - n_minute + 1] + interval '61 seconds';
        reason := 'minute';
    END IF;
    IF n_second > 0 AND second >= n_second
       AND q.calls[n - n_second + 1] + interval '1.1 seconds' > free_at THEN
        free_at := q.calls[n - n_second + 1] + interval '1.1 seconds';
        reason := 'second';
    END IF;

    IF reason = '' THEN
        granted := least(want,
                         CASE WHEN n_day > 0 THEN n_day - q.used END,
                         CASE WHEN n_minute > 0 THEN n_minute - n END,
                         CASE WHEN n_second > 0 THEN n_second - second END);
        IF n_second > 0 OR n_minute > 0 THEN
            q.calls := q.calls || array_fill(t, ARRAY[granted::int]);
            n := n + granted;
        END IF;
        q.used := q.used + granted;
        second := second + granted;
        wait_ms := 0;
    ELSE
        granted := 0;
        wait_ms := greatest(1, ceil(extract(epoch FROM free_at - t) * 1000));
    END IF;

    left_second := CASE WHEN n_second > 0
                        THEN greatest(0, n_second - second) END;
    left_minute := CASE WHEN n_minute > 0 THEN greatest(0, n_minute - n) END;
    left_day := CASE WHEN n_day > 0 THEN greatest(0, n_day - q.used) END;

    UPDATE provider_quota SET calls = q.calls, day = q.day, used = q.used
    WHERE provider = p AND key = k;
END
$$;

-- What became of each data set; `errors` counts by class of the answer.
CREATE TABLE provider_dataset (
    provider         text NOT NULL,
    dataset          text NOT NULL,
    succeeded        bigint NOT NULL DEFAULT 0,
    last_success     timestamptz,
    last_change      timestamptz, -- last payload that was new
    last_error_at    timestamptz,
    last_error_class text,
    last_error       text,
    errors           jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (provider, dataset)
);

-- What a question is asked with the next time, so that an answer that has
-- not changed is not sent again.
ALTER TABLE lake_fresh
    ADD COLUMN seen     bigint NOT NULL DEFAULT 1, -- times it came in this form
    ADD COLUMN etag     text,
    ADD COLUMN modified text; -- Last-Modified, as it came
