#!/usr/bin/env python3
"""Make the sample market: provider-shaped answers from openly licensed figures.

usage: make-market.py [--without-djia] SOURCE [TARGET]

SOURCE is a folder with the source tables (layout: see paths below, origins:
LICENSES/README.md); TARGET is the folder to write, by default the one that
holds this script.  The same input always gives the same bytes: no clock, no
locale, no directory order goes into the output, and gzip members carry
neither a name nor a time (as `gzip -n -9`).

--without-djia leaves out the fourteen series whose licence rests on the
statement of their uploader alone (LICENSES/README.md, row D1).
"""

import csv
import datetime
import gzip
import json
import os
import re
import shutil
import sys
import zlib
from decimal import Decimal, ROUND_HALF_UP

COMPACT = 100           # rows of outputsize=compact
DAILY_FIRST = "2006-01-03"

# symbol: name, exchange, type, sector, industry, first usable day.
# The first day matters where a ticker had an earlier, unrelated owner:
# raw files are kept per ticker, so the rows before it belong to another
# security (FB before the Facebook IPO, EEM before the fund, BAC while the
# present company still traded as NB).
LEAN = {
    "AAPL": ("Apple Inc", "NASDAQ", "Equity", "Information Technology",
             "Technology Hardware, Storage & Peripherals", "1998-01-02"),
    "BAC": ("Bank of America Corp", "NYSE", "Equity", "Financials",
            "Diversified Banks", "1998-10-01"),
    "EEM": ("iShares MSCI Emerging Markets ETF", "NYSE ARCA", "ETF", None,
            None, "2003-04-11"),
    "FB": ("Facebook Inc", "NASDAQ", "Equity", "Communication Services",
           "Interactive Media & Services", "2012-05-18"),
    "IBM": ("International Business Machines Corp", "NYSE", "Equity",
            "Information Technology", "IT Consulting & Other Services",
            "1998-01-02"),
    "SPY": ("SPDR S&P 500 ETF Trust", "NYSE ARCA", "ETF", None, None,
            "1998-01-02"),
}
DJIA = {
    "AMZN": ("Amazon.com Inc", "NASDAQ", "Equity", "Consumer Discretionary",
             "Broadline Retail", DAILY_FIRST),
    "BA": ("Boeing Company", "NYSE", "Equity", "Industrials",
           "Aerospace & Defense", DAILY_FIRST),
    "CSCO": ("Cisco Systems Inc", "NASDAQ", "Equity",
             "Information Technology", "Communications Equipment",
             DAILY_FIRST),
    "DIS": ("Walt Disney Company", "NYSE", "Equity",
            "Communication Services", "Movies & Entertainment", DAILY_FIRST),
    "HD": ("Home Depot Inc", "NYSE", "Equity", "Consumer Discretionary",
           "Home Improvement Retail", DAILY_FIRST),
    "INTC": ("Intel Corp", "NASDAQ", "Equity", "Information Technology",
             "Semiconductors", DAILY_FIRST),
    "JPM": ("JPMorgan Chase & Co", "NYSE", "Equity", "Financials",
            "Diversified Banks", DAILY_FIRST),
    "MCD": ("McDonald's Corp", "NYSE", "Equity", "Consumer Discretionary",
            "Restaurants", DAILY_FIRST),
    "MRK": ("Merck & Company Inc", "NYSE", "Equity", "Health Care",
            "Pharmaceuticals", DAILY_FIRST),
    "NKE": ("Nike Inc", "NYSE", "Equity", "Consumer Discretionary",
            "Apparel, Accessories & Luxury Goods", DAILY_FIRST),
    "PG": ("Procter & Gamble Company", "NYSE", "Equity", "Consumer Staples",
           "Personal Care Products", DAILY_FIRST),
    "UNH": ("UnitedHealth Group Inc", "NYSE", "Equity", "Health Care",
            "Managed Health Care", DAILY_FIRST),
    "VZ": ("Verizon Communications Inc", "NYSE", "Equity",
           "Communication Services",
           "Integrated Telecommunication Services", DAILY_FIRST),
    "XOM": ("Exxon Mobil Corp", "NYSE", "Equity", "Energy",
            "Integrated Oil & Gas", DAILY_FIRST),
}
FX = ("EURUSD", "EURGBP")
CURRENCIES = {"EUR": "Euro", "USD": "United States Dollar",
              "GBP": "British Pound Sterling"}

# Series cut out of the 2019 edition of the World Bank ESG data (source 75);
# only those whose series metadata says CC BY 4.0.
ESG = {
    "NY.GDP.MKTP.KD.ZG": "GDP growth (annual %)",
    "SP.DYN.LE00.IN": "Life expectancy at birth, total (years)",
    "SP.POP.65UP.TO.ZS":
        "Population ages 65 and above (% of total population)",
    "SL.UEM.TOTL.ZS":
        "Unemployment, total (% of total labor force) (modeled ILO estimate)",
    "GE.EST": "Government Effectiveness: Estimate",
}
CPI = "FP.CPI.TOTL.ZG"
GDP = "NY.GDP.MKTP.CD"
# Countries that also get answers of their own (all of them in the CPI table).
WB_COUNTRIES = ("AUS", "BRA", "CAN", "CHN", "DEU", "EMU", "FRA", "IND", "ITA",
                "JPN", "WLD")
WB_RANGE = "2000:2020"


class Market:
    """The target folder and what has been written into it."""

    def __init__(self, source, target):
        self.source = source
        self.target = target
        self.instruments = []
        self.feed = []
        self.faults = []
        self.inventory = []

    def read_csv(self, path):
        opener = gzip.open if path.endswith(".gz") else open
        with opener(os.path.join(self.source, path), "rt",
                    encoding="utf-8-sig", newline="") as f:
            return list(csv.DictReader(f))

    def read_json(self, path):
        opener = gzip.open if path.endswith(".gz") else open
        with opener(os.path.join(self.source, path), "rt",
                    encoding="utf-8-sig") as f:
            return json.load(f)

    def write_plain(self, path, text):
        full = os.path.join(self.target, path)
        os.makedirs(os.path.dirname(full) or ".", exist_ok=True)
        with open(full, "wb") as f:
            f.write(text.encode())

    def write(self, path, text, rows=None, span=None):
        """Store text as path + ".gz"; rows and span go to the inventory."""
        full = os.path.join(self.target, path + ".gz")
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "wb") as f:
            f.write(gzip_bytes(text.encode()))
        if rows is not None:
            first, last = span if span else ("-", "-")
            self.inventory.append((path + ".gz", rows, first, last))


def gzip_bytes(data):
    # gzip.compress() would do, but its header bytes differ between versions
    # of Python; these ten are what `gzip -n -9` writes on Unix.
    packer = zlib.compressobj(9, zlib.DEFLATED, -15, 9)
    body = packer.compress(data) + packer.flush()
    tail = zlib.crc32(data).to_bytes(4, "little") \
        + (len(data) & 0xffffffff).to_bytes(4, "little")
    return b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03" + body + tail


def dumps(value):
    return json.dumps(value, indent=4, ensure_ascii=False)


def span(rows):
    """First and last day of rows that are sorted newest first."""
    return (rows[-1][0][:10], rows[0][0][:10]) if rows else ("-", "-")


# -- Alpha Vantage ---------------------------------------------------------

def price4(value):
    return "%.4f" % float(value)


def av_series(meta, key, fields, rows):
    """Rows are (label, value...), newest first; values are strings."""
    return dumps({
        "Meta Data": {"%d. %s" % (i, k): v
                      for i, (k, v) in enumerate(meta, 1)},
        key: {row[0]: {"%d. %s" % (i, k): v
                       for i, (k, v) in enumerate(zip(fields, row[1:]), 1)}
              for row in rows},
    })


def av_csv(fields, rows):
    """The provider's CSV names have "_" where its JSON names have a blank."""
    head = ["timestamp"] + [f.replace(" ", "_") for f in fields]
    return "".join(",".join(r) + "\r\n" for r in [head] + rows)


def av_sizes(rows):
    yield "compact", "Compact", rows[:COMPACT]
    yield "full", "Full size", rows


DAILY_FIELDS = ("open", "high", "low", "close", "volume")
ADJUSTED_FIELDS = ("open", "high", "low", "close", "adjusted close",
                   "volume", "dividend amount", "split coefficient")
FX_FIELDS = ("open", "high", "low", "close")


def lean_bars(market, symbol):
    """Oldest first: (date, open, high, low, close, volume) as numbers."""
    first = LEAN[symbol][5]
    return [(r["date"], float(r["open"]), float(r["high"]), float(r["low"]),
             float(r["close"]), int(r["volume"]))
            for r in market.read_csv("daily/lean_raw/%s.csv.gz" % symbol)
            if r["date"] >= first]


def djia_bars(market, symbol):
    """As lean_bars; a row with an empty cell cannot be a bar and is left out.

    Bars whose open or close lies outside low..high are kept: they are in the
    source, and a platform has to cope with them.  known-faults.tsv names
    them."""
    bars = []
    for r in market.read_csv("daily/djia_2006_2017/%s.csv.gz" % symbol):
        cells = [r[k] for k in ("Open", "High", "Low", "Close", "Volume")]
        if "" in cells:
            market.faults.append((symbol, r["Date"], "left out",
                                  "empty cell in the source"))
            continue
        o, h, l, c = (float(x) for x in cells[:4])
        if h < max(o, c) or l > min(o, c):
            market.faults.append((symbol, r["Date"], "kept",
                                  "open or close outside low..high"))
        bars.append((r["Date"], o, h, l, c, int(cells[4])))
    return bars


def factors(market, symbol):
    """Factor rows (last day, price factor, split factor, close), by date."""
    path = os.path.join(market.source,
                        "corporate_actions/factor_%s.csv" % symbol)
    if not os.path.exists(path):
        # FB: no dividend and no split in the years held, so no factor file.
        return [("9999-12-31", 1.0, 1.0, 0.0)]
    rows = []
    with open(path, encoding="ascii") as f:
        for line in f.read().split():
            day, price, split, close = line.split(",")
            rows.append(("%s-%s-%s" % (day[:4], day[4:6], day[6:]),
                         float(price), float(split), float(close)))
    return rows


def dividend_of(before, after):
    """The dividend between two factor rows.

    Factors carry seven digits, so the quotient is off by up to `noise`; the
    shortest decimal inside that band is the amount that was paid."""
    value = before[3] * (1 - before[1] / after[1])
    noise = before[3] * 1e-7 / after[1]
    if abs(value) <= noise:
        return 0.0
    for digits in (2, 3):
        if abs(value - round(value, digits)) <= noise:
            return round(value, digits)
    return round(value, 4)


def adjusted_rows(bars, rows):
    """Adjusted daily rows, newest first.

    A factor row holds for its own day and the days before it, back to the
    previous row.  So the factors change after the close of a row's day, and
    the next bar is the ex-date:
        price factor ratio = 1 - dividend / close   (close of the row's day)
        split factor ratio = 1 / split coefficient
    """
    out = []
    at = 0
    left = None         # the row whose last day lies just behind us
    for day, o, h, l, c, v in bars:
        dividend, split = 0.0, 1.0
        while rows[at][0] < day:
            left = rows[at]
            at += 1
            if left[3] > 1 and out:      # reference close 1 marks the start
                dividend += dividend_of(left, rows[at])
                split *= rows[at][2] / left[2]
        split = round(split, 3)     # factors carry seven digits
        adjusted = round(c * rows[at][1] * rows[at][2], 8)
        out.append([day] + [repr(x) for x in (o, h, l, c, adjusted)]
                   + [str(v), "%.4f" % dividend, repr(split)])
    out.reverse()
    return out


def make_daily(market, symbol, bars):
    rows = [[d] + [price4(x) for x in p] + [str(v)]
            for d, *p, v in reversed(bars)]
    for name, label, part in av_sizes(rows):
        base = "alphavantage/TIME_SERIES_DAILY/%s.%s" % (symbol, name)
        meta = (("Information",
                 "Daily Prices (open, high, low, close) and Volumes"),
                ("Symbol", symbol), ("Last Refreshed", rows[0][0]),
                ("Output Size", label), ("Time Zone", "US/Eastern"))
        market.write(base + ".json",
                     av_series(meta, "Time Series (Daily)", DAILY_FIELDS,
                               part), len(part), span(part))
        if name == "compact" or symbol == "IBM":
            market.write(base + ".csv", av_csv(DAILY_FIELDS, part),
                         len(part), span(part))
    return rows


def make_adjusted(market, symbol, bars):
    rows = adjusted_rows(bars, factors(market, symbol))
    for name, label, part in av_sizes(rows):
        base = "alphavantage/TIME_SERIES_DAILY_ADJUSTED/%s.%s" \
            % (symbol, name)
        meta = (("Information",
                 "Daily Time Series with Splits and Dividend Events"),
                ("Symbol", symbol), ("Last Refreshed", rows[0][0]),
                ("Output Size", label), ("Time Zone", "US/Eastern"))
        market.write(base + ".json",
                     av_series(meta, "Time Series (Daily)", ADJUSTED_FIELDS,
                               part), len(part), span(part))
        if name == "compact" or symbol == "IBM":
            market.write(base + ".csv", av_csv(ADJUSTED_FIELDS, part),
                         len(part), span(part))
    return rows


def make_quote(market, symbol, rows):
    """From the two newest daily rows."""
    today, before = rows[0], rows[1]
    change = Decimal(today[4]) - Decimal(before[4])
    percent = (change * 100 / Decimal(before[4])).quantize(
        Decimal("0.0001"), ROUND_HALF_UP)
    values = (("symbol", symbol), ("open", today[1]), ("high", today[2]),
              ("low", today[3]), ("price", today[4]), ("volume", today[5]),
              ("latest trading day", today[0]),
              ("previous close", before[4]), ("change", "%.4f" % change),
              ("change percent", "%s%%" % percent))
    base = "alphavantage/GLOBAL_QUOTE/" + symbol
    market.write(base + ".json", dumps(
        {"Global Quote": {"%02d. %s" % (i, k): v
                          for i, (k, v) in enumerate(values, 1)}}),
        1, (today[0], today[0]))
    market.write(base + ".csv",
                 "symbol,open,high,low,price,volume,latestDay,previousClose,"
                 "change,changePercent\r\n"
                 + ",".join(v for _, v in values) + "\r\n",
                 1, (today[0], today[0]))


OVERVIEW_KEYS = """Symbol AssetType Name Description CIK Exchange Currency
Country Sector Industry Address OfficialSite FiscalYearEnd LatestQuarter
MarketCapitalization EBITDA PERatio PEGRatio BookValue DividendPerShare
DividendYield EPS RevenuePerShareTTM ProfitMargin OperatingMarginTTM
ReturnOnAssetsTTM ReturnOnEquityTTM RevenueTTM GrossProfitTTM DilutedEPSTTM
QuarterlyEarningsGrowthYOY QuarterlyRevenueGrowthYOY AnalystTargetPrice
AnalystRatingStrongBuy AnalystRatingBuy AnalystRatingHold AnalystRatingSell
AnalystRatingStrongSell TrailingPE ForwardPE PriceToSalesRatioTTM
PriceToBookRatio EVToRevenue EVToEBITDA Beta 52WeekHigh 52WeekLow
50DayMovingAverage 200DayMovingAverage SharesOutstanding SharesFloat
PercentInsiders PercentInstitutions DividendDate ExDividendDate""".split()


def number2(value):
    """Two decimals at most, as the provider prints these fields."""
    return repr(round(value, 2))


def make_overview(market, symbol, info, bars, ex_dividend):
    """Only what follows from the bars and the list above; else "None".

    bars: oldest first, adjusted for splits, so that a split inside the
    window does not look like a crash."""
    last = datetime.date.fromisoformat(bars[-1][0])
    since = (last - datetime.timedelta(weeks=52)).isoformat()
    year = [b for b in bars if b[0] > since]
    closes = [b[4] for b in bars]
    known = {
        "Symbol": symbol, "AssetType": "Common Stock", "Name": info[0],
        "Exchange": info[1], "Currency": "USD", "Country": "USA",
        "Sector": info[3].upper(), "Industry": info[4].upper(),
        "52WeekHigh": number2(max(b[2] for b in year)),
        "52WeekLow": number2(min(b[3] for b in year)),
        "50DayMovingAverage": number2(sum(closes[-50:]) / 50),
        "200DayMovingAverage": number2(sum(closes[-200:]) / 200),
        "ExDividendDate": ex_dividend or "None",
    }
    market.write("alphavantage/OVERVIEW/%s.json" % symbol,
                 dumps({k: known.get(k, "None") for k in OVERVIEW_KEYS}),
                 1, (bars[-1][0], bars[-1][0]))


def split_adjusted(market, symbol, bars):
    rows = factors(market, symbol)
    out, at = [], 0
    for day, o, h, l, c, v in bars:
        while rows[at][0] < day:
            at += 1
        f = rows[at][2]
        out.append((day, o * f, h * f, l * f, c * f, v))
    return out


def make_intraday(market, symbol):
    """One-minute trades; the label is the start of the minute, New York
    time, as in the provider's answers since 2026."""
    rows = []
    for r in market.read_csv("minute/%s_trade.csv.gz" % symbol):
        seconds = int(r["ms_of_day"]) // 1000
        label = "%s %02d:%02d:%02d" % (r["date"], seconds // 3600,
                                       seconds // 60 % 60, seconds % 60)
        rows.append([label] + [price4(int(r[k]) / 10000)
                               for k in ("open", "high", "low", "close")]
                    + [r["volume"]])
    rows.sort(reverse=True)
    for name, label, part in av_sizes(rows):
        base = "alphavantage/TIME_SERIES_INTRADAY/%s.1min.2013-10.%s" \
            % (symbol, name)
        meta = (("Information",
                 "Intraday (1min) open, high, low, close prices and volume"),
                ("Symbol", symbol), ("Last Refreshed", rows[0][0]),
                ("Interval", "1min"), ("Output Size", label),
                ("Time Zone", "US/Eastern"))
        market.write(base + ".json",
                     av_series(meta, "Time Series (1min)", DAILY_FIELDS,
                               part), len(part), span(part))
        market.write(base + ".csv", av_csv(DAILY_FIELDS, part), len(part),
                     span(part))
    market.feed.append(("alphavantage", "intraday",
                        "symbol=%s&interval=1min&month=2013-10"
                        "&outputsize=full" % symbol))
    return rows


def make_fx(market, pair):
    """Mid of bid and ask, five decimals."""
    rows = []
    for r in market.read_csv("fx/%s_daily_bidask.csv.gz" % pair):
        mids = [((Decimal(r["bid_" + k]) + Decimal(r["ask_" + k])) / 2)
                .quantize(Decimal("0.00001"), ROUND_HALF_UP)
                for k in FX_FIELDS]
        rows.append([r["date"]] + [str(x) for x in mids])
    rows.sort(reverse=True)
    for name, label, part in av_sizes(rows):
        base = "alphavantage/FX_DAILY/%s.%s" % (pair, name)
        meta = (("Information",
                 "Forex Daily Prices (open, high, low, close)"),
                ("From Symbol", pair[:3]), ("To Symbol", pair[3:]),
                ("Output Size", label),
                ("Last Refreshed", rows[0][0] + " 00:00:00"),
                ("Time Zone", "UTC"))
        market.write(base + ".json",
                     av_series(meta, "Time Series FX (Daily)", FX_FIELDS,
                               part), len(part), span(part))
        market.write(base + ".csv", av_csv(FX_FIELDS, part), len(part),
                     span(part))
    market.instruments.append((
        pair, "fx", "%s / %s" % (CURRENCIES[pair[:3]], CURRENCIES[pair[3:]]),
        "-", pair[3:], "fx_daily") + span(rows) + (len(rows),))
    market.feed.append(("alphavantage", "fx_daily",
                        "from_symbol=%s&to_symbol=%s&outputsize=full"
                        % (pair[:3], pair[3:])))


def make_search(market):
    """Answers for every symbol, every word and the full name of an entry.

    The score is 1 for the symbol itself, else the part of the name that the
    keyword covers; the provider's own formula is not published."""
    entries = dict(LEAN, **DJIA)
    keywords = set()
    for symbol, info in entries.items():
        words = re.findall(r"[a-z0-9.]+", info[0].lower().replace("'", ""))
        keywords.update(w for w in words if len(w) > 2)
        keywords.add(symbol.lower())
        keywords.add(" ".join(words))
    lines = ["# keywords=... to the name of an answer; made by "
             "make-market.py"]
    for word in sorted(keywords):
        found = []
        for symbol, info in entries.items():
            name = " ".join(re.findall(r"[a-z0-9.]+",
                                       info[0].lower().replace("'", "")))
            if word == symbol.lower():
                score = 1.0
            elif re.search(r"(^| )" + re.escape(word), name):
                score = len(word) / len(name)
            elif symbol.lower().startswith(word):
                score = len(word) / len(symbol)
            else:
                continue
            found.append((-score, symbol, info))
        found.sort(key=lambda x: x[:2])
        rows = [(symbol, info[0], info[2], "United States", "09:30", "16:00",
                 "UTC-04", "USD", "%.4f" % -score)
                for score, symbol, info in found]
        keys = ("symbol", "name", "type", "region", "marketOpen",
                "marketClose", "timezone", "currency", "matchScore")
        base = "alphavantage/SYMBOL_SEARCH/" + word.replace(" ", "_")
        market.write(base + ".json", dumps(
            {"bestMatches": [{"%d. %s" % (i, k): v for i, (k, v)
                              in enumerate(zip(keys, r), 1)}
                             for r in rows]}), len(rows))
        if " " in word:
            # A blank may come as "+" or "%20".
            pattern = "(\\+|%20)".join(re.escape(w) for w in word.split())
            lines.append('"~*^%s$" %s;' % (pattern, word.replace(" ", "_")))
        else:
            lines.append('"%s" "%s";' % (word, word))
    market.write("alphavantage/SYMBOL_SEARCH/none.json",
                 dumps({"bestMatches": []}), 0)
    market.write_plain("keywords.map", "\n".join(lines) + "\n")
    for word in ("international", "bank", "apple", "emerging",
                 "nosuchcompany"):
        market.feed.append(("alphavantage", "search", "keywords=" + word))


def make_fault_bodies(market, rows):
    """Bodies a client must survive, cut from real figures of IBM."""
    good = [list(r) for r in rows[:COMPACT]]
    bad = [r[:] for r in good]
    bad[10][2], bad[10][3] = bad[10][3], bad[10][2]     # high < low
    bad[20][4] = "-" + bad[20][4]                       # negative price
    bad[30][1] = "abc"                                  # not a number
    bad[40][5] = "-1"                                   # negative volume
    bad.insert(0, ["2099-01-02"] + bad[0][1:])          # far future
    doubled = bad[51][:]                                # a date twice, with
    doubled[4] = price4(float(doubled[4]) + 0.5)        # two closes
    bad.insert(52, doubled)
    meta = ('{\n    "Meta Data": {\n'
            '        "1. Information": "Daily Prices (open, high, low, close)'
            ' and Volumes",\n        "2. Symbol": "IBM",\n'
            '        "3. Last Refreshed": "%s",\n'
            '        "4. Output Size": "Compact",\n'
            '        "5. Time Zone": "US/Eastern"\n    },\n'
            '    "Time Series (Daily)": {\n' % good[0][0])

    def body(part):
        # By hand: json.dumps() cannot write the same key twice.
        return meta + ",\n".join(
            '        "%s": {\n' % r[0] + ",\n".join(
                '            "%d. %s": "%s"' % (i, k, v)
                for i, (k, v) in enumerate(zip(DAILY_FIELDS, r[1:]), 1))
            + "\n        }" for r in part) + "\n    }\n}"

    market.write("faults/badrows.json", body(bad), len(bad), span(good))
    whole = body(good)
    cut = whole[:whole.index('"3. low"', len(whole) // 2) + 14]
    market.write("faults/truncated.json", cut, None)
    # A gzip stream that ends early: the transfer itself is broken off.
    # Long enough that part of it is under way before the end is missed.
    packed = gzip_bytes(body(rows[:2000]).encode())
    with open(os.path.join(market.target, "faults/cut.json.gz"), "wb") as f:
        f.write(packed[:len(packed) // 2])
    market.inventory.append(("faults/truncated.json.gz", 0) + span(good))
    market.inventory.append(("faults/cut.json.gz", 0) + span(rows[:2000]))


def make_alphavantage(market):
    overview_feed, quote_feed = [], []
    for symbol, info in sorted(dict(LEAN, **DJIA).items()):
        lean = symbol in LEAN
        bars = lean_bars(market, symbol) if lean else djia_bars(market,
                                                                symbol)
        rows = make_daily(market, symbol, bars)
        make_quote(market, symbol, rows)
        datasets = ["daily", "quote"]
        ex_dividend = None
        if lean:
            adjusted = make_adjusted(market, symbol, bars)
            datasets.insert(1, "daily_adjusted")
            ex_dividend = next((r[0] for r in adjusted if r[7] != "0.0000"),
                               None)
            market.feed.append(("alphavantage", "daily_adjusted",
                                "symbol=%s&outputsize=full" % symbol))
            bars = split_adjusted(market, symbol, bars)
        else:
            market.feed.append(("alphavantage", "daily",
                                "symbol=%s&outputsize=full" % symbol))
        if symbol in ("IBM", "SPY"):
            datasets.append("intraday")
        if info[2] == "Equity":
            make_overview(market, symbol, info, bars, ex_dividend)
            datasets.append("overview")
            overview_feed.append(("alphavantage", "overview",
                                  "symbol=" + symbol))
        quote_feed.append(("alphavantage", "quote", "symbol=" + symbol))
        if symbol == "IBM":
            make_fault_bodies(market, rows)
        market.instruments.append(
            (symbol, "etf" if info[2] == "ETF" else "equity", info[0],
             info[1], "USD", ",".join(datasets)) + span(rows) + (len(rows),))
    for symbol in ("IBM", "SPY"):
        make_intraday(market, symbol)
    for pair in FX:
        make_fx(market, pair)
    market.feed += quote_feed + overview_feed
    make_search(market)
    # nginx compares the left sides without regard to case, so "ibm" finds
    # IBM; whatever is not listed is an unknown symbol.
    market.write_plain("symbols.map",
                       "# symbols held, made by make-market.py\n"
                       + "".join("%s %s;\n" % (s, s)
                                 for s in sorted(dict(LEAN, **DJIA))))


# -- World Bank ------------------------------------------------------------

def wb_json(page, rows):
    # The provider sends this without blanks.
    return json.dumps([page, rows], ensure_ascii=False,
                      separators=(",", ":"))


def xml_text(text):
    return (text.replace("&", "&amp;").replace("<", "&lt;")
            .replace(">", "&gt;"))


def wb_xml(page, rows):
    def leaf(name, value):
        if value in (None, ""):
            return "<wb:%s />" % name
        return "<wb:%s>%s</wb:%s>" % (name, xml_text(str(value)), name)

    head = " ".join('%s="%s"' % (k, "" if page[k] is None else page[k])
                    for k in ("page", "pages", "per_page", "total",
                              "sourceid", "lastupdated"))
    out = ['<?xml version="1.0" encoding="utf-8"?>\n<wb:data %s '
           'xmlns:wb="http://www.worldbank.org">\n' % head]
    for r in rows:
        out.append(
            '  <wb:data>\n    <wb:indicator id="%s">%s</wb:indicator>\n'
            '    <wb:country id="%s">%s</wb:country>\n'
            % (r["indicator"]["id"], xml_text(r["indicator"]["value"]),
               r["country"]["id"], xml_text(r["country"]["value"]))
            + "".join("    %s\n" % leaf(k, r[k])
                      for k in ("countryiso3code", "date", "value", "unit",
                                "obs_status", "decimal"))
            + "  </wb:data>\n")
    return "".join(out) + "</wb:data>"


def wb_pages(market, folder, rows, sizes, source, updated, xml=False):
    years = (min(r["date"] for r in rows), max(r["date"] for r in rows))
    for size in sizes:
        pages = -(-len(rows) // size)
        for number in range(1, pages + 1):
            part = rows[(number - 1) * size:number * size]
            page = {"page": number, "pages": pages, "per_page": size,
                    "total": len(rows), "sourceid": source,
                    "lastupdated": updated}
            base = "worldbank/%s/%d.%d" % (folder, size, number)
            market.write(base + ".json", wb_json(page, part), len(part),
                         years)
            if xml and size == 50:
                market.write(base + ".xml", wb_xml(page, part), len(part),
                             years)


def in_range(rows, dates):
    first, last = dates.split(":")
    return [r for r in rows if first <= r["date"] <= last]


def wb_country(market, indicator, iso3, rows, updated):
    base = "%s/%s" % (indicator, iso3)
    wb_pages(market, base + "/any", rows, (50, 100, 500, 1000, 5000), "2",
             updated, xml=True)
    wb_pages(market, base + "/" + WB_RANGE.replace(":", "-"),
             in_range(rows, WB_RANGE), (50, 100, 500, 1000, 5000), "2", updated)
    market.instruments.append(
        ("%s/%s" % (indicator, iso3), "economic",
         "%s: %s" % (rows[0]["country"]["value"],
                     rows[0]["indicator"]["value"]),
         "-", "-", "indicator", rows[-1]["date"], rows[0]["date"],
         len(rows)))


def wb_all(market, indicator, rows, sizes, source, updated):
    wb_pages(market, "%s/all/any" % indicator, rows, sizes, source, updated)
    wb_pages(market, "%s/all/%s" % (indicator, WB_RANGE.replace(":", "-")),
             in_range(rows, WB_RANGE), sizes, source, updated)
    market.instruments.append(
        (indicator + "/all", "economic",
         "All countries held: " + rows[0]["indicator"]["value"], "-", "-",
         "indicator", min(r["date"] for r in rows),
         max(r["date"] for r in rows), len(rows)))
    market.feed.append(("worldbank", "indicator",
                        "country=all&indicator=" + indicator))


def iso3_of(row, by_iso2):
    return row["countryiso3code"] or by_iso2[row["country"]["id"]]


def make_cpi(market, by_iso2):
    """The source is cut after 10,000 of 17,024 rows, in the middle of a
    country; only the countries it holds completely are taken over, and the
    totals count those."""
    page, rows = market.read_json("../providers/worldbank/country.all."
                                  "indicator.%s.page1of2.json.gz" % CPI)
    years = {}
    for r in rows:
        years[r["country"]["id"]] = years.get(r["country"]["id"], 0) + 1
    full = max(years.values())
    rows = [r for r in rows if years[r["country"]["id"]] == full]
    wb_all(market, CPI, rows, (1000, 5000), page["sourceid"],
           page["lastupdated"])
    for iso3 in WB_COUNTRIES:
        part = [r for r in rows if iso3_of(r, by_iso2) == iso3]
        wb_country(market, CPI, iso3, part, page["lastupdated"])
        if iso3 in ("FRA", "DEU"):
            market.feed.append(("worldbank", "indicator",
                                "country=%s&indicator=%s" % (iso3, CPI)))
    make_wb_faults(market, rows)


def make_gdp(market):
    page, rows = market.read_json("../providers/worldbank/country.FR."
                                  "indicator.%s.json" % GDP)
    wb_country(market, GDP, "FRA", rows, page["lastupdated"])
    usa = market.read_json("../providers/worldbank/rows_only."
                           "country-indicator.2024.json")
    # Held without its page object, so the day of the update is unknown.
    wb_country(market, GDP, "USA", usa, None)
    for iso3 in ("FRA", "USA"):
        market.feed.append(("worldbank", "indicator",
                            "country=%s&indicator=%s" % (iso3, GDP)))


def make_esg(market):
    """Wide table to rows; newest first within a country, countries by name
    with the aggregates in front, as the provider sends them.  Rows without
    a three-letter code (territories without data, old spellings of names)
    are left out."""
    wide = [r for r in market.read_csv("../providers/worldbank/esg/"
                                       "sovereign_esg_wide.2019.csv.gz")
            if r["iso3c"] != "NA"]
    wide.sort(key=lambda r: (r["region"] != "Aggregates", r["country"],
                             -int(r["year"])))
    for indicator, name in ESG.items():
        rows = [{"indicator": {"id": indicator, "value": name},
                 "country": {"id": r["iso2c"], "value": r["country"]},
                 "countryiso3code": r["iso3c"], "date": r["year"],
                 "value": None if r[indicator] == "NA"
                 else json.loads(r[indicator]),
                 "unit": "", "obs_status": "", "decimal": 0}
                for r in wide]
        # The bulk file carries no day of update.
        wb_all(market, indicator, rows, (1000, 5000), "75", None)


def make_countries(market):
    page, rows = market.read_json("../providers/worldbank/country.all.json")
    for size in (50, 100, 500, 1000):
        pages = -(-len(rows) // size)
        for number in range(1, pages + 1):
            part = rows[(number - 1) * size:number * size]
            # per_page is a string on this call, unlike on data calls.
            market.write("worldbank/country/%d.%d.json" % (size, number),
                         wb_json({"page": number, "pages": pages,
                                  "per_page": str(size),
                                  "total": len(rows)}, part), len(part))
    lines = ["# country codes of two and three letters, made by "
             "make-market.py", "all all;"]
    for r in rows:
        lines.append("%s %s;" % (r["id"], r["id"]))
        lines.append("%s %s;" % (r["iso2Code"], r["id"]))
    market.write_plain("countries.map", "\n".join(lines) + "\n")
    market.write_plain("indicators.map",
                       "# series held, made by make-market.py\n"
                       + "".join("%s %s;\n" % (i, i)
                                 for i in sorted([CPI, GDP] + list(ESG))))
    return {r["iso2Code"]: r["id"] for r in rows}


def make_wb_faults(market, rows):
    # Says two pages, holds half of them: page 2 is the same page again.
    part = rows[:100]
    market.write("faults/wb-short-page.json", wb_json(
        {"page": 1, "pages": 2, "per_page": 100, "total": 200,
         "sourceid": "2", "lastupdated": "2024-03-28"}, part), len(part),
        (part[-1]["date"], part[0]["date"]))


# -- the whole -------------------------------------------------------------

def write_tables(market):
    market.write_plain(
        "instruments.tsv",
        "symbol\tkind\tname\texchange\tcurrency\tdatasets\tfrom\tto\trows\n"
        + "".join("\t".join(str(x) for x in row) + "\n"
                  for row in market.instruments))
    order = ("daily_adjusted", "daily", "intraday", "fx_daily", "quote",
             "search", "overview", "indicator")
    market.feed.sort(key=lambda f: (f[0], order.index(f[1])))
    market.write_plain("feed.tsv", "".join("\t".join(f) + "\n"
                                           for f in market.feed))
    market.write_plain("known-faults.tsv",
                       "symbol\tdate\trow\twhat\n"
                       + "".join("\t".join(f) + "\n"
                                 for f in sorted(market.faults)))
    market.write_plain("LICENSES/files.tsv",
                       "file\trows\tfrom\tto\torigin\n" + "".join(
                           "%s\t%s\t%s\t%s\t%s\n" % (row + (origin(row[0]),))
                           for row in sorted(market.inventory)))


def origin(path):
    """The row of the table in LICENSES/README.md that a file belongs to."""
    name = path.split("/")
    if path.startswith("worldbank/country/"):
        return "W4"
    if name[0] == "worldbank":
        if name[1] == CPI:
            return "W1"
        if name[1] == GDP:
            return "W2-" + name[2]
        return "W3"
    if path.startswith("faults/wb-"):
        return "W1"
    if name[0] == "faults":
        return "L1"
    if name[1] == "SYMBOL_SEARCH":
        return "N1"
    if name[1] == "TIME_SERIES_INTRADAY":
        return "L3"
    if name[1] == "FX_DAILY":
        return "L4"
    if name[1] == "TIME_SERIES_DAILY_ADJUSTED":
        return "L1+L2"
    lean = name[2].split(".")[0] in LEAN
    if name[1] == "OVERVIEW":
        return "L1+L2+N1" if lean else "D1+N1"
    return "L1" if lean else "D1"


def main():
    args = sys.argv[1:]
    if "--without-djia" in args:
        args.remove("--without-djia")
        DJIA.clear()
    if len(args) not in (1, 2):
        sys.exit(__doc__)
    target = args[1] if len(args) == 2 \
        else os.path.dirname(os.path.abspath(__file__))
    for folder in ("alphavantage", "worldbank", "faults"):
        shutil.rmtree(os.path.join(target, folder), ignore_errors=True)
    market = Market(args[0], target)
    make_alphavantage(market)
    by_iso2 = make_countries(market)
    make_cpi(market, by_iso2)
    make_gdp(market)
    make_esg(market)
    write_tables(market)


if __name__ == "__main__":
    main()
