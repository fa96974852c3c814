/*
 * ingestion_conf.c - the configuration of the ingestion.
 */
#include "ingestion.h"

#include <stdlib.h>

#define AT(field) offsetof(ingestion_conf_t, field)
#define MB (1024.0 * 1024)

#define AV INGESTION_ALPHAVANTAGE
#define WB INGESTION_WORLDBANK
#define BB INGESTION_BLOOMBERG
#define LS INGESTION_LSEG
#define SP INGESTION_SPGLOBAL

#define TEXT(section, name, at, value, flags, help)      \
    {                                                    \
        section, name, wd_conf_str, AT(at), value, 0, 0, \
            WD_CONF_RELOAD | (flags), help               \
    }

#define NUMBER(section, name, at, value, min, max, help)                     \
    {                                                                        \
        section, name, wd_conf_u32, AT(at), value, min, max, WD_CONF_RELOAD, \
            help                                                             \
    }

/* What every account has. */
#define LIMITS(section, i, second, minute, day, at_once)                    \
    NUMBER(section, "per_second", accounts[i].per_second, second, 0, 1000,  \
           "Calls of a key within a second; 0: no limit"),                  \
        NUMBER(section, "per_minute", accounts[i].per_minute, minute, 0,    \
               10000, "Calls of a key within a minute; 0: no limit"),       \
        NUMBER(section, "per_day", accounts[i].per_day, day, 0, 1e9,        \
               "Calls of a key in a day of UTC; 0: no limit"),              \
        NUMBER(section, "concurrency", accounts[i].concurrency, at_once, 1, \
               INGESTION_CONCURRENCY_MAX, "Requests under way at a time"),  \
        TEXT(section, "hosts", accounts[i].hosts, NULL, 0,                  \
             "Further hosts that the provider's answers may name, "         \
             "separated by commas")

const wd_conf_row_t ingestion_conf_rows[] = {
    WD_SERVICE_CONF_ROWS(ingestion_conf_t, service, "ingestion"),
    {"ingestion", "lake", wd_conf_str, AT(lake), "/var/lib/wizdata/lake", 0, 0,
     0, "Folder of the raw archive"},
    {"ingestion", "collections", wd_conf_str, AT(collections),
     "/etc/wizdata/collections.d", 0, 0, 0,
     "Folder of the collections' files; SIGHUP reads it again"},
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
    {"ingestion", "retry_budget", wd_conf_u32, AT(retry_budget), "20", 0, 100,
     0,
     "Retries after outages for a hundred answers, beside a reserve of 20 "
     "for each provider; beyond them a job waits for breaker_open at least"},
    {"ingestion", "ca_file", wd_conf_str, AT(ca_file), NULL, 0, 0, 0,
     "Certificates that are trusted, PEM; empty: the system's"},
    {"ingestion", "allow_http", wd_conf_bool, AT(allow_http), "false", 0, 0, 0,
     "Allow http:// and private addresses: for simulators only"},
    {"ingestion", "allow_private", wd_conf_bool, AT(allow_private), "false", 0,
     0, 0,
     "Allow https:// to private addresses: a provider's gateway in the "
     "own network"},
    {"ingestion", "pushes", wd_conf_u32, AT(pushes), "4", 1, 64, 0,
     "Uploads of clients at a time"},
    {"ingestion", "upload_rate", wd_conf_bytes, AT(upload_rate), "4k", 0,
     1024 * MB, 0,
     "Bytes a second that the client of an upload must send at least, while "
     "it is waited for; who is slower is answered 408; 0: no limit"},
    {"ingestion", "upload_window", wd_conf_ms, AT(upload_window_ms), "60s", 100,
     3600000, 0, "Time of waiting in which that rate is to be reached"},
    {"ingestion", "upload_time", wd_conf_ms, AT(upload_time_ms), "6h", 1000,
     4233600000.0, 0,
     "Longest time that the client of an upload is waited for in all"},
    {"ingestion", "uploads_keep", wd_conf_ms, AT(uploads_keep_ms), "30d", 60000,
     4233600000.0, 0,
     "Uploads that ended are known for so long, and so are their "
     "Idempotency-Keys; what they brought stays"},
    {"ingestion", "jobs_keep", wd_conf_ms, AT(jobs_keep_ms), "30d", 60000,
     4233600000.0, 0,
     "Jobs that ended are known for so long; what they brought stays"},
    {"ingestion", "events_keep", wd_conf_ms, AT(events_keep_ms), "30d", 60000,
     4233600000.0, 0,
     "Events of the bus are kept for so long, and longer if a consumer has "
     "yet to take them"},

    TEXT("alphavantage", "url", accounts[AV].url, "https://www.alphavantage.co",
         0, "Base address of Alpha Vantage"),
    TEXT("alphavantage", "key", accounts[AV].key, NULL, WD_CONF_SECRET,
         "API key of Alpha Vantage, or several separated by commas, of which "
         "each has the limits below; empty: not configured"),
    LIMITS("alphavantage", AV, "1", "5", "25", "4"),

    TEXT("worldbank", "url", accounts[WB].url, "https://api.worldbank.org", 0,
         "Base address of the World Bank"),
    NUMBER("worldbank", "per_page", accounts[WB].per_page, "1000", 1, 32500,
           "Rows asked for in one page"),
    LIMITS("worldbank", WB, "4", "120", "0", "2"),

    TEXT("bloomberg", "url", accounts[BB].url, "https://api.bloomberg.com/eap",
         0, "Base address of Bloomberg's Data License REST service"),
    TEXT("bloomberg", "client", accounts[BB].app, NULL, 0,
         "Client id of the Data License account; empty: not configured"),
    TEXT("bloomberg", "secret", accounts[BB].secret, NULL, WD_CONF_SECRET,
         "Client secret of the Data License account, hexadecimal"),
    TEXT("bloomberg", "catalog", accounts[BB].catalog, NULL, 0,
         "Catalog (account number) that requests are made in"),
    TEXT("bloomberg", "bridge", accounts[BB].bridge, NULL, 0,
         "Base address of a BLPAPI bridge over HTTP; empty: none"),
    TEXT("bloomberg", "bridge_cert", accounts[BB].cert, NULL, 0,
         "Certificate that is shown to the bridge, PEM"),
    TEXT("bloomberg", "bridge_cert_key", accounts[BB].cert_key, NULL, 0,
         "Its private key, PEM"),
    LIMITS("bloomberg", BB, "4", "120", "0", "8"),

    TEXT("lseg", "url", accounts[LS].url, "https://api.refinitiv.com", 0,
         "Base address of the LSEG Data Platform"),
    TEXT("lseg", "user", accounts[LS].user, NULL, 0,
         "Machine id, or service account; empty: not configured"),
    TEXT("lseg", "secret", accounts[LS].secret, NULL, WD_CONF_SECRET,
         "Its password, or secret"),
    TEXT("lseg", "app", accounts[LS].app, NULL, WD_CONF_SECRET,
         "Application key of a machine id; empty for a service account"),
    {"lseg", "exclusive", wd_conf_bool, AT(accounts[LS].exclusive), "false", 0,
     0, WD_CONF_RELOAD,
     "Take the session over from whoever else logged in with the machine id"},
    LIMITS("lseg", LS, "4", "200", "10000", "5"),

    TEXT("spglobal", "url", accounts[SP].url,
         "https://api-ciq.marketintelligence.spglobal.com", 0,
         "Base address of S&P Capital IQ"),
    TEXT("spglobal", "user", accounts[SP].user, NULL, 0,
         "User of S&P Capital IQ; empty: not configured"),
    TEXT("spglobal", "secret", accounts[SP].secret, NULL, WD_CONF_SECRET,
         "The user's password"),
    {"spglobal", "basic", wd_conf_bool, AT(accounts[SP].basic), "false", 0, 0,
     WD_CONF_RELOAD, "Send user and password with each request, not a token"},
    LIMITS("spglobal", SP, "2", "60", "10000", "2"),
};

const size_t ingestion_conf_n_rows = wd_array_len(ingestion_conf_rows);


static bool
base_ok(const ingestion_conf_t *conf, const char *url)
{
    return ingestion_url_ok(url, conf->allow_http);
}


int
ingestion_conf_check(const ingestion_conf_t *conf, wd_error_t *err)
{
    size_t i;

    for (i = 0; i < INGESTION_PROVIDERS; i++) {
        if (!base_ok(conf, conf->accounts[i].url)
            || (conf->accounts[i].bridge != NULL
                && conf->accounts[i].bridge[0] != '\0'
                && !base_ok(conf, conf->accounts[i].bridge))) {
            return wd_error(err, WD_ECONFIG,
                            "the URL of %s must begin with %shttps://, without "
                            "user, query and final slash",
                            ingestion_providers[i]->name,
                            conf->allow_http ? "http:// or " : "");
        }
    }
    if (ingestion_keys_count(conf->accounts[AV].key) > INGESTION_KEYS_MAX) {
        return wd_error(err, WD_ECONFIG,
                        "WIZDATA_ALPHAVANTAGE_KEY holds more than %d keys",
                        INGESTION_KEYS_MAX);
    }
    if (conf->lease_ms <= conf->timeout_ms) {
        return wd_error(err, WD_ECONFIG,
                        "WIZDATA_INGESTION_LEASE must be longer than "
                        "WIZDATA_INGESTION_TIMEOUT");
    }
    return WD_OK;
}
