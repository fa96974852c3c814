-- Both sides of a quote, where its provider gives them. quality: 16 says that
-- the bid is above the ask.

ALTER TABLE quote
    ADD COLUMN bid double precision,
    ADD COLUMN ask double precision;
ALTER TABLE quote_history
    ADD COLUMN bid double precision,
    ADD COLUMN ask double precision;
