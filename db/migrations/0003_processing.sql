-- Processing: what time a payload's records cover, and counts by data set.

ALTER TABLE raw_object
    ADD COLUMN data_from timestamptz, -- first valid time that was accepted
    ADD COLUMN data_to   timestamptz; -- last one; null: nothing with a time

CREATE INDEX ON raw_object (provider, dataset);
