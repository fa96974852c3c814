/*
 * ingestion_conf.c - the configuration of the ingestion.
 */
#include "ingestion.h"

#include <stdlib.h>

#define AT(field) offsetof(ingestion_conf_t, field)
#define MB (1024.0 * 1024)

enum { AV, WB };

const wd_conf_row_t ingestion_conf_rows[] = {
    WD_SERVICE_CONF_ROWS(ingestion_conf_t, service, "ingestion"),
    {"ingestion", "lake", wd_conf_str, AT(lake), "/var/lib/wizdata/lake", 0, 0,
     0, "Folder of the raw archive"},
    {"ingestion", "min_free", wd_conf_bytes, AT(min_free), "64m", 0, 1e15, 0,
     "Bytes that must stay free on the lake's disk; with less, "
     "nothing is collected"},
    {"ingestion", "max_bytes", wd_conf_bytes, AT(max_bytes), "64m", 1024,
     256 * MB, 0, "Longest answer of a provider, after decompression"},
    {"ingestion", "timeout", wd_conf_ms, AT(timeout_ms), "60s", 100, 3600000, 0,
     "Longest wait for a provider's whole answer"},
    {"ingestion", "connect_timeout", wd_conf_ms, AT(connect_timeout_ms), "10s",
     100, 600000, 0, "Longest wait for a connection to a provider"},
    {"ingestion", "attempts", wd_conf_u32, AT(attempts), "6", 1, 100, 0,
     "Attempts of a job at limits per second or minute, outages and timeouts"},
    {"ingestion", "retry", wd_conf_ms, AT(retry_ms), "1s", 1, 300000, 0,
     "Wait before the second attempt; doubles with each further one, up to "
     "5 minutes"},
    {"ingestion", "lease", wd_conf_ms, AT(lease_ms), "2m", 1000, 86400000, 0,
     "A job whose process gives no sign for so long is taken over; at least "
     "the timeout"},
    {"ingestion", "breaker_failures", wd_conf_u32, AT(breaker_failures), "5", 1,
     1000, 0, "Outages in a row after which a provider is left alone"},
    {"ingestion", "breaker_open", wd_conf_ms, AT(breaker_open_ms), "30s", 10,
     3600000, 0, "For how long; doubles up to 32 times that"},
    {"ingestion", "allow_http", wd_conf_bool, AT(allow_http), "false", 0, 0, 0,
     "Allow http:// and private addresses: for simulators only"},

    {"alphavantage", "url", wd_conf_str, AT(accounts[AV].url),
     "https://www.alphavantage.co", 0, 0, WD_CONF_RELOAD,
     "Base address of Alpha Vantage"},
    {"alphavantage", "key", wd_conf_str, AT(accounts[AV].key), NULL, 0, 0,
     WD_CONF_RELOAD | WD_CONF_SECRET,
     "API key of Alpha Vantage; empty: not configured"},
    {"alphavantage", "per_second", wd_conf_u32, AT(accounts[AV].per_second),
     "1", 0, 1000, WD_CONF_RELOAD, "Calls within a second; 0: no limit"},
    {"alphavantage", "per_minute", wd_conf_u32, AT(accounts[AV].per_minute),
     "5", 0, 10000, WD_CONF_RELOAD, "Calls within a minute; 0: no limit"},
    {"alphavantage", "per_day", wd_conf_u32, AT(accounts[AV].per_day), "25", 0,
     1e9, WD_CONF_RELOAD, "Calls in a day of UTC; 0: no limit"},

    {"worldbank", "url", wd_conf_str, AT(accounts[WB].url),
     "https://api.worldbank.org", 0, 0, WD_CONF_RELOAD,
     "Base address of the World Bank"},
    {"worldbank", "per_second", wd_conf_u32, AT(accounts[WB].per_second), "4",
     0, 1000, WD_CONF_RELOAD, "Calls within a second; 0: no limit"},
    {"worldbank", "per_minute", wd_conf_u32, AT(accounts[WB].per_minute), "120",
     0, 10000, WD_CONF_RELOAD, "Calls within a minute; 0: no limit"},
    {"worldbank", "per_page", wd_conf_u32, AT(accounts[WB].per_page), "1000", 1,
     32500, WD_CONF_RELOAD, "Rows asked for in one page"},
};

const size_t ingestion_conf_n_rows = wd_array_len(ingestion_conf_rows);


int
ingestion_conf_check(const ingestion_conf_t *conf, wd_error_t *err)
{
    size_t i;

    for (i = 0; i < INGESTION_PROVIDERS; i++) {
        if (!ingestion_url_ok(conf->accounts[i].url, conf->allow_http)) {
            return wd_error(err, WD_ECONFIG,
                            "the URL of %s must begin with %shttps://, without "
                            "user, query and final slash",
                            ingestion_providers[i]->name,
                            conf->allow_http ? "http:// or " : "");
        }
    }
    if (conf->lease_ms <= conf->timeout_ms) {
        return wd_error(err, WD_ECONFIG,
                        "WIZDATA_INGESTION_LEASE must be longer than "
                        "WIZDATA_INGESTION_TIMEOUT");
    }
    return WD_OK;
}
