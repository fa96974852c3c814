/*
 * wd_wb_country.c - the World Bank's countries and aggregates.
 *
 * The codes are those of the Bank's own country list (/v2/country, 2024):
 * alpha-3 and alpha-2 of ISO 3166 where there is one, the Bank's own for
 * regions and groups of income (XKX, CHI too). Codes are never re-used, so an
 * old table is incomplete at worst.
 */
#include "wd_wb_country.h"

static const struct {
    char    iso3[4];
    char    id2[3];
    uint8_t aggregate;
} wd_wb_countries[] = {
    /* clang-format off */
    {"ABW", "AW", 0}, {"AFE", "ZH", 1}, {"AFG", "AF", 0}, {"AFR", "A9", 1},
    {"AFW", "ZI", 1}, {"AGO", "AO", 0}, {"ALB", "AL", 0}, {"AND", "AD", 0},
    {"ARB", "1A", 1}, {"ARE", "AE", 0}, {"ARG", "AR", 0}, {"ARM", "AM", 0},
    {"ASM", "AS", 0}, {"ATG", "AG", 0}, {"AUS", "AU", 0}, {"AUT", "AT", 0},
    {"AZE", "AZ", 0}, {"BDI", "BI", 0}, {"BEA", "B4", 1}, {"BEC", "B7", 1},
    {"BEL", "BE", 0}, {"BEN", "BJ", 0}, {"BFA", "BF", 0}, {"BGD", "BD", 0},
    {"BGR", "BG", 0}, {"BHI", "B1", 1}, {"BHR", "BH", 0}, {"BHS", "BS", 0},
    {"BIH", "BA", 0}, {"BLA", "B2", 1}, {"BLR", "BY", 0}, {"BLZ", "BZ", 0},
    {"BMN", "B3", 1}, {"BMU", "BM", 0}, {"BOL", "BO", 0}, {"BRA", "BR", 0},
    {"BRB", "BB", 0}, {"BRN", "BN", 0}, {"BSS", "B6", 1}, {"BTN", "BT", 0},
    {"BWA", "BW", 0}, {"CAA", "C9", 1}, {"CAF", "CF", 0}, {"CAN", "CA", 0},
    {"CEA", "C4", 1}, {"CEB", "B8", 1}, {"CEU", "C5", 1}, {"CHE", "CH", 0},
    {"CHI", "JG", 0}, {"CHL", "CL", 0}, {"CHN", "CN", 0}, {"CIV", "CI", 0},
    {"CLA", "C6", 1}, {"CME", "C7", 1}, {"CMR", "CM", 0}, {"COD", "CD", 0},
    {"COG", "CG", 0}, {"COL", "CO", 0}, {"COM", "KM", 0}, {"CPV", "CV", 0},
    {"CRI", "CR", 0}, {"CSA", "C8", 1}, {"CSS", "S3", 1}, {"CUB", "CU", 0},
    {"CUW", "CW", 0}, {"CYM", "KY", 0}, {"CYP", "CY", 0}, {"CZE", "CZ", 0},
    {"DEA", "D4", 1}, {"DEC", "D7", 1}, {"DEU", "DE", 0}, {"DJI", "DJ", 0},
    {"DLA", "D2", 1}, {"DMA", "DM", 0}, {"DMN", "D3", 1}, {"DNK", "DK", 0},
    {"DNS", "N6", 1}, {"DOM", "DO", 0}, {"DSA", "D5", 1}, {"DSF", "F6", 1},
    {"DSS", "D6", 1}, {"DZA", "DZ", 0}, {"EAP", "4E", 1}, {"EAR", "V2", 1},
    {"EAS", "Z4", 1}, {"ECA", "7E", 1}, {"ECS", "Z7", 1}, {"ECU", "EC", 0},
    {"EGY", "EG", 0}, {"EMU", "XC", 1}, {"ERI", "ER", 0}, {"ESP", "ES", 0},
    {"EST", "EE", 0}, {"ETH", "ET", 0}, {"EUU", "EU", 1}, {"FCS", "F1", 1},
    {"FIN", "FI", 0}, {"FJI", "FJ", 0}, {"FRA", "FR", 0}, {"FRO", "FO", 0},
    {"FSM", "FM", 0}, {"FXS", "6F", 1}, {"GAB", "GA", 0}, {"GBR", "GB", 0},
    {"GEO", "GE", 0}, {"GHA", "GH", 0}, {"GIB", "GI", 0}, {"GIN", "GN", 0},
    {"GMB", "GM", 0}, {"GNB", "GW", 0}, {"GNQ", "GQ", 0}, {"GRC", "GR", 0},
    {"GRD", "GD", 0}, {"GRL", "GL", 0}, {"GTM", "GT", 0}, {"GUM", "GU", 0},
    {"GUY", "GY", 0}, {"HIC", "XD", 1}, {"HKG", "HK", 0}, {"HND", "HN", 0},
    {"HPC", "XE", 1}, {"HRV", "HR", 0}, {"HTI", "HT", 0}, {"HUN", "HU", 0},
    {"IBB", "ZB", 1}, {"IBD", "XF", 1}, {"IBT", "ZT", 1}, {"IDA", "XG", 1},
    {"IDB", "XH", 1}, {"IDN", "ID", 0}, {"IDX", "XI", 1}, {"IMN", "IM", 0},
    {"IND", "IN", 0}, {"INX", "XY", 1}, {"IRL", "IE", 0}, {"IRN", "IR", 0},
    {"IRQ", "IQ", 0}, {"ISL", "IS", 0}, {"ISR", "IL", 0}, {"ITA", "IT", 0},
    {"JAM", "JM", 0}, {"JOR", "JO", 0}, {"JPN", "JP", 0}, {"KAZ", "KZ", 0},
    {"KEN", "KE", 0}, {"KGZ", "KG", 0}, {"KHM", "KH", 0}, {"KIR", "KI", 0},
    {"KNA", "KN", 0}, {"KOR", "KR", 0}, {"KWT", "KW", 0}, {"LAC", "XJ", 1},
    {"LAO", "LA", 0}, {"LBN", "LB", 0}, {"LBR", "LR", 0}, {"LBY", "LY", 0},
    {"LCA", "LC", 0}, {"LCN", "ZJ", 1}, {"LDC", "XL", 1}, {"LIC", "XM", 1},
    {"LIE", "LI", 0}, {"LKA", "LK", 0}, {"LMC", "XN", 1}, {"LMY", "XO", 1},
    {"LSO", "LS", 0}, {"LTE", "V3", 1}, {"LTU", "LT", 0}, {"LUX", "LU", 0},
    {"LVA", "LV", 0}, {"MAC", "MO", 0}, {"MAF", "MF", 0}, {"MAR", "MA", 0},
    {"MCO", "MC", 0}, {"MDA", "MD", 0}, {"MDE", "M1", 1}, {"MDG", "MG", 0},
    {"MDV", "MV", 0}, {"MEA", "ZQ", 1}, {"MEX", "MX", 0}, {"MHL", "MH", 0},
    {"MIC", "XP", 1}, {"MKD", "MK", 0}, {"MLI", "ML", 0}, {"MLT", "MT", 0},
    {"MMR", "MM", 0}, {"MNA", "XQ", 1}, {"MNE", "ME", 0}, {"MNG", "MN", 0},
    {"MNP", "MP", 0}, {"MOZ", "MZ", 0}, {"MRT", "MR", 0}, {"MUS", "MU", 0},
    {"MWI", "MW", 0}, {"MYS", "MY", 0}, {"NAC", "XU", 1}, {"NAF", "M2", 1},
    {"NAM", "NA", 0}, {"NCL", "NC", 0}, {"NER", "NE", 0}, {"NGA", "NG", 0},
    {"NIC", "NI", 0}, {"NLD", "NL", 0}, {"NOR", "NO", 0}, {"NPL", "NP", 0},
    {"NRS", "6X", 1}, {"NRU", "NR", 0}, {"NXS", "6N", 1}, {"NZL", "NZ", 0},
    {"OED", "OE", 1}, {"OMN", "OM", 0}, {"OSS", "S4", 1}, {"PAK", "PK", 0},
    {"PAN", "PA", 0}, {"PER", "PE", 0}, {"PHL", "PH", 0}, {"PLW", "PW", 0},
    {"PNG", "PG", 0}, {"POL", "PL", 0}, {"PRE", "V1", 1}, {"PRI", "PR", 0},
    {"PRK", "KP", 0}, {"PRT", "PT", 0}, {"PRY", "PY", 0}, {"PSE", "PS", 0},
    {"PSS", "S2", 1}, {"PST", "V4", 1}, {"PYF", "PF", 0}, {"QAT", "QA", 0},
    {"ROU", "RO", 0}, {"RRS", "R6", 1}, {"RUS", "RU", 0}, {"RWA", "RW", 0},
    {"SAS", "8S", 1}, {"SAU", "SA", 0}, {"SDN", "SD", 0}, {"SEN", "SN", 0},
    {"SGP", "SG", 0}, {"SLB", "SB", 0}, {"SLE", "SL", 0}, {"SLV", "SV", 0},
    {"SMR", "SM", 0}, {"SOM", "SO", 0}, {"SRB", "RS", 0}, {"SSA", "ZF", 1},
    {"SSD", "SS", 0}, {"SSF", "ZG", 1}, {"SST", "S1", 1}, {"STP", "ST", 0},
    {"SUR", "SR", 0}, {"SVK", "SK", 0}, {"SVN", "SI", 0}, {"SWE", "SE", 0},
    {"SWZ", "SZ", 0}, {"SXM", "SX", 0}, {"SXZ", "A4", 1}, {"SYC", "SC", 0},
    {"SYR", "SY", 0}, {"TCA", "TC", 0}, {"TCD", "TD", 0}, {"TEA", "T4", 1},
    {"TEC", "T7", 1}, {"TGO", "TG", 0}, {"THA", "TH", 0}, {"TJK", "TJ", 0},
    {"TKM", "TM", 0}, {"TLA", "T2", 1}, {"TLS", "TL", 0}, {"TMN", "T3", 1},
    {"TON", "TO", 0}, {"TSA", "T5", 1}, {"TSS", "T6", 1}, {"TTO", "TT", 0},
    {"TUN", "TN", 0}, {"TUR", "TR", 0}, {"TUV", "TV", 0}, {"TZA", "TZ", 0},
    {"UGA", "UG", 0}, {"UKR", "UA", 0}, {"UMC", "XT", 1}, {"URY", "UY", 0},
    {"USA", "US", 0}, {"UZB", "UZ", 0}, {"VCT", "VC", 0}, {"VEN", "VE", 0},
    {"VGB", "VG", 0}, {"VIR", "VI", 0}, {"VNM", "VN", 0}, {"VUT", "VU", 0},
    {"WLD", "1W", 1}, {"WSM", "WS", 0}, {"XKX", "XK", 0}, {"XZN", "A5", 1},
    {"YEM", "YE", 0}, {"ZAF", "ZA", 0}, {"ZMB", "ZM", 0}, {"ZWE", "ZW", 0},
    /* clang-format on */
};


static bool
wd_wb_upper(wd_str_t s, size_t n)
{
    size_t i;

    for (i = 0; i < s.len; i++) {
        if (s.data[i] < 'A' || s.data[i] > 'Z') {
            return false;
        }
    }
    return s.len == n;
}


/* Sorted by alpha-3. */
static int
wd_wb_find3(wd_str_t iso3)
{
    int    c;
    size_t lo = 0, hi = wd_array_len(wd_wb_countries), mid;

    while (iso3.len == 3 && lo < hi) {
        mid = (lo + hi) / 2;
        c = memcmp(iso3.data, wd_wb_countries[mid].iso3, 3);
        if (c == 0) {
            return (int) mid;
        }
        if (c < 0) {
            hi = mid;
        } else {
            lo = mid + 1;
        }
    }
    return -1;
}


static int
wd_wb_find2(wd_str_t id2)
{
    size_t i;

    for (i = 0; id2.len == 2 && i < wd_array_len(wd_wb_countries); i++) {
        if (memcmp(id2.data, wd_wb_countries[i].id2, 2) == 0) {
            return (int) i;
        }
    }
    return -1;
}


wd_str_t
wd_wb_country(wd_str_t id, wd_str_t iso3, bool *ret_aggregate)
{
    int i;

    if (wd_wb_upper(iso3, 3)) {
        i = wd_wb_find3(iso3);
        *ret_aggregate = i >= 0 && wd_wb_countries[i].aggregate;
        return iso3;
    }

    i = id.len == 3 ? wd_wb_find3(id) : wd_wb_find2(id);
    if (i >= 0) {
        *ret_aggregate = wd_wb_countries[i].aggregate;
        return wd_str(wd_wb_countries[i].iso3, 3);
    }

    /* Countries have letters only; the Bank's newer groups a digit. */
    *ret_aggregate = !wd_wb_upper(id, id.len);
    return id;
}
