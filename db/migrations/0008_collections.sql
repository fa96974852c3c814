-- Collections: what is collected, for which instruments, how often and from
-- when. A collection has an item for each instrument; what an item needs is
-- cut into slices, and each slice is asked for by a job.

CREATE SEQUENCE collection_version;

CREATE TABLE collection (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL UNIQUE,
    source     text NOT NULL CHECK (source IN ('file', 'api')),
    origin     text, -- host and folder of the file
    file       text,
    provider   text NOT NULL,
    dataset    text NOT NULL,
    definition jsonb NOT NULL, -- keys as in a file; without the name
    version    bigint NOT NULL DEFAULT nextval('collection_version'),
    paused     boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    changed_at timestamptz NOT NULL DEFAULT now(),
    changed_by text,
    retired_at timestamptz -- it is gone; its state waits for its return
);

-- What became of the files that were read; file '' is the folder.
CREATE TABLE collection_file (
    origin  text NOT NULL,
    file    text NOT NULL,
    read_at timestamptz NOT NULL DEFAULT now(),
    error   text, -- null: it counts
    PRIMARY KEY (origin, file)
);

-- args: those of all its questions, without those of a slice. They are what
-- an item is: with another interval it is another item.
CREATE TABLE collection_item (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    collection    bigint NOT NULL REFERENCES collection,
    provider      text NOT NULL,
    dataset       text NOT NULL,
    args          jsonb NOT NULL,
    instrument    text NOT NULL, -- as the definition writes it
    active        boolean NOT NULL DEFAULT true, -- the definition has it

    live_at       timestamptz, -- run that was planned last; null: due now
    live_to       timestamptz, -- up to where that run asks, while it lasts
    covered_to    timestamptz, -- asked for up to here, with success
    answered_at   timestamptz, -- last answer that was good
    last_at       timestamptz, -- last job that ended
    last_class    text, -- of a failure
    last_error    text,
    stopped_class text, -- why it is not asked for
    stopped_until timestamptz, -- then it is tried again
    calls         integer NOT NULL DEFAULT 1, -- of one question, last time

    fill_begin    date, -- the back-fill goes from here into the past
    fill_to       date, -- and has what is from here on
    fill_since    timestamptz,
    fill_class    text, -- why it has stopped
    fill_error    text,
    fill_until    timestamptz,

    high          timestamptz, -- last valid time that processing accepted
    rows          bigint NOT NULL DEFAULT 0, -- stored or corrected
    seen          bigint NOT NULL DEFAULT 0, -- both up to this raw_object
    recount_at    timestamptz, -- to be looked at again
    UNIQUE (collection, provider, dataset, args)
);
CREATE INDEX ON collection_item (recount_at) WHERE recount_at IS NOT NULL;

-- What is on its way, or waits to be asked for again.
CREATE TABLE collection_slice (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    collection bigint NOT NULL REFERENCES collection,
    item       bigint NOT NULL REFERENCES collection_item,
    fill       boolean NOT NULL, -- of the back-fill
    args       jsonb NOT NULL, -- the whole question
    slice_from date NOT NULL,
    slice_to   date NOT NULL,
    job        bigint, -- of ingest_job; null: waits
    not_before timestamptz, -- of one that waits
    attempts   integer NOT NULL DEFAULT 0, -- jobs that failed
    error      text,
    UNIQUE (item, fill, args)
);
CREATE UNIQUE INDEX collection_slice_one ON collection_slice (item) WHERE fill;
CREATE INDEX ON collection_slice (collection);
CREATE INDEX ON collection_slice (job);

-- The answers to an item's questions: its arguments and those of a slice.
-- Asked for as it stands here by the ingestion (ingestion_store_items.c).
CREATE INDEX raw_object_question ON raw_object (provider, dataset,
    (args - '{date,end,month,outputsize,page,per_page,start}'::text[]), id);

-- Whoever ends a job of a collection wakes the planners.
CREATE FUNCTION ingest_job_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('wizdata_plan', '');
    RETURN NULL;
END
$$;
CREATE TRIGGER ingest_job_ended AFTER UPDATE OF status ON ingest_job
    FOR EACH ROW WHEN (NEW.collection IS NOT NULL
                       AND NEW.status IN ('done', 'failed'))
    EXECUTE FUNCTION ingest_job_ended();

-- Its queued jobs wait, but for those that another collection waits for.
CREATE FUNCTION collection_hold(c bigint) RETURNS void LANGUAGE sql AS $$
    UPDATE ingest_job j SET collection = o.collection
    FROM collection_slice s, collection_slice o, collection x
    WHERE s.collection = c AND j.id = s.job AND j.collection = c
          AND j.status = 'queued' AND o.job = j.id AND o.collection = x.id
          AND x.id <> c AND NOT x.paused;
    UPDATE ingest_job j SET status = 'paused'
    FROM collection_slice s
    WHERE s.collection = c AND j.id = s.job AND j.collection = c
          AND j.status = 'queued';
$$;

CREATE FUNCTION collection_release(c bigint) RETURNS void LANGUAGE sql AS $$
    WITH freed AS (
        UPDATE ingest_job j SET status = 'queued', collection = c
        FROM collection_slice s
        WHERE s.collection = c AND j.id = s.job AND j.status = 'paused'
        RETURNING j.provider)
    SELECT pg_notify('wizdata_ingest', provider)
    FROM (SELECT DISTINCT provider FROM freed) x;
$$;

-- Slices that nobody wants any more, of items that are not active or of all:
-- a job that waits is canceled unless another collection waits for it.
CREATE FUNCTION collection_drop(c bigint, whole boolean) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    gone bigint[] := ARRAY(
        SELECT s.id FROM collection_slice s JOIN collection_item i
        ON i.id = s.item WHERE s.collection = c AND (whole OR NOT i.active));
    jobs bigint[] := ARRAY(
        SELECT job FROM collection_slice WHERE id = ANY(gone)
        AND job IS NOT NULL);
BEGIN
    DELETE FROM collection_slice WHERE id = ANY(gone);
    UPDATE ingest_job j SET collection = o.collection
    FROM collection_slice o
    WHERE j.id = ANY(jobs) AND j.collection = c AND o.job = j.id
          AND j.status IN ('queued', 'paused');
    UPDATE ingest_job j SET status = 'failed', error_class = 'canceled',
        error = 'The collection does not want it any more',
        finished_at = clock_timestamp()
    WHERE j.id = ANY(jobs) AND j.collection = c
          AND j.status IN ('queued', 'paused')
          AND NOT EXISTS (SELECT 1 FROM collection_slice o WHERE o.job = j.id);
END
$$;
