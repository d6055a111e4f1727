/* SPDX-License-Identifier: Apache-2.0 */
#include "app/weights.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_BYTES_MAX (8 * KIB)

void weights_path(const char *ledger_path, struct text *out)
{
    text_addf(out, "%s.weights", ledger_path);
}

static bool read_whole(int fd, void *to, size_t bytes)
{
    char *at = to;
    while (bytes) {
        ssize_t n = read(fd, at, bytes);
        if (n <= 0) {
            return false;
        }
        at += n;
        bytes -= (size_t)n;
    }
    return true;
}

/* OK, ERR_NOT_FOUND, or ERR_INVALID for what is no weights file of this build. */
static enum err read_heads(const char *path, struct heads *out)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_INVALID;
    }
    struct heads *read = NEW(struct heads);
    bool fine = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == (off_t)sizeof *read &&
                read_whole(fd, read, sizeof *read) && heads_valid(read, sizeof *read);
    close(fd);
    if (fine) {
        memcpy((void *)out, (const void *)read, sizeof *out);
    }
    mem_free(read);
    return fine ? OK : ERR_INVALID;
}

static void set_aside(const char *path)
{
    struct text aside;
    text_init(&aside, PATH_BYTES_MAX);
    text_addf(&aside, "%s.old", path);
    bool moved = rename(path, aside.data) == 0;
    LOG(LOG_WARN, "router", "%s is damaged or of another build: learning starts afresh%s%s", path,
        moved ? ", the file is now " : "", moved ? aside.data : "");
    text_done(&aside);
}

struct learning *weights_open(const char *ledger_path)
{
    struct text path;
    void *memory = mmap(NULL, sizeof(struct learning), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        return NULL;
    }
    struct learning *l = memory;
    learning_init(l);
    text_init(&path, PATH_BYTES_MAX);
    weights_path(ledger_path, &path);
    enum err err = read_heads(path.data, &l->heads);
    if (err == OK) {
        LOG(LOG_INFO, "router", "learned weights from %u prompts", atomic_load(&l->heads.prompts));
    } else if (err != ERR_NOT_FOUND) {
        set_aside(path.data);
    }
    text_done(&path);
    return l;
}

static bool write_whole(int fd, const void *from, size_t bytes)
{
    const char *at = from;
    while (bytes) {
        ssize_t n = write(fd, at, bytes);
        if (n <= 0) {
            return false;
        }
        at += n;
        bytes -= (size_t)n;
    }
    return fsync(fd) == 0;
}

enum err weights_save(const char *ledger_path, const struct heads *heads, struct fault *fault)
{
    struct text path;
    struct text fresh;
    enum err err = OK;
    text_init(&path, PATH_BYTES_MAX);
    text_init(&fresh, PATH_BYTES_MAX);
    weights_path(ledger_path, &path);
    text_addf(&fresh, "%s.%d.new", path.data, (int)getpid());
    int fd = open(fresh.data, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool written = fd >= 0 && write_whole(fd, heads, sizeof *heads);
    if (fd >= 0) {
        written = close(fd) == 0 && written;
    }
    if (!written || rename(fresh.data, path.data) != 0) {
        err = fault_set(fault, ERR_IO, "%s: %s", path.data, strerror(errno));
        (void)unlink(fresh.data);
    }
    text_done(&path);
    text_done(&fresh);
    return err;
}
