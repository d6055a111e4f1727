/* SPDX-License-Identifier: Apache-2.0 */
/*
 * National numbers with a published rule, one row each.
 *
 * A candidate is up to CHARS_MAX letters and digits, with single blanks, dashes,
 * dots, slashes or a bracket between. At each of its borders the rows of that
 * length are tried: the shape (9 a digit, A a letter, X either, anything else
 * itself), then how it is written (`forms`: lengths of the groups and what stands
 * between), then the check. Rules that a tenth of all numbers pass stand alone only
 * in a form of their own; else they need a label ("pesel", "NHS number").
 */
#include "privacy/detect_checks.h"
#include "privacy/detect_kinds.h"

#include <assert.h>

#define CHARS_LEAST 8
#define CHARS_MAX 20
#define BORDERS_MAX 8

/* ---- the table ---- */

enum {
    SOLID = 1,
    FORMS = 2,
    LABELLED = 4
}; /* how it may be written where no label stands near; LABELLED: never */

static const struct national {
    enum personal_type type;
    const char *shape;
    int alone;
    const char *forms; /* separated by |; NULL: any */
    check_fn *check;
} table[] = {
    /* clang-format off */
    /* country, number: who publishes the rule */
    {TYPE_NATIONAL_ID, "99999999999", FORMS, "3.3.3-2", br_cpf}, /* Brazil, CPF: Receita Federal */
    {TYPE_NATIONAL_ID, "99999999999", FORMS, "2-8-1", ar_cuit}, /* Argentina, CUIL: ANSES */
    {TYPE_NATIONAL_ID, "9999999X", FORMS, "1.3.3-1|7-1", cl_rut_8}, /* Chile, RUT: SII */
    {TYPE_NATIONAL_ID, "99999999X", FORMS, "2.3.3-1|8-1", cl_rut_9},
    {TYPE_NATIONAL_ID, "AAAA999999AAAAAAX9", SOLID, "18", mx_curp}, /* Mexico, CURP: RENAPO */
    {TYPE_NATIONAL_ID, "99999999999", FORMS, "3-7-1", luhn_11}, /* Dominican Republic, cédula: JCE */
    {TYPE_NATIONAL_ID, "9999999999", LABELLED, NULL, ec_ci}, /* Ecuador, cédula: Registro Civil */
    {TYPE_NATIONAL_ID, "99999999", FORMS, "1.3.3-1", uy_ci}, /* Uruguay, CI: DNIC */
    {TYPE_NATIONAL_ID, "999999999", FORMS, "3-3-3", ca_sin}, /* Canada, SIN: Service Canada */
    {TYPE_MEDICAL_RECORD, "9XXXXXXXX99", SOLID | FORMS, "11|4-3-4", us_mbi}, /* USA, MBI: CMS */
    {TYPE_MEDICAL_LICENSE, "9999999999", LABELLED, NULL, us_npi}, /* USA, NPI: CMS */
    {TYPE_MEDICAL_LICENSE, "AA9999999", SOLID, "9", us_dea}, /* USA, DEA number: DEA Diversion Control */
    {TYPE_BANK_ACCOUNT, "999999999", LABELLED, NULL, us_routing}, /* USA, routing number: ABA */
    {TYPE_ES_NIF, "99999999A", SOLID | FORMS, "9|8-1|2.3.3-1|8 1|2.3.3 1", es_nif}, /* Spain: Ministerio del Interior */
    {TYPE_ES_NIE, "A9999999A", SOLID | FORMS, "9|1-7-1|1 7 1|8-1", es_nie},
    {TYPE_NATIONAL_ID, "999999999999", FORMS, "2/8/2|2/10|2-8-2", es_nuss}, /* Spain, NUSS: Seguridad Social */
    {TYPE_NATIONAL_ID, "999999999", LABELLED, NULL, pt_nif}, /* Portugal, NIF: AT */
    {TYPE_IT_FISCAL_CODE, "AAAAAAXXAXXAXXXA", SOLID | FORMS, "16|3 3 5 5|6 5 5", it_fiscal}, /* Italy: Agenzia delle Entrate */
    {TYPE_NATIONAL_ID, "999999X99999999", SOLID | FORMS, "15|1 2 2 2 3 3 2|13 2|1 2 2 2 3 3|1.2.2.2.3.3.2", fr_nir}, /* France, NIR: INSEE */
    {TYPE_NATIONAL_ID, "99999999999", FORMS, "2.2.2-3.2|6-3-2|6 3 2", be_rrn}, /* Belgium: Rijksregister */
    {TYPE_NATIONAL_ID, "999999999", LABELLED, NULL, nl_bsn}, /* Netherlands, BSN: RvIG */
    {TYPE_NATIONAL_ID, "99999999999", FORMS, "2 3 3 3", de_tax}, /* Germany, IdNr.: BZSt */
    {TYPE_NATIONAL_ID, "99999999A999", SOLID | FORMS, "12|2 6 1 3|2 6 4|8 1 3", de_pension}, /* Germany: DRV, VKVV */
    {TYPE_NATIONAL_ID, "AXXXXXXXX9", LABELLED, NULL, de_card}, /* Germany, Personalausweis: ICAO 9303 */
    {TYPE_NATIONAL_ID, "9999999999", LABELLED, NULL, at_svnr}, /* Austria: Dachverband */
    {TYPE_NATIONAL_ID, "7569999999999", SOLID | FORMS, "13|3.4.4.2", ch_ahv}, /* Switzerland, AHV: ZAS */
    {TYPE_UK_NHS, "9999999999", LABELLED, NULL, gb_nhs}, /* UK, NHS: NHS Data Dictionary */
    {TYPE_UK_NINO, "AA999999A", SOLID | FORMS, "9|2 2 2 2 1|2 6 1|2-2-2-2-1", gb_nino}, /* UK: HMRC */
    {TYPE_NATIONAL_ID, "9999999A", SOLID, "8", ie_pps}, /* Ireland, PPS: DSP */
    {TYPE_NATIONAL_ID, "9999999AA", SOLID, "9", ie_pps_2},
    {TYPE_NATIONAL_ID, "99999999999", LABELLED, NULL, gr_amka}, /* Greece, AMKA */
    {TYPE_NATIONAL_ID, "999999999", LABELLED, NULL, gr_afm}, /* Greece, AFM: AADE */
    {TYPE_NATIONAL_ID, "9999999999", FORMS, "6-4|6+4", se_pnr}, /* Sweden: Skatteverket */
    {TYPE_NATIONAL_ID, "999999999999", FORMS, "8-4", se_pnr_12},
    {TYPE_NATIONAL_ID, "99999999999", SOLID | FORMS, "11|6 5", no_fnr}, /* Norway: Skatteetaten */
    {TYPE_NATIONAL_ID, "9999999999", FORMS, "6-4", dk_cpr}, /* Denmark: CPR-kontoret */
    {TYPE_FI_PERSONAL_IDENTITY_CODE, "999999A999X", SOLID, "11", fi_hetu}, /* Finland: DVV */
    {TYPE_FI_PERSONAL_IDENTITY_CODE, "999999999X", FORMS, "6-4", fi_hetu_dash},
    {TYPE_NATIONAL_ID, "9999999999", FORMS, "6-4", is_kennitala}, /* Iceland: Þjóðskrá */
    {TYPE_NATIONAL_ID, "99999999999", LABELLED, NULL, baltic}, /* Estonia, Lithuania: EVS 585, Registrų centras */
    {TYPE_NATIONAL_ID, "99999999999", FORMS, "6-5", lv_code}, /* Latvia: PMLP */
    {TYPE_PL_PESEL, "99999999999", SOLID, "11", pl_pesel}, /* Poland: gov.pl */
    {TYPE_NATIONAL_ID, "9999999999", FORMS, "6/4", cz_rc}, /* Czechia, Slovakia: Act 133/2000 */
    {TYPE_NATIONAL_ID, "999999999", LABELLED, NULL, hu_taj}, /* Hungary, TAJ: NEAK */
    {TYPE_NATIONAL_ID, "9999999999", LABELLED, NULL, hu_tax}, /* Hungary, tax number: NAV */
    {TYPE_NATIONAL_ID, "9999999999999", SOLID, "13", ro_cnp}, /* Romania, CNP: DEPABD */
    {TYPE_NATIONAL_ID, "9999999999", LABELLED, NULL, bg_egn}, /* Bulgaria, EGN: GRAO */
    {TYPE_NATIONAL_ID, "99999999999", LABELLED, NULL, hr_oib}, /* Croatia, OIB: Porezna uprava */
    {TYPE_NATIONAL_ID, "9999999999999", LABELLED, NULL, jmbg}, /* former Yugoslavia, JMBG */
    {TYPE_NATIONAL_ID, "99999999999", SOLID, "11", tr_tckn}, /* Turkey: NVI */
    {TYPE_NATIONAL_ID, "999999999999", LABELLED, NULL, ru_inn}, /* Russia, INN: FNS */
    {TYPE_NATIONAL_ID, "99999999999", FORMS, "3-3-3 2|3-3-3-2", ru_snils}, /* Russia, SNILS: SFR */
    {TYPE_NATIONAL_ID, "9999999999", LABELLED, NULL, ua_rnokpp}, /* Ukraine, RNOKPP: DPS */
    {TYPE_NATIONAL_ID, "999999999999", LABELLED, NULL, kz_iin}, /* Kazakhstan, IIN: e-gov */
    {TYPE_NATIONAL_ID, "9999999999999", LABELLED, NULL, md_idnp}, /* Moldova, IDNP: ASP */
    {TYPE_NATIONAL_ID, "99999999999999999X", SOLID, "18", cn_ric}, /* China: GB 11643-1999 */
    {TYPE_NATIONAL_ID, "A999999999", SOLID, "10", tw_id}, /* Taiwan: MOI */
    {TYPE_NATIONAL_ID, "A999999X", FORMS, "7(1", hk_id}, /* Hong Kong: ImmD */
    {TYPE_SG_NRIC_FIN, "A9999999A", SOLID, "9", sg_nric}, /* Singapore: ICA */
    {TYPE_KR_RRN, "9999999999999", FORMS, "6-7", kr_rrn}, /* South Korea: MOIS */
    {TYPE_NATIONAL_ID, "999999999999", LABELLED, NULL, jp_number}, /* Japan, My Number: MIC ordinance 85 */
    {TYPE_IN_AADHAAR, "999999999999", FORMS, "4 4 4|4-4-4", in_aadhaar}, /* India: UIDAI */
    {TYPE_IN_PAN, "AAAAA9999A", SOLID, "10", in_pan}, /* India, PAN: Income Tax Department */
    {TYPE_TH_TNIN, "9999999999999", FORMS, "1-4-5-2-1|1 4 5 2 1", th_id}, /* Thailand: DOPA */
    {TYPE_NATIONAL_ID, "999999999999", FORMS, "6-2-4", my_nric}, /* Malaysia, MyKad: JPN */
    {TYPE_NATIONAL_ID, "9999999999999999", LABELLED, NULL, id_nik}, /* Indonesia, NIK: Dukcapil */
    {TYPE_NATIONAL_ID, "999999999", LABELLED, NULL, luhn_9}, /* Israel: Population Authority */
    {TYPE_NATIONAL_ID, "9999999999999", SOLID, "13", za_id}, /* South Africa: DHA */
    {TYPE_NATIONAL_ID, "999999999999999", SOLID | FORMS, "15|3-4-7-1", ae_id}, /* Emirates: ICP */
    {TYPE_NATIONAL_ID, "9999999999", LABELLED, NULL, sa_id}, /* Saudi Arabia: MOI */
    {TYPE_NATIONAL_ID, "99999999999999", LABELLED, NULL, eg_id}, /* Egypt: CSO */
    {TYPE_NATIONAL_ID, "9999999999999", FORMS, "5-7-1", no_check}, /* Pakistan, CNIC: NADRA (no public check) */
    {TYPE_NATIONAL_ID, "999999999A", SOLID, "10", lk_nic}, /* Sri Lanka: DRP */
    {TYPE_AU_TFN, "999999999", LABELLED, NULL, au_tfn}, /* Australia: ATO */
    {TYPE_AU_MEDICARE, "9999999999", FORMS, "4 5 1|4-5-1", au_medicare}, /* Australia: Services Australia */
    {TYPE_NATIONAL_ID, "999999999", LABELLED, NULL, nz_ird}, /* New Zealand, IRD: Inland Revenue */
    /* clang-format on */
};

/* Rows by length: 1 + the first, and the next of the same length. */
static uint8_t first_row[CHARS_MAX + 1];
static uint8_t next_row[ARRAY_LEN(table)];
static_assert(ARRAY_LEN(table) < 255, "a byte counts them");

__attribute__((constructor)) static void fill_rows(void)
{
    for (size_t k = ARRAY_LEN(table); k-- > 0;) {
        size_t n = strlen(table[k].shape);
        next_row[k] = first_row[n];
        first_row[n] = (uint8_t)(k + 1);
    }
}

/* ---- a candidate ---- */

struct candidate {
    char chars[CHARS_MAX + 1]; /* capitals and digits */
    int borders;
    int length[BORDERS_MAX];     /* characters up to the border … */
    size_t end[BORDERS_MAX];     /* … and where it is */
    char separator[BORDERS_MAX]; /* behind it */
};

static size_t joint_at(struct span t, size_t i, char *out)
{
    if (i < t.len && (t.data[i] == '(' || t.data[i] == '+')) {
        *out = t.data[i];
        return 1;
    }
    return separator_at(t, i, out);
}

static void read_candidate(struct span t, size_t at, struct candidate *c)
{
    int n = 0;
    size_t i = at;
    c->borders = 0;
    while (c->borders < BORDERS_MAX) {
        size_t end = run_of(span_first(t, i + CHARS_MAX + 1), i, ALNUM);
        if (end == i || n + (int)(end - i) > CHARS_MAX) {
            return;
        }
        for (size_t k = i; k < end; k++) {
            c->chars[n++] = upper(t.data[k]);
        }
        char separator = 0;
        size_t skip = joint_at(t, end, &separator);
        if (ends_well(t, end)) {
            c->length[c->borders] = n;
            c->end[c->borders] = end;
            c->separator[c->borders++] = separator;
        }
        if (!skip) {
            return;
        }
        i = end + skip;
    }
}

static bool has_shape(const char *c, const char *shape)
{
    for (; *shape; shape++, c++) {
        bool fine = *shape == '9'   ? is(*c, DIGIT)
                    : *shape == 'A' ? is(*c, UPPER)
                    : *shape == 'X' ? is(*c, ALNUM)
                                    : *c == *shape;
        if (!fine) {
            return false;
        }
    }
    return true;
}

/* Is it written in one of the forms? Up to border `to`. */
static bool in_form(const struct candidate *c, int to, const char *forms)
{
    char form[4 * BORDERS_MAX];
    size_t len = 0;
    for (int k = 0; k <= to; k++) {
        int group = c->length[k] - (k ? c->length[k - 1] : 0);
        if (group >= 10) {
            form[len++] = (char)('0' + group / 10);
        }
        form[len++] = (char)('0' + group % 10);
        if (k < to) {
            form[len++] = c->separator[k];
        }
    }
    struct span rest = span_c(forms);
    while (rest.len) {
        if (span_eq(span_cut(&rest, '|'), span_of(form, len))) {
            return true;
        }
    }
    return false;
}

bool find_national(struct detection *d, size_t at, struct hit *hit)
{
    struct candidate c;
    struct span t = d->text;
    size_t first = run_of(span_first(t, at + CHARS_MAX), at, ALNUM);
    if (first < at + CHARS_LEAST && (first + 1 >= t.len || !joint_at(t, first, &c.separator[0]))) {
        return false;
    }
    read_candidate(t, at, &c);
    if (c.borders == 0 || c.length[c.borders - 1] < CHARS_LEAST) {
        return false;
    }
    const struct labels *l = &d->labels;
    bool label = labels_near(l, MEANS_NATIONAL, at);
    bool doctor = labels_near(l, MEANS_DOCTOR, at);
    bool account = labels_near(l, MEANS_ACCOUNT, at);
    enum meaning own = labels_own(l, t, at);
    bool other = own == MEANS_PHONE || own == MEANS_HASH || own == MEANS_PASSPORT ||
                 own == MEANS_LICENSE || own == MEANS_RECORD || own == MEANS_ID;
    for (int to = c.borders - 1; to >= 0 && !other; to--) {
        int n = c.length[to];
        char behind = to + 1 < c.borders ? c.separator[to] : 0;
        if (behind == '-' || (behind && to > 0 && behind == c.separator[to - 1])) {
            continue; /* the beginning of a longer number */
        }
        for (size_t k = n <= CHARS_MAX ? first_row[n] : 0; k; k = next_row[k - 1]) {
            const struct national *row = &table[k - 1];
            bool named = row->type == TYPE_BANK_ACCOUNT      ? account
                         : row->type == TYPE_MEDICAL_LICENSE ? doctor
                                                             : label;
            if (!has_shape(c.chars, row->shape) ||
                !(named || (row->alone != LABELLED && in_form(&c, to, row->forms))) ||
                !row->check(c.chars)) {
                continue;
            }
            size_t end = c.end[to];
            bool bracket =
                to > 0 && c.separator[to - 1] == '(' && end < t.len && t.data[end] == ')';
            *hit = (struct hit){at, end + bracket, row->type, named ? 0.9 : 0.8};
            return true;
        }
    }
    return false;
}
