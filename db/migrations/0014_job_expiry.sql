-- Jobs are forgotten some time after they ended.

CREATE INDEX ingest_job_finished_at ON ingest_job (finished_at)
    WHERE status IN ('done', 'failed');
