-- What further providers bring: trades, quotes of moments, identifiers, news,
-- units of figures, and the lists that macro-economic series belong to. All
-- of it has versions, as 0001_core.sql says.

-- Of LSEG's stream and its history of ticks each has numbers and times of its
-- own: what both bring of one instrument cannot be told to be the same.
INSERT INTO source VALUES (7, 'lseg_stream');

-- Quotes. ts is midnight UTC of the trading day where only the day is told,
-- else the moment. seq: the provider's number of a quote of a moment, 0 where
-- it gives none; of equal ts the highest is the last. Some providers give the
-- two sides of a quote and no price.
ALTER TABLE quote
    ALTER COLUMN price DROP NOT NULL,
    ADD COLUMN seq      bigint NOT NULL DEFAULT 0,
    ADD COLUMN bid_size double precision,
    ADD COLUMN ask_size double precision,
    ADD CHECK (coalesce(price, bid, ask) IS NOT NULL),
    DROP CONSTRAINT quote_pkey,
    ADD PRIMARY KEY (instrument_id, source, ts, seq);
ALTER TABLE quote_history
    ALTER COLUMN price DROP NOT NULL,
    ADD COLUMN seq      bigint NOT NULL DEFAULT 0,
    ADD COLUMN bid_size double precision,
    ADD COLUMN ask_size double precision;

-- Trades. They have no natural key: several may happen at one moment, for one
-- price. seq is the provider's number where it gives one. Where it gives none,
-- seq is negative, made of price, size, and how many of the same moment are
-- alike: a payload that comes twice, or overlaps another one, gives the same.
-- size: null where it is not told. quality: 2 size is zero.
CREATE TABLE trade (
    instrument_id integer NOT NULL,
    source        smallint NOT NULL,
    quality       smallint NOT NULL DEFAULT 0,
    ts            timestamptz NOT NULL,
    seq           bigint NOT NULL,
    price         double precision NOT NULL,
    size          double precision,
    raw_id        bigint NOT NULL,
    known_at      timestamptz NOT NULL,
    PRIMARY KEY (instrument_id, source, ts, seq)
) PARTITION BY RANGE (ts);

-- Years, so that old ones can be taken off. What lies outside has a place, too.
DO $$
BEGIN
    FOR y IN 2000 .. 2049 LOOP
        EXECUTE format('CREATE TABLE trade_%s PARTITION OF trade '
            'FOR VALUES FROM (%L) TO (%L)', y,
            make_timestamptz(y, 1, 1, 0, 0, 0, 'UTC'),
            make_timestamptz(y + 1, 1, 1, 0, 0, 0, 'UTC'));
    END LOOP;
END
$$;
CREATE TABLE trade_other PARTITION OF trade DEFAULT;

CREATE TABLE trade_history (
    LIKE trade, superseded_at timestamptz NOT NULL
);
CREATE INDEX ON trade_history (instrument_id, source, ts, seq);

-- Figures: the same one in two currencies are two.
ALTER TABLE fundamental
    ADD COLUMN unit text NOT NULL DEFAULT '', -- '' if none is told
    DROP CONSTRAINT fundamental_pkey,
    ADD PRIMARY KEY (instrument_id, source, field, period, unit);
ALTER TABLE fundamental_history
    ADD COLUMN unit text NOT NULL DEFAULT '';

-- Names of an instrument beside its symbol, one of each scheme.
CREATE TABLE instrument_identifier (
    instrument_id integer NOT NULL REFERENCES instrument,
    source        smallint NOT NULL REFERENCES source,
    scheme        text NOT NULL, -- ISIN, CUSIP, SEDOL, LEI, FIGI, RIC, ...
    value         text NOT NULL,
    raw_id        bigint NOT NULL,
    known_at      timestamptz NOT NULL,
    PRIMARY KEY (instrument_id, source, scheme)
);
CREATE INDEX ON instrument_identifier (value, scheme);
CREATE TABLE instrument_identifier_history (
    LIKE instrument_identifier, superseded_at timestamptz NOT NULL
);
CREATE INDEX ON instrument_identifier_history (instrument_id, source, scheme);
CREATE INDEX ON instrument_identifier_history (value, scheme);

-- News: of one provider an item is its URL.
CREATE TABLE news (
    id        bigint PRIMARY KEY, -- given in order of first sight
    source    smallint NOT NULL REFERENCES source,
    url       text NOT NULL,
    ts        timestamptz NOT NULL, -- when it was published
    title     text NOT NULL,
    summary   text,
    publisher text,
    sentiment double precision, -- -1 to 1; null: not told
    raw_id    bigint NOT NULL,
    known_at  timestamptz NOT NULL,
    UNIQUE (source, url)
);
CREATE INDEX ON news (ts, id);
CREATE TABLE news_history (
    LIKE news, superseded_at timestamptz NOT NULL
);
CREATE INDEX ON news_history (id);
CREATE INDEX ON news_history (ts, id);

-- Whom news is about, as the provider writes them: instruments where
-- instrument_alias or instrument has the symbol.
CREATE TABLE news_mention (
    news_id   bigint NOT NULL REFERENCES news,
    symbol    text NOT NULL,
    relevance double precision, -- 0 to 1; null: not told
    sentiment double precision,
    raw_id    bigint NOT NULL,
    known_at  timestamptz NOT NULL,
    PRIMARY KEY (news_id, symbol)
);
CREATE INDEX ON news_mention (symbol, news_id);
CREATE TABLE news_mention_history (
    LIKE news_mention, superseded_at timestamptz NOT NULL
);
CREATE INDEX ON news_mention_history (news_id, symbol);
CREATE INDEX ON news_mention_history (symbol, news_id);

-- Lists of a provider of macro-economic series. code: as in macro_series
-- (country, indicator), or the provider's own id.
CREATE TABLE macro_country (
    source            smallint NOT NULL REFERENCES source,
    code              text NOT NULL, -- alpha-3
    name              text,
    iso2              text,
    aggregate         boolean, -- a region or income group, not an economy
    region_code       text,
    region            text,
    admin_region_code text,
    admin_region      text,
    income_code       text,
    income_level      text,
    lending_code      text,
    lending_type      text,
    capital           text,
    longitude         double precision,
    latitude          double precision,
    raw_id            bigint NOT NULL,
    known_at          timestamptz NOT NULL,
    PRIMARY KEY (source, code)
);
CREATE TABLE macro_country_history (
    LIKE macro_country, superseded_at timestamptz NOT NULL
);
CREATE INDEX ON macro_country_history (source, code);

CREATE TABLE macro_indicator (
    source        smallint NOT NULL REFERENCES source,
    code          text NOT NULL,
    name          text,
    unit          text,
    database_code text, -- of macro_database
    database      text,
    note          text,
    organization  text,
    topic_codes   text, -- "21;11", of the list topics of macro_group
    topics        text, -- "Trade;Poverty"
    raw_id        bigint NOT NULL,
    known_at      timestamptz NOT NULL,
    PRIMARY KEY (source, code)
);
CREATE TABLE macro_indicator_history (
    LIKE macro_indicator, superseded_at timestamptz NOT NULL
);
CREATE INDEX ON macro_indicator_history (source, code);

-- What the World Bank calls its sources.
CREATE TABLE macro_database (
    source             smallint NOT NULL REFERENCES source,
    code               text NOT NULL, -- "2"
    name               text,
    short              text, -- "WDI"
    description        text,
    url                text,
    updated            date,
    data_available     text, -- Y, N
    metadata_available text,
    concepts           double precision,
    raw_id             bigint NOT NULL,
    known_at           timestamptz NOT NULL,
    PRIMARY KEY (source, code)
);
CREATE TABLE macro_database_history (
    LIKE macro_database, superseded_at timestamptz NOT NULL
);
CREATE INDEX ON macro_database_history (source, code);

-- Groups of countries and of indicators; list: topics, regions,
-- income_levels, lending_types.
CREATE TABLE macro_group (
    source   smallint NOT NULL REFERENCES source,
    list     text NOT NULL,
    code     text NOT NULL,
    name     text,
    iso2     text,
    note     text,
    raw_id   bigint NOT NULL,
    known_at timestamptz NOT NULL,
    PRIMARY KEY (source, list, code)
);
CREATE TABLE macro_group_history (
    LIKE macro_group, superseded_at timestamptz NOT NULL
);
CREATE INDEX ON macro_group_history (source, list, code);
