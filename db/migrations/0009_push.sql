-- Uploads of clients. One with a key is one push however often it is sent; the
-- receiver holds it by a lease, so that one whose process is gone is taken
-- over. What it gave is told by raw_object and reject of its parts until all
-- of them were processed, and is then kept here.

CREATE TABLE ingest_upload (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    principal   text NOT NULL,
    idem_key    text, -- null: none was sent
    dataset     text NOT NULL,
    format      text NOT NULL, -- csv, json, ndjson, msgpack
    state       text NOT NULL DEFAULT 'receiving'
                CHECK (state IN ('receiving', 'stored', 'done', 'failed')),
    worker      text NOT NULL, -- that receives it
    lease_until timestamptz NOT NULL,
    lake_from   bigint NOT NULL, -- its parts are behind this manifest row
    sha256      text, -- of the body, decompressed
    bytes       bigint,
    records     bigint,
    parts       bigint[] NOT NULL DEFAULT '{}', -- rows of the manifest
    accepted    bigint, -- those three when it is done
    duplicate   bigint,
    rejected    bigint,
    error       text,
    created_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
);
CREATE UNIQUE INDEX ingest_upload_key ON ingest_upload (principal, idem_key)
    WHERE idem_key IS NOT NULL;
