-- Identity, market facts, provenance, bus and bookkeeping.
--
-- Bitemporal: a fact table holds the current version of a fact with the time
-- it became known (known_at: fetch time of the payload it came from); the
-- versions it replaced stand in the table's _history twin, known from
-- known_at to superseded_at. What was known at T is
--     current where known_at <= T
--     union all history where known_at <= T and T < superseded_at.

-- Lake objects that were processed; id is the manifest's sequence number.
CREATE TABLE raw_object (
    id          bigint PRIMARY KEY,
    key         text NOT NULL,
    sha256      text NOT NULL,
    provider    text NOT NULL,
    dataset     text NOT NULL,
    args        jsonb NOT NULL,
    size        bigint NOT NULL,
    fetched_at  timestamptz NOT NULL,
    outcome     text NOT NULL, -- stored, empty, rejected, error
    stored      integer NOT NULL DEFAULT 0, -- new facts
    corrected   integer NOT NULL DEFAULT 0, -- facts that replaced others
    unchanged   integer NOT NULL DEFAULT 0,
    flagged     integer NOT NULL DEFAULT 0,
    rejected    integer NOT NULL DEFAULT 0,
    reason      text -- of a payload that gave nothing
);

-- Providers as small numbers, so that a bar does not repeat their names.
CREATE TABLE source (
    id   smallint PRIMARY KEY,
    name text NOT NULL UNIQUE
);
INSERT INTO source VALUES (1, 'alphavantage'), (2, 'worldbank');

CREATE TABLE instrument (
    id         integer PRIMARY KEY, -- given in order of first sight
    symbol     text NOT NULL UNIQUE, -- upper case
    type       text NOT NULL DEFAULT 'other',
    name       text,
    exchange   text,
    currency   text,
    country    text,
    sector     text,
    industry   text,
    timezone   text,
    source     smallint NOT NULL REFERENCES source,
    raw_id     bigint NOT NULL, -- payload that described it last
    known_at   timestamptz NOT NULL,
    CHECK (type IN ('equity', 'etf', 'fund', 'fx', 'crypto', 'index',
                    'commodity', 'other')),
    CHECK (symbol = upper(symbol))
);

-- A provider's own name for an instrument.
CREATE TABLE instrument_alias (
    source        smallint NOT NULL REFERENCES source,
    symbol        text NOT NULL,
    instrument_id integer NOT NULL REFERENCES instrument,
    PRIMARY KEY (source, symbol)
);

-- Descriptive figures (overview): one row per field and period.
CREATE TABLE fundamental (
    instrument_id integer NOT NULL REFERENCES instrument,
    source        smallint NOT NULL,
    field         text NOT NULL, -- as the provider names it
    period        text NOT NULL DEFAULT '', -- fiscal period, '' if none
    value         text, -- null: the provider said it has none
    raw_id        bigint NOT NULL,
    known_at      timestamptz NOT NULL,
    PRIMARY KEY (instrument_id, source, field, period)
);
CREATE TABLE fundamental_history (
    LIKE fundamental, superseded_at timestamptz NOT NULL
);
CREATE INDEX ON fundamental_history (instrument_id, source, field, period);

-- Price bars, as traded. timeframe: 1 1m, 2 5m, 3 15m, 4 30m, 5 1h, 6 1d,
-- 7 1w, 8 1mo. ts: start of an intraday bar; midnight UTC of the trading date
-- of a daily one. quality: bit set of flags, 0 is clean:
-- 1 open or close outside low..high, 2 zero volume, 4 newest row of its
-- payload for a period that was not over, 8 jump without corporate action.
CREATE TABLE bar (
    instrument_id integer NOT NULL,
    timeframe     smallint NOT NULL,
    source        smallint NOT NULL,
    quality       smallint NOT NULL DEFAULT 0,
    ts            timestamptz NOT NULL,
    open          double precision NOT NULL,
    high          double precision NOT NULL,
    low           double precision NOT NULL,
    close         double precision NOT NULL,
    volume        double precision, -- null: not reported (fx)
    raw_id        bigint NOT NULL,
    known_at      timestamptz NOT NULL,
    PRIMARY KEY (instrument_id, timeframe, source, ts)
) PARTITION BY LIST (timeframe);
CREATE TABLE bar_daily PARTITION OF bar FOR VALUES IN (6, 7, 8);
CREATE TABLE bar_intraday PARTITION OF bar FOR VALUES IN (1, 2, 3, 4, 5);

CREATE TABLE bar_history (
    LIKE bar, superseded_at timestamptz NOT NULL
);
CREATE INDEX ON bar_history (instrument_id, timeframe, source, ts);

-- Splits (value: new shares per old one) and cash dividends (value: amount
-- per share) by ex-date.
CREATE TABLE corporate_action (
    instrument_id integer NOT NULL REFERENCES instrument,
    source        smallint NOT NULL,
    ex_date       date NOT NULL,
    kind          text NOT NULL CHECK (kind IN ('split', 'dividend')),
    value         double precision NOT NULL,
    raw_id        bigint NOT NULL,
    known_at      timestamptz NOT NULL,
    PRIMARY KEY (instrument_id, source, ex_date, kind)
);
CREATE TABLE corporate_action_history (
    LIKE corporate_action, superseded_at timestamptz NOT NULL
);
CREATE INDEX ON corporate_action_history (instrument_id, source, ex_date, kind);

-- Latest quote by trading day, as the provider summarised it.
CREATE TABLE quote (
    instrument_id  integer NOT NULL REFERENCES instrument,
    source         smallint NOT NULL,
    ts             timestamptz NOT NULL, -- midnight UTC of the trading day
    price          double precision NOT NULL,
    open           double precision,
    high           double precision,
    low            double precision,
    volume         double precision,
    previous_close double precision,
    quality        smallint NOT NULL DEFAULT 0,
    raw_id         bigint NOT NULL,
    known_at       timestamptz NOT NULL,
    PRIMARY KEY (instrument_id, source, ts)
);
CREATE TABLE quote_history (
    LIKE quote, superseded_at timestamptz NOT NULL
);
CREATE INDEX ON quote_history (instrument_id, source, ts);

-- Macro-economic series and their observations.
CREATE TABLE macro_series (
    id           integer PRIMARY KEY, -- given in order of first sight
    source       smallint NOT NULL REFERENCES source,
    indicator    text NOT NULL,
    country      text NOT NULL, -- ISO 3166 alpha-3 where there is one
    country2     text, -- the provider's own id, mostly alpha-2
    name         text,
    country_name text,
    unit         text,
    aggregate    boolean NOT NULL DEFAULT false, -- a region or income group
    UNIQUE (source, indicator, country)
);
CREATE INDEX ON macro_series (indicator, country2);

-- ts: first day of the period; frequency: A, Q, M, D. A null value says that
-- the provider has the period and no figure for it.
CREATE TABLE observation (
    series_id integer NOT NULL REFERENCES macro_series,
    frequency "char" NOT NULL,
    quality   smallint NOT NULL DEFAULT 0,
    ts        date NOT NULL,
    value     double precision,
    status    text,
    raw_id    bigint NOT NULL,
    known_at  timestamptz NOT NULL,
    PRIMARY KEY (series_id, ts, frequency)
);
CREATE TABLE observation_history (
    LIKE observation, superseded_at timestamptz NOT NULL
);
CREATE INDEX ON observation_history (series_id, ts, frequency);

-- Records, and whole payloads (record -1), that were not taken over.
CREATE TABLE reject (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    raw_id   bigint NOT NULL,
    provider text NOT NULL,
    dataset  text NOT NULL,
    record   integer NOT NULL, -- position in the payload, from 0
    reason   text NOT NULL, -- ohlc_order, not_a_number, future_time, ...
    detail   text NOT NULL, -- the rule with the figures
    sample   text, -- the record as it came, cut
    known_at timestamptz NOT NULL
);
CREATE INDEX ON reject (raw_id);
CREATE INDEX ON reject (provider, reason, id);

-- Bus: offsets without gaps, in commit order (the topic's row is locked by
-- its publisher until commit).
CREATE TABLE bus_topic (
    topic text PRIMARY KEY,
    last  bigint NOT NULL DEFAULT 0
);
INSERT INTO bus_topic (topic)
VALUES ('raw.object'), ('valid.records'), ('rejected.records');

CREATE TABLE bus_event (
    topic      text NOT NULL REFERENCES bus_topic,
    "offset"   bigint NOT NULL,
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    event      jsonb NOT NULL,
    PRIMARY KEY (topic, "offset")
);

CREATE TABLE bus_offset (
    topic    text NOT NULL REFERENCES bus_topic,
    grp      text NOT NULL,
    "offset" bigint NOT NULL DEFAULT 0, -- last one consumed
    PRIMARY KEY (topic, grp)
);

-- How far the lake's manifest has been published to raw.object.
CREATE TABLE lake_cursor (
    lake text PRIMARY KEY,
    seq  bigint NOT NULL
);
INSERT INTO lake_cursor VALUES ('main', 0);

-- Collection jobs.
CREATE TABLE ingest_job (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider    text NOT NULL,
    dataset     text NOT NULL,
    args        jsonb NOT NULL,
    status      text NOT NULL DEFAULT 'queued'
                CHECK (status IN ('queued', 'running', 'done', 'failed')),
    asked_by    text,
    created_at  timestamptz NOT NULL DEFAULT now(),
    started_at  timestamptz,
    finished_at timestamptz,
    attempts    integer NOT NULL DEFAULT 0,
    not_before  timestamptz NOT NULL DEFAULT now(),
    objects     integer NOT NULL DEFAULT 0, -- lake objects written
    error_class text,
    error       text
);
CREATE INDEX ON ingest_job (provider, not_before) WHERE status = 'queued';

-- Users and API keys.
CREATE TABLE plan (
    name        text PRIMARY KEY,
    description text NOT NULL
);
INSERT INTO plan VALUES ('default', 'What a key gets when nothing is said');

CREATE TABLE app_user (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email         text NOT NULL,
    name          text,
    password_hash text, -- Argon2id; null: no login
    disabled      boolean NOT NULL DEFAULT false,
    created_at    timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX ON app_user (lower(email));

-- Of a key only a keyed hash (BLAKE2b with the pepper) of its digest is kept.
CREATE TABLE api_key (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id     bigint NOT NULL REFERENCES app_user,
    hash        bytea NOT NULL UNIQUE,
    prefix      text NOT NULL, -- wd_live_ab12, for display
    last4       text NOT NULL,
    name        text,
    permissions text[] NOT NULL,
    plan        text NOT NULL REFERENCES plan,
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz,
    revoked_at  timestamptz
);
CREATE INDEX ON api_key (user_id);
