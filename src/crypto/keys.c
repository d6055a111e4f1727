/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Only what is needed of libcrypto starts: no configuration file, no error
 * strings, no clean-up at exit, and SHA-256 is fetched once for the process
 * (fetching it per digest takes longer than the digest).
 */
#include "crypto/keys.h"

#include "base/rng.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#define FILE_BYTES_MAX MIB
#define PRESENTED_MAX (4 * KIB) /* longer is no key of ours */
#define NAME_MAX_BYTES 64

struct key {
    char name[NAME_MAX_BYTES + 1];
    unsigned char digest[SHA256_BYTES];
    bool admin;
    int line;
};

struct keys {
    struct key *items;
    size_t count, capacity;
};

/* ---- digests ---- */

static EVP_MD *sha256_type;

static void start_crypto(void)
{
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL);
    sha256_type = EVP_MD_fetch(NULL, "SHA256", NULL);
    ASSERT(sha256_type);
}

static EVP_MD_CTX *digest_start(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start_crypto);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    ASSERT(ctx && EVP_DigestInit_ex2(ctx, sha256_type, NULL) == 1);
    return ctx;
}

static void digest_end(EVP_MD_CTX *ctx, unsigned char out[SHA256_BYTES])
{
    unsigned len = 0;
    ASSERT(EVP_DigestFinal_ex(ctx, out, &len) == 1 && len == SHA256_BYTES);
    EVP_MD_CTX_free(ctx);
}

void sha256_to_hex(const unsigned char digest[SHA256_BYTES], char out[SHA256_HEX_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < SHA256_BYTES; i++) {
        out[2 * i] = digits[digest[i] >> 4];
        out[2 * i + 1] = digits[digest[i] & 15];
    }
    out[2 * SHA256_BYTES] = '\0';
}

void sha256(struct span s, unsigned char out[SHA256_BYTES])
{
    EVP_MD_CTX *ctx = digest_start();
    ASSERT(EVP_DigestUpdate(ctx, s.data ? s.data : "", s.len) == 1);
    digest_end(ctx, out);
}

void sha256_hex(struct span s, char out[SHA256_HEX_BYTES])
{
    unsigned char digest[SHA256_BYTES];
    sha256(s, digest);
    sha256_to_hex(digest, out);
}

static ssize_t read_some(int fd, void *buffer, size_t len)
{
    ssize_t n = 0;
    do {
        n = read(fd, buffer, len);
    } while (n < 0 && errno == EINTR);
    return n;
}

enum err sha256_file_hex(const char *path, char out[SHA256_HEX_BYTES], struct fault *fault)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return fault_set(fault, ERR_IO, "%s: %s", path, strerror(errno));
    }
    const size_t room = 256 * KIB;
    char *buffer = mem_new(room);
    EVP_MD_CTX *ctx = digest_start();
    ssize_t n = 0;
    while ((n = read_some(fd, buffer, room)) > 0) {
        ASSERT(EVP_DigestUpdate(ctx, buffer, (size_t)n) == 1);
    }
    int why = errno;
    unsigned char digest[SHA256_BYTES];
    digest_end(ctx, digest);
    mem_free(buffer);
    close(fd);
    if (n < 0) {
        return fault_set(fault, ERR_IO, "%s: %s", path, strerror(why));
    }
    sha256_to_hex(digest, out);
    return OK;
}

bool secret_eq(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.data, b.data, a.len) == 0);
}

/* ---- the keys file ---- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    char low = (char)(c | 0x20);
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

static bool from_hex(struct span s, unsigned char out[SHA256_BYTES])
{
    if (s.len != 2 * SHA256_BYTES) {
        return false;
    }
    for (size_t i = 0; i < SHA256_BYTES; i++) {
        int high = hex_digit(s.data[2 * i]);
        int low = hex_digit(s.data[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        out[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

bool key_name_valid(struct span name)
{
    if (name.len == 0 || name.len > NAME_MAX_BYTES) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];
        bool letter = ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c >= '0' && c <= '9');
        if (!letter && !(c && strchr("._-@", c))) {
            return false;
        }
    }
    return true;
}

/* The next word of a line; white space of any length stands between. */
static struct span take_word(struct span *rest)
{
    *rest = span_trim(*rest);
    size_t end = 0;
    while (end < rest->len && !strchr(" \t\r", rest->data[end])) {
        end++;
    }
    struct span word = span_first(*rest, end);
    *rest = span_trim(span_from(*rest, end));
    return word;
}

/* What is wrong with the line, or NULL; an empty line leaves out->name empty. */
static const char *read_line(struct span line, struct key *out)
{
    struct span rest = span_trim(span_first(line, span_find_char(line, '#', 0)));
    if (rest.len == 0) {
        return NULL;
    }
    struct span name = take_word(&rest);
    struct span digest = take_word(&rest);
    struct span role = take_word(&rest);
    if (!key_name_valid(name)) {
        return "the name must be 1 to 64 of A-Z a-z 0-9 . _ - @";
    }
    if (!from_hex(digest, out->digest)) {
        return "after the name comes the SHA-256 of the key, 64 hex digits (`weir keys add NAME` writes the line)";
    }
    if (rest.len || (role.len && !span_is(role, "admin"))) {
        return "after the digest only `admin` may follow";
    }
    memcpy(out->name, name.data, name.len);
    out->admin = role.len > 0;
    return NULL;
}

static const struct key *find_twin(const struct keys *keys, const struct key *key,
                                   bool *out_same_name)
{
    for (size_t i = 0; i < keys->count; i++) {
        *out_same_name = strcmp(keys->items[i].name, key->name) == 0;
        if (*out_same_name || memcmp(keys->items[i].digest, key->digest, SHA256_BYTES) == 0) {
            return &keys->items[i];
        }
    }
    return NULL;
}

static enum err add_key(struct keys *keys, const struct key *key, const char *path,
                        struct fault *fault)
{
    bool same_name = false;
    const struct key *twin = find_twin(keys, key, &same_name);
    if (twin) {
        return fault_set(fault, ERR_INVALID, "%s:%d: the same %s as on line %d", path, key->line,
                         same_name ? "name" : "key", twin->line);
    }
    if (keys->count == KEYS_MAX) {
        return fault_set(fault, ERR_INVALID, "%s:%d: more than %d keys", path, key->line, KEYS_MAX);
    }
    if (keys->count == keys->capacity) {
        size_t grown = MAX(2 * keys->capacity, (size_t)8);
        keys->items = mem_grow(keys->items, keys->capacity * sizeof *key, grown * sizeof *key);
        keys->capacity = grown;
    }
    keys->items[keys->count++] = *key;
    return OK;
}

enum err keys_parse(struct span text, const char *path, struct keys **out, struct fault *fault)
{
    struct keys *keys = NEW(struct keys);
    enum err err = OK;
    for (int line = 1; text.len && !err; line++) {
        struct key key = {.line = line};
        const char *wrong = read_line(span_cut(&text, '\n'), &key);
        if (wrong) {
            err = fault_set(fault, ERR_INVALID, "%s:%d: %s", path, line, wrong);
        } else if (key.name[0]) {
            err = add_key(keys, &key, path, fault);
        }
    }
    if (err) {
        keys_free(keys);
        return err;
    }
    *out = keys;
    return OK;
}

enum err keys_load(const char *path, struct keys **out, struct fault *fault)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return fault_set(fault, ERR_IO, "%s: %s (`weir keys add NAME` makes it)", path,
                         strerror(errno));
    }
    struct text bytes;
    text_init(&bytes, FILE_BYTES_MAX);
    char part[4096];
    ssize_t n = 0;
    while (!bytes.overflow && (n = read_some(fd, part, sizeof part)) > 0) {
        text_add(&bytes, span_of(part, (size_t)n));
    }
    int why = errno;
    close(fd);
    enum err err = OK;
    if (bytes.overflow) {
        err = fault_set(fault, ERR_INVALID, "%s: larger than 1 MiB", path);
    } else if (n < 0) {
        err = fault_set(fault, ERR_IO, "%s: %s", path, strerror(why));
    } else {
        err = keys_parse(text_span(&bytes), path, out, fault);
    }
    text_done(&bytes);
    return err;
}

void keys_free(struct keys *keys)
{
    if (keys) {
        mem_free(keys->items);
        mem_free(keys);
    }
}

size_t keys_count(const struct keys *keys)
{
    return keys->count;
}

bool keys_check(const struct keys *keys, struct span presented, const char **out_name,
                bool *out_admin)
{
    unsigned char digest[SHA256_BYTES];
    sha256(span_first(presented, PRESENTED_MAX), digest);
    size_t found = 0; /* 1-based, so that choosing needs no branch */
    for (size_t i = 0; i < keys->count; i++) {
        size_t differs = (size_t)(CRYPTO_memcmp(keys->items[i].digest, digest, SHA256_BYTES) != 0);
        found |= (differs - 1) & (i + 1); /* digests are unique: at most one line matches */
    }
    if (found == 0 || presented.len > PRESENTED_MAX) {
        return false;
    }
    if (out_name) {
        *out_name = keys->items[found - 1].name;
    }
    if (out_admin) {
        *out_admin = keys->items[found - 1].admin;
    }
    return true;
}

/* ---- making keys ---- */

void key_generate(char out[KEY_BYTES])
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char secret[33] = {0}; /* 32 random bytes; the last is padding for the last digit */
    rng_secret(secret, 32);
    memcpy(out, "weir_", 5);
    for (size_t digit = 0; digit < 43; digit++) {
        size_t bit = 6 * digit;
        unsigned pair = (unsigned)secret[bit / 8] << 8 | secret[bit / 8 + 1];
        out[5 + digit] = alphabet[pair >> (10 - bit % 8) & 63];
    }
    out[48] = '\0';
    OPENSSL_cleanse(secret, sizeof secret);
}

void key_line(struct span name, struct span key, bool admin, struct text *out)
{
    PRE(key_name_valid(name));
    char hex[SHA256_HEX_BYTES];
    sha256_hex(key, hex);
    text_addf(out, "%.*s %s%s\n", SPAN_ARG(name), hex, admin ? " admin" : "");
}
