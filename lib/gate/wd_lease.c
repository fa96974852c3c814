/*
 * wd_lease.c - the script, its arguments and its answer.
 *
 * Times in the store are microseconds since 2020 of Redis' own clock; what
 * travels is relative to now, so the clocks of hosts need not agree.
 */
#include "wd_lease.h"

#include "wd_limit_table.h"

#include <stdio.h>

#include <openssl/sha.h>

/*
 * KEYS: epoch, members, buckets. ARGV: member, beat, warm, silence (us), then
 * for each bucket what wd_lease_put_bucket() writes.
 *
 * A bucket is kept as text: number of rates, their times, and for each quota
 * its window and count. A time counts from the older of what is stored and
 * what the gateway knew; so a store that lost its data learns it again.
 */
static const char wd_lease_script[]
    = "local clock = redis.call('TIME')\n"
      "local now = (clock[1] - 1577836800) * 1000000 + clock[2]\n"
      "local warm = tonumber(ARGV[3])\n"
      "local epoch = redis.pcall('GET', KEYS[1])\n"
      "epoch = type(epoch) == 'string' and tonumber(epoch) or nil\n"
      "if not epoch or not (epoch >= 0 and epoch <= now) then\n"
      "  epoch = now\n"
      "  redis.call('SET', KEYS[1], string.format('%.0f', epoch))\n"
      "end\n"
      "warm = math.max(epoch + warm - now, 0)\n"
      "local members = 0\n"
      "if ARGV[2] == '1' then\n"
      "  local t = redis.call('TYPE', KEYS[2])['ok']\n"
      "  if t ~= 'zset' and t ~= 'none' then redis.call('DEL', KEYS[2]) end\n"
      "  redis.call('ZADD', KEYS[2], now, ARGV[1])\n"
      "  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf',\n"
      "             string.format('(%.0f', now - ARGV[4]))\n"
      "  redis.call('ZREMRANGEBYSCORE', KEYS[2],\n"
      "             string.format('(%.0f', now), '+inf')\n"
      "  members = redis.call('ZCARD', KEYS[2])\n"
      "end\n"
      "local out = {epoch, math.ceil(warm), members}\n"
      "local a = 4\n"
      "local function arg()\n"
      "  a = a + 1\n"
      "  return tonumber(ARGV[a])\n"
      "end\n"
      "for k = 3, #KEYS do\n"
      "  local rates, quotas, owed, back = arg(), arg(), arg(), arg()\n"
      "  local age, want, split = arg(), arg(), arg()\n"
      "  local old, i = {}, 0\n"
      "  local text = redis.pcall('GET', KEYS[k])\n"
      "  if type(text) == 'string' then\n"
      "    for word in string.gmatch(text, '%S+') do\n"
      "      i = i + 1\n"
      "      old[i] = tonumber(word) or 0\n"
      "    end\n"
      "  end\n"
      "  for i = 1, #old do\n"
      "    if not (old[i] >= 0 and old[i] < 1e15) then old[i] = 0 end\n"
      "  end\n"
      "  local n = math.floor(math.min(old[1] or 0, 4))\n"
      "  local tat, unit, ttl, left = {}, {}, 1000, want\n"
      "  if warm > 0 then left = 0 end\n"
      "  for i = 1, math.max(rates, n) do\n"
      "    tat[i] = i <= n and old[i + 1] or 0\n"
      "  end\n"
      "  for i = 1, rates do\n"
      "    unit[i] = arg()\n"
      "    local tau, cap, est, units = arg(), arg(), arg(), arg()\n"
      "    local t = tat[i]\n"
      "    if unit[i] > 0 and t - now > cap then t = now + tau end\n"
      "    if units > 0 then t = math.max(t, now - age) + units * unit[i] end\n"
      "    if est > 0 then t = math.max(t, now + est) end\n"
      "    tat[i] = t\n"
      "    if unit[i] > 0 then\n"
      "      left = math.min(left, (now + tau - math.max(t, now)) / unit[i])\n"
      "    end\n"
      "  end\n"
      "  local slot, count = {}, {}\n"
      "  for i = n + 2, n + 4, 2 do\n"
      "    if old[i + 1] then\n"
      "      slot[old[i] >= 1000000 and 2 or 1] = {old[i], old[i + 1]}\n"
      "    end\n"
      "  end\n"
      "  for i = 1, quotas do\n"
      "    local id, limit, est, keep = arg(), arg(), arg(), arg()\n"
      "    local kind, used = id >= 1000000 and 2 or 1, nil\n"
      "    local had = slot[kind]\n"
      "    if had and had[1] == id then used = had[2] end\n"
      "    if not used then used = est\n"
      "    elseif warm > 0 then used = math.max(used, est) end\n"
      "    used = math.max(used + owed - back, 0)\n"
      "    count[i] = {id, used}\n"
      "    if not had or had[1] <= id then slot[kind] = count[i] end\n"
      "    ttl = math.max(ttl, keep)\n"
      "    left = math.min(left, limit - used)\n"
      "  end\n"
      "  local grant = math.max(math.floor(left / split), 0)\n"
      "  out[#out + 1] = grant\n"
      "  text = {math.max(rates, n)}\n"
      "  for i = 1, math.max(rates, n) do\n"
      "    if i <= rates and grant > 0 and unit[i] > 0 then\n"
      "      tat[i] = math.max(tat[i], now) + grant * unit[i]\n"
      "    end\n"
      "    if i <= rates then\n"
      "      out[#out + 1] = math.floor(math.max(tat[i] - now, 0) * 100)\n"
      "    end\n"
      "    text[#text + 1] = string.format('%.2f', tat[i])\n"
      "    ttl = math.max(ttl, (tat[i] - now) / 1000)\n"
      "  end\n"
      "  for i = 1, quotas do\n"
      "    count[i][2] = count[i][2] + grant\n"
      "    out[#out + 1] = count[i][2]\n"
      "  end\n"
      "  for kind = 1, 2 do\n"
      "    if slot[kind] then\n"
      "      text[#text + 1] = string.format('%.0f', slot[kind][1])\n"
      "      text[#text + 1] = string.format('%.0f', slot[kind][2])\n"
      "    end\n"
      "  end\n"
      "  redis.call('SET', KEYS[k], table.concat(text, ' '), 'PX',\n"
      "             string.format('%.0f', math.ceil(ttl) + 1000))\n"
      "end\n"
      "return out\n";

/* Days and months have numbers of their own, in one list. */
#define WD_LEASE_MONTH_BASE 1000000


void
wd_lease_init(wd_lease_t *le, const char *prefix, const uint8_t member[16])
{
    uint8_t sha[SHA_DIGEST_LENGTH];

    SHA1((const unsigned char *) wd_lease_script, sizeof(wd_lease_script) - 1,
         sha);
    wd_hex_encode(sha, sizeof(sha), le->sha);
    wd_hex_encode(member, 16, le->member);
    le->prefix = prefix;
}


static void
wd_lease_put_us(wd_buf_t *out, wd_ns_t ns)
{
    int  n;
    char text[32];

    n = snprintf(text, sizeof(text), "%lld.%03d", (long long) (ns / 1000),
                 (int) (ns % 1000));
    wd_resp_put_arg(out, wd_str(text, (size_t) n));
}


static int64_t
wd_lease_window(const wd_limit_sync_t *s, unsigned i)
{
    return (int64_t) s->id[i]
           + (s->quota[i] == WD_WINDOW_MONTH ? WD_LEASE_MONTH_BASE : 0);
}


static void
wd_lease_put_bucket(wd_buf_t *out, const wd_limit_sync_t *s, int64_t split)
{
    unsigned i;

    wd_resp_put_int(out, s->n_rates);
    wd_resp_put_int(out, s->n_quotas);
    wd_resp_put_int(out, s->owed);
    wd_resp_put_int(out, s->back);
    wd_lease_put_us(out, s->age);
    wd_resp_put_int(out, s->want);
    wd_resp_put_int(out, split);

    for (i = 0; i < s->n_rates; i++) {
        wd_lease_put_us(out, s->unit[i]);
        wd_lease_put_us(out, s->tau[i]);
        wd_lease_put_us(out, s->cap[i]);
        wd_lease_put_us(out, s->est[i]);
        wd_resp_put_int(out, s->owed_rate[i]);
    }
    for (i = 0; i < s->n_quotas; i++) {
        wd_resp_put_int(out, wd_lease_window(s, i));
        wd_resp_put_int(out, s->limit[i]);
        wd_resp_put_int(out, s->used[i]);
        wd_resp_put_int(out, s->ttl[i] / WD_NS_PER_MS);
    }
}


static void
wd_lease_put_key(const wd_lease_t *le, wd_buf_t *out, const char *name)
{
    int  n;
    char text[128];

    n = snprintf(text, sizeof(text), "%s%s", le->prefix, name);
    wd_resp_put_arg(out, wd_str(text, wd_min((size_t) n, sizeof(text) - 1)));
}


static size_t
wd_lease_argc(const wd_limit_sync_t *syncs, size_t n)
{
    size_t i, argc = 3 + 2 + n + 4;

    for (i = 0; i < n; i++) {
        argc += 7 + 5 * syncs[i].n_rates + 4 * syncs[i].n_quotas;
    }
    return argc;
}


void
wd_lease_put(const wd_lease_t *le, wd_buf_t *out, bool eval, bool beat,
             const wd_limit_sync_t *syncs, size_t n)
{
    char   hex[2 * WD_LIMIT_KEY + 1];
    size_t i;

    wd_resp_put_command(out, wd_lease_argc(syncs, n));
    if (eval) {
        wd_resp_put_arg(out, WD_STR("EVAL"));
        wd_resp_put_arg(out, wd_str_z(wd_lease_script));
    } else {
        wd_resp_put_arg(out, WD_STR("EVALSHA"));
        wd_resp_put_arg(out, wd_str_z(le->sha));
    }

    wd_resp_put_int(out, (int64_t) n + 2);
    wd_lease_put_key(le, out, "epoch");
    wd_lease_put_key(le, out, "gateways");
    for (i = 0; i < n; i++) {
        wd_hex_encode(syncs[i].key.b, WD_LIMIT_KEY, hex);
        wd_lease_put_key(le, out, hex);
    }

    wd_resp_put_arg(out, wd_str_z(le->member));
    wd_resp_put_int(out, beat);
    wd_resp_put_int(out, WD_LEASE_WARM_MS * 1000);
    wd_resp_put_int(out, WD_LEASE_MEMBER_MS * 1000);
    for (i = 0; i < n; i++) {
        wd_lease_put_bucket(out, &syncs[i], syncs[i].split);
    }
}


bool
wd_lease_unknown(const wd_resp_value_t *reply)
{
    return reply->type == WD_RESP_ERROR
           && wd_str_starts(reply->text, "NOSCRIPT");
}


static bool
wd_lease_int(const wd_resp_value_t *v, int64_t max, int64_t *ret)
{
    if (v->type != WD_RESP_INT || v->n < 0 || v->n > max) {
        return false;
    }
    *ret = v->n;
    return true;
}


/*
 * The script leaves no time further ahead than this. One that is would keep
 * the bucket shut for as long, because who is refused has nothing to tell.
 */
static wd_ns_t
wd_lease_tat_max(const wd_limit_sync_t *s, unsigned i)
{
    wd_ns_t most;

    if (s->unit[i] == 0) {
        return INT64_MAX / 10; /* of the walk, and not used */
    }
    most = s->cap[i] + wd_limit_span(s->unit[i], s->owed_rate[i]);
    return wd_max(most, s->est[i]) + wd_limit_span(s->unit[i], s->want)
           + WD_NS_PER_MS;
}


static bool
wd_lease_get_bucket(const wd_resp_value_t *v, const wd_limit_sync_t *s,
                    wd_limit_synced_t *ret)
{
    int64_t  n;
    unsigned i;

    if (!wd_lease_int(v++, s->want, &n)) {
        return false;
    }
    ret->grant = (uint32_t) n;

    for (i = 0; i < s->n_rates; i++) {
        if (!wd_lease_int(v++, wd_lease_tat_max(s, i) / 10, &n)) {
            return false;
        }
        ret->tat[i] = n * 10; /* from hundredths of a microsecond */
    }
    for (i = 0; i < s->n_quotas; i++) {
        if (!wd_lease_int(v++, INT64_MAX, &n)) {
            return false;
        }
        ret->used[i] = (uint32_t) wd_min(n, (int64_t) UINT32_MAX / 2);
    }
    return true;
}


int
wd_lease_get(const wd_resp_value_t *reply, size_t n_values,
             const wd_limit_sync_t *syncs, size_t n, wd_lease_head_t *ret_head,
             wd_limit_synced_t *ret)
{
    size_t  i, need = 4, at = 4;
    int64_t epoch, warm, members;

    for (i = 0; i < n; i++) {
        need += 1 + syncs[i].n_rates + syncs[i].n_quotas;
    }

    if (n_values != need || reply->type != WD_RESP_ARRAY
        || reply->n != (int64_t) need - 1
        || !wd_lease_int(&reply[1], INT64_MAX, &epoch)
        || !wd_lease_int(&reply[2], WD_LEASE_WARM_MS * 1000, &warm)
        || !wd_lease_int(&reply[3], UINT32_MAX, &members)) {
        return WD_EPROTO;
    }

    for (i = 0; i < n; i++) {
        if (!wd_lease_get_bucket(&reply[at], &syncs[i], &ret[i])) {
            return WD_EPROTO;
        }
        at += 1 + syncs[i].n_rates + syncs[i].n_quotas;
    }

    ret_head->epoch = (uint64_t) epoch;
    ret_head->warm = warm * WD_NS_PER_US;
    ret_head->gateways = (uint32_t) wd_min(members,
                                           (int64_t) WD_LIMIT_GATEWAYS_MAX);
    return WD_OK;
}
