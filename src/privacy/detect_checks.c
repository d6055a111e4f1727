/* SPDX-License-Identifier: Apache-2.0 */
#include "privacy/detect_checks.h"

#include "privacy/detect_parts.h"

/* ---- dates inside numbers ---- */

static int two(const char *c)
{
    return (c[0] - '0') * 10 + c[1] - '0';
}

static bool is_day(int day, int month)
{
    return day >= 1 && day <= 31 && month >= 1 && month <= 12;
}

static bool ymd(const char *c)
{
    return is_day(two(c + 4), two(c + 2));
}

static bool dmy(const char *c)
{
    return is_day(two(c), two(c + 2));
}

static bool same_digits(const char *c, int n)
{
    for (int i = 1; i < n; i++) {
        if (c[i] != c[0]) {
            return false;
        }
    }
    return true;
}

/* ---- sums ---- */

static int digit(char c)
{
    return c - '0';
}

/* The remainder of a row of digits. */
static int mod_of(const char *c, int n, int m)
{
    int64_t r = 0;
    for (int i = 0; i < n; i++) {
        r = (r * 10 + digit(c[i])) % m;
    }
    return (int)r;
}

/* ISO/IEC 7064, MOD 11,10 over n digits, the last of which is the check. */
static bool mod_11_10(const char *c, int n)
{
    int p = 10;
    for (int i = 0; i < n - 1; i++) {
        int s = (digit(c[i]) + p) % 10;
        p = (s ? s : 10) * 2 % 11;
    }
    return (p + digit(c[n - 1])) % 10 == 1;
}

static int sum_down(const char *c, int n, int from)
{
    int sum = 0;
    for (int i = 0; i < n; i++) {
        sum += digit(c[i]) * (from - i);
    }
    return sum;
}

/* ---- the Americas ---- */

bool br_cpf(const char *c)
{
    return !same_digits(c, 11) && sum_down(c, 9, 10) * 10 % 11 % 10 == digit(c[9]) &&
           sum_down(c, 10, 11) * 10 % 11 % 10 == digit(c[10]);
}

bool ar_cuit(const char *c)
{
    int r = (11 - weighted(c, "5432765432") % 11) % 11;
    return digit(c[0]) == 2 && (r == 10 ? 9 : r) == digit(c[10]);
}

static bool cl_rut(const char *c, int n)
{
    int sum = 0;
    for (int i = 0; i < n; i++) {
        sum += digit(c[n - 1 - i]) * (2 + i % 6);
    }
    int r = (11 - sum % 11) % 11;
    return c[n] == (r == 10 ? 'K' : (char)('0' + r));
}

bool cl_rut_8(const char *c)
{
    return cl_rut(c, 7);
}

bool cl_rut_9(const char *c)
{
    return cl_rut(c, 8);
}

bool mx_curp(const char *c)
{
    int sum = 0;
    for (int i = 0; i < 17; i++) { /* the alphabet has Ñ after N */
        int v = is(c[i], DIGIT) ? digit(c[i]) : c[i] - 'A' + 10 + (c[i] > 'N');
        sum += v * (18 - i);
    }
    return ymd(c + 4) && in_set(c[10], "HMX") && (10 - sum % 10) % 10 == digit(c[17]);
}

bool luhn_11(const char *c)
{
    return luhn(c, 11);
}

bool luhn_9(const char *c)
{
    return luhn(c, 9);
}

bool ca_sin(const char *c)
{
    return c[0] != '0' && c[0] != '8' && luhn(c, 9);
}

bool ec_ci(const char *c)
{
    int province = two(c);
    return ((province >= 1 && province <= 24) || province == 30) && c[2] <= '6' && luhn(c, 10);
}

bool uy_ci(const char *c)
{
    return (10 - weighted(c, "2987634") % 10) % 10 == digit(c[7]);
}

/* Medicare Beneficiary Identifier: no S, L, O, I, B, Z; no check digit. */
bool us_mbi(const char *c)
{
    static const char shape[] = "9AX9AX9AA99";
    for (int i = 0; i < 11; i++) {
        bool letter = is(c[i], LETTER);
        bool fine = shape[i] == '9' ? !letter : shape[i] == 'A' ? letter : true;
        if (!fine || in_set(c[i], "SLOIBZ")) {
            return false;
        }
    }
    return c[0] != '0';
}

bool us_npi(const char *c)
{
    char whole[15];
    memcpy(whole, "80840", 5);
    memcpy(whole + 5, c, 10);
    return (c[0] == '1' || c[0] == '2') && luhn(whole, 15);
}

bool us_dea(const char *c)
{
    const char *d = c + 2;
    int sum =
        digit(d[0]) + digit(d[2]) + digit(d[4]) + 2 * (digit(d[1]) + digit(d[3]) + digit(d[5]));
    return in_set(c[0], "ABCDEFGHJKLMPRSTUX") && sum % 10 == digit(d[6]);
}

bool us_routing(const char *c)
{
    int first = two(c);
    bool district =
        first <= 12 || (first >= 21 && first <= 32) || (first >= 61 && first <= 72) || first == 80;
    return district && weighted(c, "371371371") % 10 == 0 && !same_digits(c, 9);
}

/* ---- western Europe ---- */

static const char nif_letters[] = "TRWAGMYFPDXBNJZSQVHLCKE";

bool es_nif(const char *c)
{
    return nif_letters[mod_of(c, 8, 23)] == c[8];
}

bool es_nie(const char *c)
{
    char n[8];
    memcpy(n, c, 8);
    n[0] = (char)('0' + (c[0] - 'X'));
    return c[0] >= 'X' && c[0] <= 'Z' && nif_letters[mod_of(n, 8, 23)] == c[8];
}

bool es_nuss(const char *c)
{
    return mod_of(c, 10, 97) == two(c + 10);
}

bool pt_nif(const char *c)
{
    int r = 11 - weighted(c, "98765432") % 11;
    return in_set(c[0], "123") && (r >= 10 ? 0 : r) == digit(c[8]);
}

bool it_fiscal(const char *c)
{
    static const uint8_t odd[] = {1,  0,  5, 7, 9, 13, 15, 17, 19, 21, 2,  4,  18,
                                  20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23};
    int sum = 0;
    for (int i = 0; i < 15; i++) {
        int v = is(c[i], DIGIT) ? digit(c[i]) : c[i] - 'A';
        sum += i % 2 == 0 ? odd[v] : v;
    }
    return in_set(c[8], "ABCDEHLMPRST") && sum % 26 == c[15] - 'A';
}

bool fr_nir(const char *c)
{
    char n[15];
    memcpy(n, c, 15);
    if (n[5] == '2' && (n[6] == 'A' || n[6] == 'B')) { /* Corsica */
        n[5] = '1';
        n[6] = n[6] == 'A' ? '9' : '8';
    }
    for (int i = 0; i < 15; i++) {
        if (!is(n[i], DIGIT)) {
            return false;
        }
    }
    int month = two(n + 3);
    return in_set(n[0], "12378") && ((month >= 1 && month <= 12) || month >= 20) &&
           97 - mod_of(n, 13, 97) == two(n + 13);
}

bool be_rrn(const char *c)
{
    char later[11] = {'2'};
    memcpy(later + 1, c, 9);
    int month = two(c + 2) % 20;
    return month <= 12 && two(c + 4) <= 31 &&
           (97 - mod_of(c, 9, 97) == two(c + 9) || 97 - mod_of(later, 10, 97) == two(c + 9));
}

bool nl_bsn(const char *c)
{
    return (sum_down(c, 8, 9) - digit(c[8])) % 11 == 0 && !same_digits(c, 9);
}

bool de_tax(const char *c)
{
    int count[10] = {0};
    int most = 0;
    for (int i = 0; i < 10; i++) {
        int n = ++count[digit(c[i])];
        most = MAX(most, n);
    }
    return c[0] != '0' && (most == 2 || most == 3) && mod_11_10(c, 11);
}

/* Versicherungsnummer: the letter counts as two digits, digit sums of the products. */
bool de_pension(const char *c)
{
    static const char weights[] = "212571212121";
    char n[12];
    memcpy(n, c, 8);
    n[8] = (char)('0' + (c[8] - 'A' + 1) / 10);
    n[9] = (char)('0' + (c[8] - 'A' + 1) % 10);
    n[10] = c[9];
    n[11] = c[10];
    int sum = 0;
    for (int i = 0; i < 12; i++) {
        int p = digit(n[i]) * digit(weights[i]);
        sum += p / 10 + p % 10;
    }
    return two(c + 2) <= 81 && sum % 10 == digit(c[11]);
}

/* Personalausweis: 7-3-1 over the values of letters (A is 10). */
bool de_card(const char *c)
{
    int sum = 0;
    bool mixed = false;
    for (int i = 0; i < 9; i++) {
        int v = is(c[i], DIGIT) ? digit(c[i]) : c[i] - 'A' + 10;
        mixed |= !is(c[i], DIGIT);
        sum += v * (i % 3 == 0 ? 7 : i % 3 == 1 ? 3 : 1);
    }
    return mixed && sum % 10 == digit(c[9]);
}

bool at_svnr(const char *c)
{
    int sum = weighted(c, "379") + weighted(c + 4, "584216");
    return dmy(c + 4) && sum % 11 == digit(c[3]);
}

bool ch_ahv(const char *c)
{
    int sum = 0;
    for (int i = 0; i < 12; i++) {
        sum += digit(c[i]) * (i % 2 ? 3 : 1);
    }
    return (10 - sum % 10) % 10 == digit(c[12]);
}

bool gb_nhs(const char *c)
{
    int r = 11 - sum_down(c, 9, 10) % 11;
    return (r == 11 ? 0 : r) == digit(c[9]) && !same_digits(c, 10);
}

/* Which letters HMRC gives (NIM39110). */
bool gb_nino(const char *c)
{
    static const char *const never[] = {"BG", "GB", "KN", "NK", "NT", "TN", "ZZ", NULL};
    return !in_set(c[0], "DFIQUV") && !in_set(c[1], "DFIOQUV") && in_set(c[8], "ABCD") &&
           !one_of(span_of(c, 2), never);
}

static bool ie_pps_sum(const char *c, int second)
{
    static const char letters[] = "WABCDEFGHIJKLMNOPQRSTUV";
    return letters[(sum_down(c, 7, 8) + 9 * second) % 23] == c[7];
}

bool ie_pps(const char *c)
{
    return ie_pps_sum(c, 0);
}

bool ie_pps_2(const char *c)
{
    return ie_pps_sum(c, c[8] == 'W' ? 0 : c[8] - 'A' + 1) && c[8] <= 'I';
}

bool gr_amka(const char *c)
{
    return dmy(c) && luhn(c, 11);
}

bool gr_afm(const char *c)
{
    int sum = 0;
    for (int i = 0; i < 8; i++) {
        sum += digit(c[i]) << (8 - i);
    }
    return sum % 11 % 10 == digit(c[8]) && !same_digits(c, 9);
}

/* ---- the north ---- */

bool se_pnr(const char *c)
{
    int day = two(c + 4);
    return is_day(day > 60 ? day - 60 : day, two(c + 2)) && luhn(c, 10);
}

bool se_pnr_12(const char *c)
{
    return (starts_at(span_of(c, 2), 0, SPAN("19")) || starts_at(span_of(c, 2), 0, SPAN("20"))) &&
           se_pnr(c + 2);
}

bool no_fnr(const char *c)
{
    int day = two(c) > 40 ? two(c) - 40 : two(c);
    int month = two(c + 2) > 40 ? two(c + 2) - 40 : two(c + 2);
    int first = (11 - weighted(c, "376189452") % 11) % 11;
    int second = (11 - weighted(c, "5432765432") % 11) % 11;
    return is_day(day, month) && first == digit(c[9]) && second == digit(c[10]);
}

bool dk_cpr(const char *c) /* the sum mod 11 is not kept up since 2007: the date is all */
{
    return dmy(c);
}

bool fi_hetu(const char *c)
{
    char n[9];
    memcpy(n, c, 6);
    memcpy(n + 6, c + 7, 3);
    return dmy(c) && in_set(c[6], "-+ABCDEFYXWVU") &&
           "0123456789ABCDEFHJKLMNPRSTUVWXY"[mod_of(n, 9, 31)] == c[10];
}

bool fi_hetu_dash(const char *c) /* the dash of the 20th century is a separator here */
{
    char whole[11];
    memcpy(whole, c, 6);
    whole[6] = '-';
    memcpy(whole + 7, c + 6, 4);
    return fi_hetu(whole);
}

bool is_kennitala(const char *c)
{
    int day = two(c) > 40 ? two(c) - 40 : two(c);
    return is_day(day, two(c + 2)) && in_set(c[9], "890") &&
           (11 - weighted(c, "32765432") % 11) % 11 == digit(c[8]);
}

/* ---- the Baltics and the east ---- */

bool baltic(const char *c)
{
    int r = weighted(c, "1234567891") % 11;
    r = r == 10 ? weighted(c, "3456789123") % 11 : r;
    return c[0] >= '1' && c[0] <= '8' && ymd(c + 1) && r % 10 == digit(c[10]);
}

bool lv_code(const char *c)
{
    int sum = weighted(c, ":584216379");
    return dmy(c) && (1 + sum) % 11 % 10 == digit(c[10]);
}

bool pl_pesel(const char *c)
{
    return is_day(two(c + 4), two(c + 2) % 20) &&
           (10 - weighted(c, "1379137913") % 10) % 10 == digit(c[10]);
}

bool cz_rc(const char *c)
{
    int month = two(c + 2) % 50;
    bool date = is_day(two(c + 4), month > 20 ? month - 20 : month);
    return date && mod_of(c, 9, 11) % 10 == digit(c[9]);
}

bool hu_taj(const char *c)
{
    return weighted(c, "37373737") % 10 == digit(c[8]);
}

bool hu_tax(const char *c)
{
    int sum = 0;
    for (int i = 0; i < 9; i++) {
        sum += digit(c[i]) * (i + 1);
    }
    return c[0] == '8' && sum % 11 == digit(c[9]);
}

bool ro_cnp(const char *c)
{
    int r = weighted(c, "279146358279") % 11;
    return c[0] != '0' && ymd(c + 1) && (r == 10 ? 1 : r) == digit(c[12]);
}

bool bg_egn(const char *c)
{
    return is_day(two(c + 4), two(c + 2) % 20) && weighted(c, "2485:9736") % 11 % 10 == digit(c[9]);
}

bool hr_oib(const char *c)
{
    return mod_11_10(c, 11);
}

bool jmbg(const char *c)
{
    return dmy(c) && (c[4] == '9' || c[4] == '0') &&
           (11 - weighted(c, "765432765432") % 11) % 11 % 10 == digit(c[12]);
}

bool tr_tckn(const char *c)
{
    int odd = digit(c[0]) + digit(c[2]) + digit(c[4]) + digit(c[6]) + digit(c[8]);
    int even = digit(c[1]) + digit(c[3]) + digit(c[5]) + digit(c[7]);
    int tenth = ((odd * 7 - even) % 10 + 10) % 10;
    return c[0] != '0' && tenth == digit(c[9]) && (odd + even + tenth) % 10 == digit(c[10]);
}

bool ru_inn(const char *c)
{
    return weighted(c, "724:359468") % 11 % 10 == digit(c[10]) &&
           weighted(c, "3724:359468") % 11 % 10 == digit(c[11]);
}

bool ru_snils(const char *c)
{
    return sum_down(c, 9, 9) % 101 % 100 == two(c + 9) && number_of(c, 3) > 1;
}

bool ua_rnokpp(const char *c)
{
    int sum = weighted(c, "057946:5") + digit(c[8]) * 7 - digit(c[0]);
    return ((sum % 11 + 11) % 11) % 10 == digit(c[9]);
}

bool kz_iin(const char *c)
{
    int sum = 0;
    int again = 0;
    for (int i = 0; i < 11; i++) {
        sum += digit(c[i]) * (i + 1);
        again += digit(c[i]) * ((i + 2) % 11 + 1);
    }
    int r = sum % 11 == 10 ? again % 11 : sum % 11;
    return ymd(c) && r == digit(c[11]);
}

bool md_idnp(const char *c)
{
    return weighted(c, "731731731731") % 10 == digit(c[12]);
}

/* ---- Asia, Africa, the Pacific ---- */

bool cn_ric(const char *c)
{
    static const uint8_t weights[] = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
    int sum = 0;
    for (int i = 0; i < 17; i++) {
        if (!is(c[i], DIGIT)) {
            return false;
        }
        sum += digit(c[i]) * weights[i];
    }
    int century = two(c + 6);
    return (century == 19 || century == 20) && ymd(c + 8) && "10X98765432"[sum % 11] == c[17];
}

bool tw_id(const char *c)
{
    static const char order[] = "ABCDEFGHJKLMNPQRSTUVXYWZIO";
    const char *at = strchr(order, c[0]);
    int v = at ? (int)(at - order) + 10 : 0;
    int sum = v / 10 + v % 10 * 9 + weighted(c + 1, "87654321") + digit(c[9]);
    return v && in_set(c[1], "1289") && sum % 10 == 0;
}

bool hk_id(const char *c)
{
    int sum = 36 * 9 + (c[0] - 'A' + 10) * 8;
    for (int i = 1; i < 7; i++) {
        sum += digit(c[i]) * (8 - i);
    }
    int r = (11 - sum % 11) % 11;
    return c[7] == (r == 10 ? 'A' : (char)('0' + r));
}

bool sg_nric(const char *c)
{
    int sum = weighted(c + 1, "2765432");
    switch (c[0]) {
    case 'S':
        return "JZIHGFEDCBA"[sum % 11] == c[8];
    case 'T':
        return "JZIHGFEDCBA"[(sum + 4) % 11] == c[8];
    case 'F':
        return "XWUTRQPNMLK"[sum % 11] == c[8];
    case 'G':
        return "XWUTRQPNMLK"[(sum + 4) % 11] == c[8];
    case 'M':
        return "KLJNPQRTUWX"[10 - (sum + 3) % 11] == c[8];
    default:
        return false;
    }
}

bool kr_rrn(const char *c) /* since October 2020 the end is random: the date and the sex are all */
{
    return ymd(c) && in_set(c[6], "12345678");
}

bool jp_number(const char *c)
{
    static const uint8_t weights[] = {6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2};
    int sum = 0;
    for (int i = 0; i < 11; i++) {
        sum += digit(c[i]) * weights[i];
    }
    int r = sum % 11;
    return (r <= 1 ? 0 : 11 - r) == digit(c[11]);
}

/* UIDAI: Verhoeff's scheme, first digit 2 to 9. */
bool in_aadhaar(const char *c)
{
    static const uint8_t permute[8][10] = {
        {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 5, 7, 6, 2, 8, 3, 0, 9, 4},
        {5, 8, 0, 3, 7, 9, 6, 1, 4, 2}, {8, 9, 1, 6, 0, 4, 3, 5, 2, 7},
        {9, 4, 5, 3, 1, 2, 6, 8, 7, 0}, {4, 2, 8, 6, 5, 7, 3, 9, 0, 1},
        {2, 7, 9, 3, 8, 0, 6, 4, 1, 5}, {7, 0, 4, 6, 9, 1, 3, 2, 5, 8},
    };
    int sum = 0; /* in the dihedral group of ten */
    for (int i = 0; i < 12; i++) {
        int p = permute[i % 8][digit(c[11 - i])];
        if (sum < 5) {
            sum = p < 5 ? (sum + p) % 5 : 5 + (sum + p) % 5;
        } else {
            sum = p < 5 ? 5 + (sum - p + 5) % 5 : (sum - p + 5) % 5;
        }
    }
    return c[0] >= '2' && sum == 0;
}

bool in_pan(const char *c)
{
    return in_set(c[3], "PCHABGJLFT");
}

bool th_id(const char *c)
{
    return c[0] != '0' && c[0] != '9' && (11 - sum_down(c, 12, 13) % 11) % 10 == digit(c[12]);
}

bool my_nric(const char *c)
{
    return ymd(c);
}

bool id_nik(const char *c)
{
    int day = two(c + 6) > 40 ? two(c + 6) - 40 : two(c + 6);
    return is_day(day, two(c + 8)) && c[0] != '0';
}

bool za_id(const char *c)
{
    return ymd(c) && (c[10] == '0' || c[10] == '1' || c[10] == '2') && luhn(c, 13);
}

bool ae_id(const char *c)
{
    return starts_at(span_of(c, 3), 0, SPAN("784")) && luhn(c, 15);
}

bool sa_id(const char *c)
{
    return (c[0] == '1' || c[0] == '2') && luhn(c, 10);
}

bool eg_id(const char *c)
{
    return (c[0] == '2' || c[0] == '3') && ymd(c + 1);
}

bool lk_nic(const char *c)
{
    int day = number_of(c + 2, 3) % 500;
    return day >= 1 && day <= 366 && (c[9] == 'V' || c[9] == 'X');
}

bool no_check(const char *c)
{
    (void)c;
    return true;
}

bool au_tfn(const char *c)
{
    return weighted(c, "14375869:") % 11 == 0;
}

bool au_medicare(const char *c)
{
    return c[0] >= '2' && c[0] <= '6' && weighted(c, "13791379") % 10 == digit(c[8]);
}

bool nz_ird(const char *c)
{
    int r = (11 - weighted(c, "32765432") % 11) % 11;
    r = r == 10 ? (11 - weighted(c, "74325276") % 11) % 11 : r;
    return r == digit(c[8]);
}
