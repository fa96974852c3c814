-- How far collections are behind: the oldest run whose rows have not come.

ALTER TABLE collection_item
    ADD COLUMN due_since timestamptz; -- of that run; null: all have come

UPDATE collection_item SET due_since = live_at WHERE live_to IS NOT NULL;

-- Slices that nobody wants any more, of items that are not active or of all:
-- a job that waits is canceled unless another collection waits for it. What a
-- live run was to bring has then not come: if the item returns, it is due.
CREATE OR REPLACE FUNCTION collection_drop(c bigint, whole boolean)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    gone bigint[] := ARRAY(
        SELECT s.id FROM collection_slice s JOIN collection_item i
        ON i.id = s.item WHERE s.collection = c AND (whole OR NOT i.active));
    jobs bigint[] := ARRAY(
        SELECT job FROM collection_slice WHERE id = ANY(gone)
        AND job IS NOT NULL);
BEGIN
    UPDATE collection_item SET live_at = NULL, live_to = NULL
    WHERE id IN (SELECT item FROM collection_slice
                 WHERE id = ANY(gone) AND NOT fill);
    UPDATE collection_item SET due_since = NULL
    WHERE collection = c AND due_since IS NOT NULL AND (whole OR NOT active);
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
