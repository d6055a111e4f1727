/* SPDX-License-Identifier: Apache-2.0 */
/* Payment cards, IBANs, crypto addresses. Account numbers without check digits stand with their labels (detect_ids.c). */
#include "privacy/detect_kinds.h"

#include "crypto/keys.h"

/* ---- payment cards ---- */

/* Issuer ranges of ISO/IEC 7812 as the networks publish them. */
static bool is_card_number(const char *d, int n, bool context)
{
    static const struct {
        int digits, from, to, shortest, longest;
    } ranges[] = {
        {1, 4, 4, 13, 19},   /* Visa: 13, 16, 19 */
        {2, 51, 55, 16, 16}, /* Mastercard */
        {4, 2221, 2720, 16, 16}, {2, 34, 34, 15, 15},
        {2, 37, 37, 15, 15}, /* American Express */
        {4, 6011, 6011, 16, 19}, {3, 644, 649, 16, 19},
        {2, 65, 65, 16, 19},     /* Discover */
        {4, 3528, 3589, 16, 19}, /* JCB */
        {3, 300, 305, 14, 19},   {2, 36, 36, 14, 19},
        {2, 38, 39, 14, 19}, /* Diners */
        {2, 62, 62, 16, 19}, /* UnionPay */
        {2, 50, 50, 13, 19},     {2, 56, 58, 13, 19},
        {2, 67, 67, 13, 19},     {2, 63, 63, 13, 19}, /* Maestro */
        {4, 2200, 2204, 16, 19}, {4, 2131, 2131, 15, 15},
        {4, 1800, 1800, 15, 15}, /* Mir */
    };
    for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
        int prefix = number_of(d, ranges[i].digits);
        if (prefix >= ranges[i].from && prefix <= ranges[i].to && n >= ranges[i].shortest &&
            n <= ranges[i].longest) {
            return (d[0] != '4' || n == 13 || n == 16 || n == 19) && luhn(d, n);
        }
    }
    return context && luhn(d, n);
}

/* "4 1 1 1 1 1 …": one digit a group, or two, as people type to slip by. */
static bool is_spaced_out(const struct groups *g, int to)
{
    for (int k = 0; k <= to; k++) {
        if (group_len(g, k) > 2) {
            return false;
        }
    }
    return to >= 6;
}

bool find_card(struct detection *d, size_t at, struct hit *hit)
{
    struct span t = d->text;
    const struct groups *g = &d->groups;
    char digits[20];
    if (g->digits < 12) {
        return false;
    }
    for (int to = g->count - 1; to >= 0; to--) {
        int n = 0;
        bool small = false;
        for (int k = 0; k <= to; k++) {
            n += group_len(g, k);
            small |= k < to && group_len(g, k) < 3;
        }
        if (n < 12 || n > 19 || (small && !is_spaced_out(g, to)) ||
            !same_separator(g, to, " -./~") || !ends_well(t, g->end[to])) {
            continue;
        }
        collect(t, g, 0, to, digits, 19);
        if (is_card_number(digits, n, labels_near(&d->labels, MEANS_CARD, at))) {
            *hit = (struct hit){at, g->end[to], TYPE_CREDIT_CARD, 0.95};
            return true;
        }
    }
    return false;
}

/* ---- IBAN ---- */

/* Lengths of the IBAN registry (SWIFT), by country. */
static int iban_length(char a, char b)
{
    static const char table[] =
        "AD24AE23AL28AT20AZ28BA20BE16BG22BH22BR29BY28CH21CR22CY28CZ24DE22DK18DO28EE20EG29ES24FI18FO18FR27GB22GE22GI23"
        "GL18GR27GT28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20LB28LC32LI21LT20LU20LV21LY25MC27MD24ME22MK19MR27MT31MU30"
        "NL18NO15PK24PL28PS29PT25QA29RO24RS22SA24SC31SE24SI19SK24SM27ST25SV28TL23TN24TR26UA29VA22VG24XK20";
    for (size_t i = 0; i + 3 < sizeof table; i += 4) {
        if (table[i] == a && table[i + 1] == b) {
            return (table[i + 2] - '0') * 10 + table[i + 3] - '0';
        }
    }
    return 0;
}

/* ISO 13616: the first four to the back, letters as 10 … 35, mod 97 = 1. */
static bool is_iban(const char *code, int n)
{
    unsigned remainder = 0;
    for (int k = 0; k < n; k++) {
        char c = code[(k + 4) % n];
        unsigned value = is(c, DIGIT) ? (unsigned)(c - '0') : (unsigned)(c - 'A') + 10;
        remainder = (remainder * (value > 9 ? 100 : 10) + value) % 97;
    }
    return remainder == 1;
}

bool find_iban(struct detection *d, size_t at, struct hit *hit)
{
    struct span t = d->text;
    char code[40];
    int n = 0;
    size_t i = at;
    size_t end = at;
    char separator;
    if (at + 15 > t.len || !at_is(t, at + 1, LETTER)) {
        return false;
    }
    bool check_digits = at_is(t, at + 2, DIGIT) ||
                        (separator_at(t, at + 2, &separator) == 1 && at_is(t, at + 3, DIGIT));
    int length = check_digits ? iban_length(upper(t.data[at]), upper(t.data[at + 1])) : 0;
    int since = 0; /* characters since the last separator */
    while (i < t.len && n < length) {
        if (is(t.data[i], ALNUM)) {
            code[n++] = upper(t.data[i++]);
            end = i;
            since++;
        } else {
            size_t skip = separator_at(t, i, &separator);
            bool even = since == 4 || since == 1 || (n == 2 && since == 2);
            if (!skip || separator == '/' || n == 0 || !even) {
                return false;
            }
            i += skip;
            since = 0;
        }
    }
    if (length == 0 || n != length || !ends_well(t, end) || !is(code[2], DIGIT) ||
        !is(code[3], DIGIT) || !is_iban(code, n)) {
        return false;
    }
    *hit = (struct hit){at, end, TYPE_IBAN_CODE, 0.97};
    return true;
}

/* ---- crypto addresses ---- */

#define BASE58_MAX 112 /* an extended key has 111 characters */

/* Base58Check (Bitcoin wiki): a big number in base 58, the last four bytes are the double SHA-256 of the others.
 * Gives the payload's length with its version byte, or 0. */
static int base58_check(struct span v, unsigned char *out)
{
    static const char alphabet[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    unsigned char number[BASE58_MAX] = {0}; /* little-endian */
    int len = 0;
    for (size_t i = 0; i < v.len; i++) {
        const char *digit = strchr(alphabet, v.data[i]);
        if (!digit) {
            return 0;
        }
        int carry = (int)(digit - alphabet);
        for (int k = 0; k < len || carry; k++) {
            carry += number[k] * 58;
            number[k] = (unsigned char)carry;
            carry >>= 8;
            len = MAX(len, k + 1);
        }
    }
    for (size_t i = 0; i < v.len && v.data[i] == '1'; i++) {
        len++; /* leading ones are leading zero bytes */
    }
    for (int i = 0; i < len; i++) {
        out[i] = number[len - 1 - i];
    }
    unsigned char once[SHA256_BYTES];
    unsigned char twice[SHA256_BYTES];
    if (len < 25) {
        return 0;
    }
    sha256(span_of((const char *)out, (size_t)len - 4), once);
    sha256(span_of((const char *)once, SHA256_BYTES), twice);
    return memcmp(twice, out + len - 4, 4) == 0 ? len - 4 : 0;
}

static uint32_t bech32_step(uint32_t sum, uint32_t value)
{
    static const uint32_t generator[] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd,
                                         0x2a1462b3};
    uint32_t top = sum >> 25;
    sum = (sum & 0x1ffffff) << 5 ^ value;
    for (int b = 0; b < 5; b++) {
        sum ^= top >> b & 1 ? generator[b] : 0;
    }
    return sum;
}

/* BIP-173 and BIP-350: the polynomial of prefix (high bits, zero, low bits) and data is 1 (bech32) or 0x2bc830a3
 * (bech32m). `one`: where the separator stands. */
static bool bech32_check(struct span v, size_t one)
{
    static const char alphabet[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    uint32_t sum = 1;
    for (size_t k = 0; k < one; k++) {
        sum = bech32_step(sum, (uint32_t)lower(v.data[k]) >> 5);
    }
    sum = bech32_step(sum, 0);
    for (size_t k = 0; k < one; k++) {
        sum = bech32_step(sum, (uint32_t)lower(v.data[k]) & 31);
    }
    for (size_t k = one + 1; k < v.len; k++) {
        const char *digit = strchr(alphabet, lower(v.data[k]));
        if (!digit || !*digit) {
            return false;
        }
        sum = bech32_step(sum, (uint32_t)(digit - alphabet));
    }
    return sum == 1 || sum == 0x2bc830a3;
}

/* An address, or a private key in wallet import format and its kin (a secret). */
static bool is_base58_address(struct span v, struct hit *hit)
{
    unsigned char payload[BASE58_MAX + 4];
    bool address = v.len >= 26 && v.len <= 36;
    bool key = v.len == 51 || v.len == 52 || v.len == 111;
    if ((!address && !key) || !base58_check(v, payload)) {
        return false;
    }
    hit->type = address || starts_at(v, 0, SPAN("xpub")) ? TYPE_CRYPTO : TYPE_SECRET;
    hit->score = 0.97;
    return true;
}

bool find_crypto(struct detection *d, size_t at, struct hit *hit)
{
    struct span t = d->text;
    size_t end = run_of(span_first(t, at + BASE58_MAX), at, ALNUM);
    struct span v = span_of(t.data + at, end - at);
    if (v.len < 26 || !ends_well(t, end)) {
        return false;
    }
    *hit = (struct hit){at, end, TYPE_CRYPTO, 0.95};
    /* Ethereum and its kin: 20 bytes in hexadecimal (the letters' case of EIP-55 needs Keccak, so it is not looked at) */
    if (v.len == 42 && v.data[0] == '0' && (v.data[1] | 0x20) == 'x') {
        return run_of(t, at + 2, HEX) == end;
    }
    struct span prefixes[] = {SPAN("bc1"), SPAN("tb1"), SPAN("ltc1"), SPAN("addr1")};
    for (size_t k = 0; k < ARRAY_LEN(prefixes); k++) {
        if (span_starts_nocase(v, prefixes[k])) {
            return bech32_check(v, prefixes[k].len - 1);
        }
    }
    return is_base58_address(v, hit);
}
