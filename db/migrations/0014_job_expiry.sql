-- Jobs are forgotten some time after they ended.

CREATE INDEX ingest_job_ended ON ingest_job (finished_at)
    WHERE status IN ('done', 'failed');
CREATE INDEX collection_slice_job ON collection_slice (job)
    WHERE job IS NOT NULL;
