/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/seal.h"

#include "base/rng.h"
#include "crypto/keys.h"

#include <openssl/evp.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_LEN 32
#define MAGIC "WSL1"
#define MAGIC_LEN 4
#define ID_LEN 8
#define NONCE_LEN 12
#define TAG_LEN 16
#define HEAD_LEN (MAGIC_LEN + ID_LEN + NONCE_LEN)
#define LINE_LEN (2 * KEY_LEN + 1) /* hex digits and the line break */
static_assert(HEAD_LEN + TAG_LEN == SEAL_OVERHEAD, "as the header says");

struct seal {
    unsigned char key[KEY_LEN];
    unsigned char id[ID_LEN];
};

/* ---- the key's file ---- */

/* A page of its own. Where locking is not allowed it stays unlocked: swap is then the machine's affair. */
static struct seal *seal_new(void)
{
    struct seal *s =
        mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT(s != MAP_FAILED);
    (void)madvise(s, sizeof *s, MADV_DONTDUMP);
    (void)mlock(s, sizeof *s);
    return s;
}

void seal_free(struct seal *s)
{
    if (s) {
        explicit_bzero(s, sizeof *s);
        (void)munmap(s, sizeof *s);
    }
}

/* The id must not help to guess the key: a digest of it under a name of its own. */
static void set_id(struct seal *s)
{
    static const char prefix[] = "weir seal key id";
    char named[sizeof prefix - 1 + KEY_LEN];
    unsigned char digest[SHA256_BYTES];
    memcpy(named, prefix, sizeof prefix - 1);
    memcpy(named + sizeof prefix - 1, s->key, KEY_LEN);
    sha256(span_of(named, sizeof named), digest);
    memcpy(s->id, digest, ID_LEN);
    explicit_bzero(named, sizeof named);
}

static int hex_value(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static bool parse_key(struct span line, unsigned char key[KEY_LEN])
{
    line = span_trim(line);
    bool fine = line.len == 2 * (size_t)KEY_LEN;
    for (size_t i = 0; fine && i < KEY_LEN; i++) {
        int high = hex_value(line.data[2 * i]);
        int low = hex_value(line.data[2 * i + 1]);
        fine = high >= 0 && low >= 0;
        key[i] = (unsigned char)((unsigned)high << 4 | (unsigned)low);
    }
    return fine;
}

static enum err read_key(const char *path, struct seal *s, struct fault *fault)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        enum err err = errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
        fault_set(fault, err, "%.120s: %s", path, strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return err;
    }
    char line[2 * LINE_LEN];
    ssize_t n = S_ISREG(st.st_mode) ? read(fd, line, sizeof line) : -1;
    close(fd);
    enum err err = OK;
    if (n < 0) {
        err = fault_set(fault, ERR_IO, "%.120s cannot be read as a key file", path);
    } else if (st.st_mode & (S_IRWXG | S_IRWXO)) {
        err =
            fault_set(fault, ERR_INVALID, "%.120s: others may read this key; `chmod 600` it", path);
    } else if (!parse_key(span_of(line, (size_t)n), s->key)) {
        err = fault_set(fault, ERR_INVALID,
                        "%.120s is no key: one line of 64 hex digits is expected", path);
    } else {
        set_id(s);
    }
    explicit_bzero(line, sizeof line);
    return err;
}

static bool write_all(int fd, const char *bytes, size_t len)
{
    while (len) {
        ssize_t n = write(fd, bytes, len);
        if (n <= 0 && errno != EINTR) {
            return false;
        }
        bytes += MAX(n, 0);
        len -= (size_t)MAX(n, 0);
    }
    return true;
}

/* Written aside, then linked to its name: whoever is first wins, and nobody sees half a key. */
static enum err make_key(const char *path, struct fault *fault)
{
    char aside[4096];
    if ((size_t)snprintf(aside, sizeof aside, "%s.%d.new", path, (int)getpid()) >= sizeof aside) {
        return fault_set(fault, ERR_IO, "%.120s…: the path is too long", path);
    }
    unsigned char key[KEY_LEN];
    char line[LINE_LEN + 1];
    rng_secret(key, sizeof key);
    for (size_t i = 0; i < KEY_LEN; i++) {
        snprintf(line + 2 * i, 3, "%02x", key[i]);
    }
    line[LINE_LEN - 1] = '\n';
    (void)unlink(aside); /* of a process of this number that was killed */
    int fd = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool made = fd >= 0 && write_all(fd, line, LINE_LEN) && fsync(fd) == 0 &&
                (link(aside, path) == 0 || errno == EEXIST);
    enum err err = made ? OK : fault_set(fault, ERR_IO, "%.120s: %s", path, strerror(errno));
    if (fd >= 0) {
        close(fd);
        (void)unlink(aside);
    }
    explicit_bzero(line, sizeof line);
    explicit_bzero(key, sizeof key);
    return err;
}

enum err seal_load(const char *path, bool may_make, struct seal **out, struct fault *fault)
{
    struct seal *s = seal_new();
    enum err err = read_key(path, s, fault);
    if (err == ERR_NOT_FOUND && may_make) {
        err = make_key(path, fault);
        err = err ? err : read_key(path, s, fault);
    }
    if (err) {
        seal_free(s);
        return err;
    }
    *out = s;
    return OK;
}

static void name_id(const unsigned char id[ID_LEN], char out[SEAL_NAME_BYTES])
{
    for (size_t i = 0; i < ID_LEN; i++) {
        snprintf(out + 2 * i, 3, "%02x", id[i]);
    }
}

void seal_name(const struct seal *s, char out[SEAL_NAME_BYTES])
{
    name_id(s->id, out);
}

/* ---- sealing ---- */

/* The cipher's start for both ways; fails only when memory does. */
static EVP_CIPHER_CTX *start(const struct seal *s, const unsigned char *nonce, struct span context,
                             bool encrypt)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int none;
    ASSERT(ctx &&
           EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, s->key, nonce, encrypt ? 1 : 0) == 1);
    ASSERT(context.len == 0 ||
           EVP_CipherUpdate(ctx, NULL, &none, (const unsigned char *)context.data,
                            (int)context.len) == 1);
    return ctx;
}

enum err seal_wrap(const struct seal *s, struct span plain, struct span context, struct text *out)
{
    char *at =
        plain.len < INT32_MAX - SEAL_OVERHEAD ? text_reserve(out, plain.len + SEAL_OVERHEAD) : NULL;
    if (!at) {
        return ERR_TOO_LARGE;
    }
    unsigned char *head = (unsigned char *)at;
    memcpy(head, MAGIC, MAGIC_LEN);
    memcpy(head + MAGIC_LEN, s->id, ID_LEN);
    rng_secret(head + MAGIC_LEN + ID_LEN, NONCE_LEN);
    EVP_CIPHER_CTX *ctx = start(s, head + MAGIC_LEN + ID_LEN, context, true);
    unsigned char *body = head + HEAD_LEN;
    int len = 0;
    ASSERT(plain.len == 0 || EVP_CipherUpdate(ctx, body, &len, (const unsigned char *)plain.data,
                                              (int)plain.len) == 1);
    ASSERT(EVP_CipherFinal_ex(ctx, body + len, &len) == 1);
    ASSERT(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG_LEN, body + plain.len) == 1);
    EVP_CIPHER_CTX_free(ctx);
    out->len += plain.len + SEAL_OVERHEAD;
    out->data[out->len] = '\0';
    return OK;
}

bool seal_is_sealed(struct span s)
{
    return s.len >= SEAL_OVERHEAD && memcmp(s.data, MAGIC, MAGIC_LEN) == 0;
}

enum err seal_unwrap(const struct seal *s, struct span sealed, struct span context,
                     struct text *out, struct fault *fault)
{
    if (!seal_is_sealed(sealed) || sealed.len >= INT32_MAX) {
        return fault_set(fault, ERR_INVALID, "this was not sealed by weir");
    }
    unsigned char *bytes = (unsigned char *)(uintptr_t)sealed.data;
    if (memcmp(bytes + MAGIC_LEN, s->id, ID_LEN) != 0) {
        char other[SEAL_NAME_BYTES];
        char mine[SEAL_NAME_BYTES];
        name_id(bytes + MAGIC_LEN, other);
        seal_name(s, mine);
        return fault_set(fault, ERR_INVALID,
                         "this was sealed with the key %s, and the key file holds %s; put the "
                         "other key file back to read it",
                         other, mine);
    }
    size_t len = sealed.len - SEAL_OVERHEAD;
    char *at = text_reserve(out, len);
    if (!at) {
        return fault_set(fault, ERR_TOO_LARGE, "too long to open");
    }
    EVP_CIPHER_CTX *ctx = start(s, bytes + MAGIC_LEN + ID_LEN, context, false);
    int n = 0;
    bool fits =
        (len == 0 ||
         EVP_CipherUpdate(ctx, (unsigned char *)at, &n, bytes + HEAD_LEN, (int)len) == 1) &&
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG_LEN, bytes + HEAD_LEN + len) == 1 &&
        EVP_CipherFinal_ex(ctx, (unsigned char *)at + n, &n) == 1;
    EVP_CIPHER_CTX_free(ctx);
    if (!fits) {
        explicit_bzero(at, len);
        return fault_set(fault, ERR_INVALID,
                         "its seal is broken: it was changed, or belongs somewhere else");
    }
    out->len += len;
    out->data[out->len] = '\0';
    return OK;
}
