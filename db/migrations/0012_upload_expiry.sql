-- Uploads are forgotten some time after they ended, and those whose receiver
-- gives no sign any more have failed: what is to be looked at for that is
-- found without reading all of the table.

CREATE INDEX ingest_upload_ended ON ingest_upload (finished_at)
    WHERE finished_at IS NOT NULL;
CREATE INDEX ingest_upload_open ON ingest_upload (id)
    WHERE state IN ('receiving', 'stored');
