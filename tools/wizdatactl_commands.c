/*
 * wizdatactl_commands.c - the table of commands.
 */
#include "wizdatactl.h"

#define CTL_WAIT {"wait", NULL, "Wait for the end; fail when a job fails"}

const ctl_command_t ctl_commands[] = {
    {"migrate", "", 0, 0, "Bring the database's tables up to date",
     "\nApplies NNNN_name.sql files in order, each in one transaction, and\n"
     "remembers their hashes: a file that was applied may not change. The\n"
     "database is that of WIZDATA_DATABASE_URL.",
     {{"dir", "DIR", "Where the files are (also WIZDATA_MIGRATIONS)"},
      {"status", NULL, "Only show what is applied and what is not"}},
     ctl_migrate},
    {"user create", "EMAIL", 1, 1, "Create a user", NULL,
     {{"name", "NAME", "Name for display"},
      {"password-stdin", NULL,
       "Read the password, one line, from standard input"}},
     ctl_user_create},
    {"user list", "", 0, 0, "List users", NULL,
     {{"limit", "N", "Rows in one page (100)"},
      {"cursor", "CURSOR", "The `next` of the page before"}},
     ctl_user_list},
    {"key create", "USER", 1, 1, "Create an API key; it is shown only once",
     "\nUSER is an address or an id. Permissions are resource:action, with *\n"
     "for a whole part: bars:read, *:read, *.",
     {{"name", "NAME", "What the key is for"},
      {"permissions", "A,B", "Permissions (*:read)"},
      {"plan", "PLAN", "Plan (default)"},
      {"mode", "live|test", "Prefix of the key (live)"},
      {"expires", "TIME", "End of its life: a date or an RFC 3339 time"}},
     ctl_key_create},
    {"key list", "", 0, 0, "List API keys, without their secrets", NULL,
     {{"user", "USER", "Only keys of this user"},
      {"limit", "N", "Rows in one page (100)"},
      {"cursor", "CURSOR", "The `next` of the page before"}},
     ctl_key_list},
    {"key revoke", "ID", 1, 1, "Revoke an API key, at once and for ever", NULL,
     {{NULL, NULL, NULL}}, ctl_key_revoke},
    {"ingest run", "PROVIDER DATASET [NAME=VALUE...]", 2, CTL_WORDS_MAX,
     "Collect a data set now", NULL, {CTL_WAIT}, ctl_ingest_run},
    {"ingest backfill", "PROVIDER DATASET [NAME=VALUE...]", 2, CTL_WORDS_MAX,
     "Collect the history of a data set",
     "\nIntraday bars are collected month by month: give month=2013-01 and\n"
     "to_month=2013-12. Everything else is asked for with outputsize=full\n"
     "where the data set knows it.",
     {CTL_WAIT}, ctl_ingest_backfill},
    {"ingest status", "[JOB]", 0, 1, "Show collection jobs", NULL,
     {{"limit", "N", "Finished jobs shown (50)"}}, ctl_ingest_status},
    {"ingest feed", "FILE", 1, 1, "Collect what a file lists, and wait",
     "\nLines: provider, tab, dataset, tab, a=b&c=d. Empty lines and those\n"
     "that begin with # are skipped. FILE - is standard input.",
     {{"no-wait", NULL, "Only hand the jobs over"}}, ctl_ingest_feed},
    {"replay", "", 0, 0, "Process archived raw data again",
     "\nPublishes the rows of the archive's manifest again; what is stored\n"
     "already stays as it is.",
     {{"from", "SEQ", "First row (1)"}, {"to", "SEQ", "Last row (all)"}},
     ctl_replay},
    {"lake verify", "", 0, 0, "Check the archive's chain of hashes", NULL,
     {{"root", "DIR", "The archive (also WIZDATA_INGESTION_LAKE)"},
      {"objects", NULL, "Read and check every object, too"}},
     ctl_lake_verify},
    {"status", "", 0, 0, "Ask all services how they are",
     "\nThe exit status is 0 only when all of them are healthy.",
     {{NULL, NULL, NULL}}, ctl_status},
    {"quality", "", 0, 0, "Show what was processed, flagged and rejected",
     NULL, {{NULL, NULL, NULL}}, ctl_quality},
    {"rejects", "", 0, 0, "Show rejected records, newest first", NULL,
     {{"provider", "NAME", "Only of this provider"},
      {"reason", "REASON", "Only with this reason"},
      {"limit", "N", "Rows in one page (100)"},
      {"cursor", "CURSOR", "The `next` of the page before"}},
     ctl_rejects},
    {"call", "METHOD [NAME=VALUE...]", 1, CTL_WORDS_MAX,
     "Call any method of the catalogue",
     "\nArguments are checked as the gateway checks those of a query. The\n"
     "answer's body is shown as it comes.",
     {{"service", "NAME",
       "Which service, for methods that all have: sys.health, ..."},
      {"format", "json|csv", "Format of the body (json)"}},
     ctl_any},
    {.name = NULL},
};
