/* SPDX-License-Identifier: Apache-2.0 */
/* Model files as anyone may hand them over: facts or a sentence, nothing else. */
#include "engine/gguf.h"

#include "base/span.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    static char path[64];
    if (fd < 0) {
        fd = memfd_create("gguf", 0);
        ASSERT(fd >= 0);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    if (ftruncate(fd, (off_t)size) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size) {
        return 0;
    }
    struct gguf_facts facts;
    struct fault fault = {0};
    if (gguf_check(path, &facts, &fault) == OK) {
        ASSERT(facts.context > 0 && memchr(facts.name, 0, sizeof facts.name));
        ASSERT(gguf_memory_needed(&facts, facts.context, 4) > 0);
    } else {
        ASSERT(fault.text[0]);
    }
    return 0;
}
