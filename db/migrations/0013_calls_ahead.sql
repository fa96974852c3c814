-- Calls that live runs of collections still need: of those that the calls of
-- a day go to, they are the first. Written by the planners, which know the
-- schedules.

ALTER TABLE collection
    ADD COLUMN ahead_day date, -- of UTC; null: nobody has looked yet
    ADD COLUMN ahead_calls bigint NOT NULL DEFAULT 0, -- until its end
    ADD COLUMN ahead_next bigint NOT NULL DEFAULT 0; -- of the day after
