/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file is one struct page_file, mapped shared: header, switches, budget words,
 * breakers, rows, keys, intent owners, intents. It has no format but this struct:
 * magic, version and size are checked, a file of another build is set aside (the
 * budget of the day then starts anew; the log line says so).
 *
 * The happy path is:
 *
 *   supervisor  page_open()            creates, or folds what dead owners left
 *   worker      page_worker_begin()    new generation in its row
 *   gate        reserve, intent_write  before bytes leave
 *   gate        settle                 real cost replaces the reservation
 *   ledger      intent_clear           once the receipt is on disk
 *
 * What can go wrong:
 *
 *   kill -9 anywhere      Every update is one atomic step or leaves the safe half
 *                         done: money reserved stays spent, a slot claimed but
 *                         not READY means that no byte left.
 *   process ids recur     A row's owner is boot id + pid + start time of the process.
 *   disk full             The file's blocks are allocated at open, so that writing
 *                         to the mapping cannot raise SIGBUS later.
 *   power loss            The kernel writes the mapping back when it likes: the last
 *                         seconds of budget and intents may be missing.
 *   clock set back        A period less than three back is charged to the newer
 *                         one; beyond that the clock is believed.
 */
#include "ledger/page.h"

#include "base/clock.h"
#include "base/log.h"
#include "ledger/page_privacy.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE_MAGIC 0x4547415052494557ull /* "WEIRPAGE" */
#define PAGE_VERSION 2u
#define BREAKERS 256
#define DAYS_KEPT 4
#define MONTHS_KEPT 2

static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "the page needs lock-free 64-bit atomics");

struct row {
    _Atomic uint64_t generation; /* 0 = nobody ever */
    _Atomic uint32_t alive;
    _Atomic int32_t pid;
    _Atomic uint64_t
        started; /* ticks since boot: tells a process from a later one of the same id */
    _Atomic uint64_t boot;
    _Atomic int64_t reserved_nano;
    _Atomic int32_t in_flight[BACKENDS_MAX];
    _Atomic int64_t metrics[METRIC_COUNT];
};

struct breaker {
    _Atomic uint64_t id;             /* 0 = free */
    _Atomic uint64_t open_until_us;  /* 0 = closed; in the past = half-open */
    _Atomic uint64_t probe_until_us; /* 0 = no probe is out */
    _Atomic uint32_t times_opened;
    _Atomic uint32_t failures_in_row;
    _Atomic uint64_t window[2]; /* 15 s each: number (16 bits), good (24), bad (24) */
};

struct key_budget {
    _Atomic uint64_t key_hash; /* 0 = free */
    _Atomic uint64_t day_word;
};

struct intent_slot {
    struct intent intent;
    char pad[256 - sizeof(struct intent)];
};
static_assert(sizeof(struct intent_slot) == 256, "an intent fits its slot");

struct page_file {
    uint64_t magic;
    uint32_t version, workers;
    uint64_t bytes;
    _Atomic uint64_t boot;
    _Atomic uint64_t generations; /* given out so far */
    _Atomic uint32_t offline;
    _Atomic uint32_t keys_used;
    uint64_t reserved;
    _Atomic uint64_t days[DAYS_KEPT];
    _Atomic uint64_t months[MONTHS_KEPT];
    _Atomic uint32_t intents_high; /* slots at or above it were never used */
    struct row rows[PAGE_WORKERS_MAX];
    struct breaker breakers[BREAKERS];
    struct key_budget keys[PAGE_BUDGET_KEYS];
    _Atomic uint64_t
        intent_owner[PAGE_INTENTS]; /* OWNER_READY | generation << 8 | worker; 0 = free */
    struct intent_slot intents[PAGE_INTENTS];
    struct page_privacy privacy;
};

struct page {
    struct page_file *file;
    _Atomic uint32_t free_hint; /* this process's guess at the lowest free slot */
};

/* ---- metrics ---- */

static const struct {
    const char *name, *help;
    bool gauge;
} metrics[METRIC_COUNT] = {
    [METRIC_REQUESTS] = {"weir_requests_total", "Inference requests received.", false},
    [METRIC_STREAMS] = {"weir_streams_total", "Requests that asked for a stream.", false},
    [METRIC_ANSWERS_DEVICE] = {"weir_answers_device_total", "Answers made on the device.", false},
    [METRIC_ANSWERS_EDGE] = {"weir_answers_edge_total", "Answers made at the edge.", false},
    [METRIC_ANSWERS_CLOUD] = {"weir_answers_cloud_total", "Answers made in the cloud.", false},
    [METRIC_ANSWERS_HUMAN] = {"weir_answers_human_total", "Answers given by a human.", false},
    [METRIC_FAILED] = {"weir_failed_total", "Requests that got no whole answer.", false},
    [METRIC_CANCELLED] = {"weir_cancelled_total", "Requests whose client left.", false},
    [METRIC_REFUSED] = {"weir_refused_total", "Requests refused by policy, budget or limits.",
                        false},
    [METRIC_DEGRADED] = {"weir_degraded_total", "Answers below what was asked for.", false},
    [METRIC_ESCALATED] = {"weir_escalated_total", "Device answers that were handed up.", false},
    [METRIC_REDACTED_VALUES] = {"weir_redacted_values_total", "Values replaced by pseudonyms.",
                                false},
    [METRIC_LEFT_BYTES] = {"weir_left_device_bytes_total",
                           "Request body bytes sent to other tiers.", false},
    [METRIC_INPUT_TOKENS] = {"weir_input_tokens_total", "Input tokens, all tiers.", false},
    [METRIC_OUTPUT_TOKENS] = {"weir_output_tokens_total", "Output tokens, all tiers.", false},
    [METRIC_CACHED_TOKENS] = {"weir_cached_tokens_total", "Input tokens served from a cache.",
                              false},
    [METRIC_COST_NANO] = {"weir_cost_nanodollars_total", "Known cost in billionths of a US dollar.",
                          false},
    [METRIC_LEDGER_ERRORS] = {"weir_ledger_errors_total", "Failed ledger writes.", false},
    [METRIC_LEDGER_WAITING] = {"weir_ledger_waiting", "Receipts not yet on disk.", true},
    [METRIC_IN_FLIGHT] = {"weir_in_flight", "Requests being answered.", true},
    [METRIC_HTTP_ERRORS] = {"weir_http_errors_total", "Requests answered with an HTTP error.",
                            false},
    [METRIC_OVERHEAD_US] = {"weir_overhead_microseconds_total", "Time spent in Weir itself.",
                            false},
    [METRIC_TTFT_US] = {"weir_ttft_microseconds_total", "Time to first token, summed.", false},
    [METRIC_TTFT_COUNT] = {"weir_ttft_count", "Answers in weir_ttft_microseconds_total.", false},
    [METRIC_RETRIES] = {"weir_retries_total", "Attempts beyond the first.", false},
    [METRIC_LOST] = {"weir_lost_total", "Attempts whose process ended.", false},
};

const char *metric_name(enum metric m)
{
    return metrics[m].name;
}

const char *metric_help(enum metric m)
{
    return metrics[m].help;
}

bool metric_is_gauge(enum metric m)
{
    return metrics[m].gauge;
}

/* ---- which process is meant ---- */

static uint64_t boot_hash(void)
{
    char id[64] = "";
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? 0 : read(fd, id, sizeof id);
    if (fd >= 0) {
        close(fd);
    }
    return span_hash(span_of(id, got > 0 ? (size_t)got : 0)) | 1;
}

/* Start time in ticks since boot; 0 when there is no such process, or only its corpse. */
static uint64_t process_started(int pid)
{
    char path[48];
    char stat[512];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, stat, sizeof stat - 1);
    if (fd >= 0) {
        close(fd);
    }
    if (got <= 0) {
        return 0;
    }
    stat[got] = '\0';
    /* "pid (name) S ppid …": the name may hold anything, so count fields after its last ')'. */
    char *at = strrchr(stat, ')');
    if (!at || at[1] != ' ' || at[2] == 'Z' || at[2] == 'X') {
        return 0;
    }
    for (int field = 3; field < 22 && at; field++) {
        at = strchr(at + 2, ' ');
        at = at ? at - 1 : NULL;
    }
    return at ? strtoull(at + 2, NULL, 10) : 0;
}

static bool row_lives(struct row *r, uint64_t boot)
{
    if (!atomic_load(&r->alive) || atomic_load(&r->boot) != boot) {
        return false;
    }
    uint64_t started = process_started(atomic_load(&r->pid));
    return started != 0 && started == atomic_load(&r->started);
}

/* ---- opening ---- */

static void fold_row(struct row *r)
{
    atomic_store(&r->alive, 0);
    atomic_store(&r->reserved_nano, 0); /* the budget words keep it: it is spent now */
    for (int i = 0; i < BACKENDS_MAX; i++) {
        atomic_store(&r->in_flight[i], 0);
    }
    for (int m = 0; m < METRIC_COUNT; m++) {
        if (metrics[m].gauge) {
            atomic_store(&r->metrics[m], 0);
        }
    }
}

static void start_file(struct page_file *f)
{
    f->version = PAGE_VERSION;
    f->workers = PAGE_WORKERS_MAX;
    f->bytes = sizeof *f;
    f->boot = boot_hash();
    atomic_thread_fence(memory_order_release);
    f->magic = PAGE_MAGIC;
}

/* Nobody else has the page: forget counters, breakers and the keys of past days. */
static void refresh(struct page_file *f, uint64_t boot)
{
    atomic_store(&f->boot, boot);
    for (int w = 0; w < PAGE_WORKERS_MAX; w++) {
        memset((void *)f->rows[w].metrics, 0, sizeof f->rows[w].metrics);
    }
    memset((void *)f->breakers, 0, sizeof f->breakers);
    if (atomic_load(&f->keys_used) == 0) {
        return;
    }
    struct key_budget *kept = NEW_ARRAY(struct key_budget, PAGE_BUDGET_KEYS);
    uint32_t today = clock_day(clock_wall_us());
    uint32_t used = 0;
    for (int i = 0; i < PAGE_BUDGET_KEYS; i++) {
        if (f->keys[i].key_hash && f->keys[i].day_word >> 48 >= (today & 0xffff)) {
            kept[used++] = f->keys[i];
        }
    }
    memset((void *)f->keys, 0, sizeof f->keys);
    for (uint32_t i = 0; i < used; i++) {
        size_t at = kept[i].key_hash % PAGE_BUDGET_KEYS;
        while (f->keys[at].key_hash) {
            at = (at + 1) % PAGE_BUDGET_KEYS;
        }
        f->keys[at] = kept[i];
    }
    atomic_store(&f->keys_used, used);
    mem_free(kept);
}

static void take_over(struct page_file *f)
{
    uint64_t boot = boot_hash();
    bool alone = true;
    for (int w = 0; w < PAGE_WORKERS_MAX; w++) {
        if (row_lives(&f->rows[w], boot)) {
            alone = false;
        } else if (atomic_load(&f->rows[w].generation)) {
            fold_row(&f->rows[w]);
        }
    }
    if (alone) {
        refresh(f, boot);
    }
}

static bool header_fits(int fd)
{
    struct {
        uint64_t magic;
        uint32_t version, workers;
        uint64_t bytes;
    } head;
    struct stat st;
    return fstat(fd, &st) == 0 && st.st_size == (off_t)sizeof(struct page_file) &&
           pread(fd, &head, sizeof head, 0) == (ssize_t)sizeof head && head.magic == PAGE_MAGIC &&
           head.version == PAGE_VERSION && head.workers == PAGE_WORKERS_MAX &&
           head.bytes == sizeof(struct page_file);
}

static struct page *page_over(void *memory)
{
    struct page *p = NEW(struct page);
    p->file = memory;
    return p;
}

static int open_locked(const char *path, int flags)
{
    int fd = open(path, flags | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
    for (int tries = 0; fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0; tries++) {
        if (tries == 500) { /* another program stands still in the middle of its start */
            close(fd);
            errno = EBUSY;
            return -1;
        }
        poll(NULL, 0, 10);
    }
    return fd;
}

/* Moves a file of another build or a damaged one out of the way; gives a new descriptor, or -1. */
static int set_aside(int fd, const char *path)
{
    char aside[4096];
    int n = snprintf(aside, sizeof aside, "%s.old-%llu", path,
                     (unsigned long long)(clock_wall_us() / US_PER_S));
    if (n >= (int)sizeof aside || rename(path, aside) != 0) {
        close(fd);
        return -1;
    }
    LOG(LOG_WARN, "page",
        "%s is not of this version: set aside as %s; budgets and open attempts start anew", path,
        aside);
    close(fd);
    return open_locked(path, O_CREAT);
}

enum err page_open(const char *path, struct page **out, struct fault *fault)
{
    int fd = open_locked(path, O_CREAT);
    if (fd < 0) {
        return fault_set(fault, ERR_IO, "shared page %s: %s", path, strerror(errno));
    }
    struct stat st;
    bool fresh = fstat(fd, &st) == 0 && st.st_size == 0;
    if (!fresh && !header_fits(fd)) {
        fd = set_aside(fd, path);
        fresh = true;
        if (fd < 0) {
            return fault_set(fault, ERR_IO,
                             "shared page %s is damaged and cannot be moved away: %s", path,
                             strerror(errno));
        }
    }
    int failed = posix_fallocate(fd, 0, sizeof(struct page_file));
    void *memory =
        failed ? MAP_FAILED
               : mmap(NULL, sizeof(struct page_file), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) {
        failed = failed ? failed : errno;
        if (fresh) {
            unlink(path);
        }
        close(fd);
        return fault_set(fault, ERR_IO, "shared page %s (%zu KiB): %s", path,
                         sizeof(struct page_file) / 1024, strerror(failed));
    }
    if (fresh) {
        start_file(memory);
    } else {
        take_over(memory);
    }
    flock(fd, LOCK_UN); /* close() alone would not: the mapping keeps the open file */
    close(fd);
    *out = page_over(memory);
    return OK;
}

enum err page_attach(const char *path, struct page **out, struct fault *fault)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        return fault_set(fault, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "shared page %s: %s",
                         path, strerror(errno));
    }
    if (!header_fits(fd)) {
        close(fd);
        return fault_set(fault, ERR_IO, "shared page %s is of another version of weir", path);
    }
    void *memory = mmap(NULL, sizeof(struct page_file), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    int failed = errno;
    close(fd);
    if (memory == MAP_FAILED) {
        return fault_set(fault, ERR_IO, "shared page %s: %s", path, strerror(failed));
    }
    *out = page_over(memory);
    return OK;
}

struct page *page_memory(void)
{
    void *memory = mmap(NULL, sizeof(struct page_file), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT(memory != MAP_FAILED);
    start_file(memory);
    return page_over(memory);
}

void page_close(struct page *p)
{
    if (p) {
        munmap(p->file, sizeof *p->file);
        mem_free(p);
    }
}

struct page_privacy *page_privacy(const struct page *p)
{
    return &p->file->privacy;
}

/* ---- rows ---- */

static struct row *row_of(const struct page *p, int worker)
{
    PRE(worker >= 0 && worker < PAGE_WORKERS_MAX);
    return &p->file->rows[worker];
}

static void hold_row(struct page *p, struct row *r, int pid)
{
    fold_row(r);
    atomic_store(&r->generation, atomic_fetch_add(&p->file->generations, 1) + 1);
    atomic_store(&r->pid, pid);
    atomic_store(&r->started, process_started(pid));
    atomic_store(&r->boot, atomic_load(&p->file->boot));
    atomic_store(&r->alive, 1);
}

void page_worker_begin(struct page *p, int worker, int pid)
{
    hold_row(p, row_of(p, worker), pid);
}

int page_worker_begin_any(struct page *p, int pid)
{
    uint64_t boot = atomic_load(&p->file->boot);
    for (int w = PAGE_WORKERS_MAX - 1; w >= 0; w--) {
        struct row *r = &p->file->rows[w];
        uint32_t free_row = 0;
        if (atomic_load(&r->alive) == 1 && !row_lives(r, boot)) {
            fold_row(r);
        }
        /* 2 = being taken: nobody judges it by the old process id. */
        if (atomic_compare_exchange_strong(&r->alive, &free_row, 2)) {
            hold_row(p, r, pid);
            return w;
        }
    }
    return -1;
}

void page_worker_lost(struct page *p, int worker)
{
    fold_row(row_of(p, worker));
}

void page_worker_end(struct page *p, int worker)
{
    fold_row(row_of(p, worker));
}

void page_count(struct page *p, int worker, enum metric m, int64_t add)
{
    atomic_fetch_add_explicit(&row_of(p, worker)->metrics[m], add, memory_order_relaxed);
}

int64_t page_metric(const struct page *p, enum metric m)
{
    int64_t sum = 0;
    for (int w = 0; w < PAGE_WORKERS_MAX; w++) {
        sum += atomic_load_explicit(&p->file->rows[w].metrics[m], memory_order_relaxed);
    }
    return sum;
}

int page_backend_in_flight(const struct page *p, int backend)
{
    PRE(backend >= 0 && backend < BACKENDS_MAX);
    int sum = 0;
    for (int w = 0; w < PAGE_WORKERS_MAX; w++) {
        sum += atomic_load(&p->file->rows[w].in_flight[backend]);
    }
    return sum;
}

bool page_backend_enter(struct page *p, int worker, int backend, int max)
{
    if (max > 0 && page_backend_in_flight(p, backend) >= max) {
        return false;
    }
    atomic_fetch_add(&row_of(p, worker)->in_flight[backend], 1);
    return true;
}

void page_backend_leave(struct page *p, int worker, int backend)
{
    int before = atomic_fetch_sub(&row_of(p, worker)->in_flight[backend], 1);
    ASSERT(before > 0);
}

/* ---- words of a period number and an amount ---- */

#define AMOUNT_MAX ((int64_t)((1ull << 48) - 1))

static int64_t word_amount(uint64_t word)
{
    return (int64_t)(word & (uint64_t)AMOUNT_MAX);
}

static uint64_t word_of(uint32_t period, int64_t amount)
{
    amount = MAX(amount, 0);
    return (uint64_t)(period & 0xffff) << 48 | (uint64_t)MIN(amount, AMOUNT_MAX);
}

/* What `word` says about `period`: the period to charge now. A word one or two periods ahead wins: another process
 * already passed midnight. */
static uint32_t period_to_charge(uint64_t word, uint32_t period)
{
    uint16_t ahead = (uint16_t)((word >> 48) - period);
    return ahead <= 2 ? period + ahead : period;
}

/* Adds `nano` unless it would pass `limit` (-1 = none). */
static bool word_charge(_Atomic uint64_t *word, uint32_t period, int64_t nano, int64_t limit,
                        uint32_t *out_period)
{
    uint64_t was = atomic_load(word);
    for (;;) {
        uint32_t charged = period_to_charge(was, period);
        int64_t amount = was >> 48 == (charged & 0xffff) ? word_amount(was) : 0;
        if (limit >= 0 && nano > MIN(limit, AMOUNT_MAX) - amount) {
            return false;
        }
        if (atomic_compare_exchange_weak(word, &was, word_of(charged, amount + nano))) {
            *out_period = charged;
            return true;
        }
    }
}

/* Changes the amount of a period that was charged; a period gone by is left alone. */
static void word_adjust(_Atomic uint64_t *word, uint32_t period, int64_t add)
{
    uint64_t was = atomic_load(word);
    while (was >> 48 == (period & 0xffff) &&
           !atomic_compare_exchange_weak(word, &was, word_of(period, word_amount(was) + add))) {
    }
}

static int64_t word_read(const _Atomic uint64_t *word, uint32_t period)
{
    uint64_t now = atomic_load(word);
    return now >> 48 == (period_to_charge(now, period) & 0xffff) ? word_amount(now) : 0;
}

/* ---- budget ---- */

/* Months since 1970 of a day number (Howard Hinnant's civil_from_days). */
static uint32_t month_of_day(uint32_t day)
{
    uint32_t z = day + 719468;
    uint32_t era = z / 146097;
    uint32_t of_era = z - era * 146097;
    uint32_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    uint32_t of_year = of_era - (365 * year + year / 4 - year / 100);
    uint32_t mp = (5 * of_year + 2) / 153; /* 0 = March */
    uint32_t month = mp < 10 ? mp + 2 : mp - 10;
    uint32_t civil = year + era * 400 + (month <= 1);
    return (civil - 1970) * 12 + month;
}

/* The key's entry; `make` claims a free one. NULL when it is not there and cannot be made. */
static struct key_budget *key_entry(const struct page *p, uint64_t key_hash, bool make)
{
    struct key_budget *keys = p->file->keys;
    for (size_t i = 0; i < PAGE_BUDGET_KEYS; i++) {
        struct key_budget *k = &keys[(key_hash + i) % PAGE_BUDGET_KEYS];
        uint64_t held = atomic_load(&k->key_hash);
        if (held == 0 && make && atomic_compare_exchange_strong(&k->key_hash, &held, key_hash)) {
            atomic_fetch_add(&p->file->keys_used, 1);
            return k;
        }
        if (held == key_hash) {
            return k;
        }
        if (held == 0) {
            return NULL;
        }
    }
    return NULL;
}

enum err page_budget_reserve(struct page *p, int worker, const struct budget_limits *l,
                             uint64_t key_hash, int64_t nano, struct budget_ticket *out_ticket)
{
    PRE(nano >= 0);
    struct page_file *f = p->file;
    struct budget_ticket t = {.reserved = nano, .worker = worker};
    uint32_t day = clock_day(clock_wall_us());
    uint32_t month = month_of_day(day);
    _Atomic uint64_t *day_word = &f->days[day % DAYS_KEPT];
    _Atomic uint64_t *month_word = &f->months[month % MONTHS_KEPT];
    struct key_budget *key = NULL;
    if (key_hash && l->per_key_per_day >= 0) {
        key = key_entry(p, key_hash, true);
        if (!key) {
            return ERR_OVERLOADED;
        }
    }
    if (!word_charge(day_word, day, nano, l->per_day, &t.day)) {
        return ERR_BUDGET;
    }
    if (!word_charge(month_word, month, nano, l->per_month, &t.month)) {
        word_adjust(day_word, t.day, -nano);
        return ERR_BUDGET;
    }
    if (key && !word_charge(&key->day_word, day, nano, l->per_key_per_day, &t.key_day)) {
        word_adjust(day_word, t.day, -nano);
        word_adjust(month_word, t.month, -nano);
        return ERR_BUDGET;
    }
    t.key_hash = key ? key_hash : 0;
    atomic_fetch_add(&row_of(p, worker)->reserved_nano, nano);
    *out_ticket = t;
    return OK;
}

void page_budget_settle(struct page *p, const struct budget_ticket *t, int64_t spent_nano)
{
    PRE(spent_nano >= 0);
    struct page_file *f = p->file;
    int64_t add = MIN(spent_nano, AMOUNT_MAX) - t->reserved;
    word_adjust(&f->days[t->day % DAYS_KEPT], t->day, add);
    word_adjust(&f->months[t->month % MONTHS_KEPT], t->month, add);
    struct key_budget *key = t->key_hash ? key_entry(p, t->key_hash, false) : NULL;
    if (key) {
        word_adjust(&key->day_word, t->key_day, add);
    }
    atomic_fetch_sub(&row_of(p, t->worker)->reserved_nano, t->reserved);
}

static int64_t tighter(int64_t left, int64_t limit, int64_t used)
{
    if (limit < 0) {
        return left;
    }
    int64_t here = MAX(MIN(limit, AMOUNT_MAX) - used, 0);
    return left < 0 ? here : MIN(left, here);
}

int64_t page_budget_left(const struct page *p, const struct budget_limits *l, uint64_t key_hash)
{
    uint32_t day = clock_day(clock_wall_us());
    uint32_t month = month_of_day(day);
    int64_t left = tighter(-1, l->per_day, word_read(&p->file->days[day % DAYS_KEPT], day));
    left = tighter(left, l->per_month, word_read(&p->file->months[month % MONTHS_KEPT], month));
    if (key_hash && l->per_key_per_day >= 0) {
        struct key_budget *key = key_entry(p, key_hash, false);
        left = tighter(left, l->per_key_per_day, key ? word_read(&key->day_word, day) : 0);
    }
    return left;
}

int64_t page_budget_spent_today(const struct page *p)
{
    uint32_t day = clock_day(clock_wall_us());
    int64_t spent = word_read(&p->file->days[day % DAYS_KEPT], day);
    for (int w = 0; w < PAGE_WORKERS_MAX; w++) {
        spent -= atomic_load(&p->file->rows[w].reserved_nano);
    }
    return MAX(spent, 0);
}

/*
 * ---- breakers ----
 *
 *            5 failures in a row, or more than half of >= 10 within 30 s
 *   closed ─────────────────────────────────────────────────────────────> open (5 s, 10 s … 60 s)
 *     ^                                                                     │ time is over
 *     │   a good answer                                                     v
 *     └──────────────────────────────────────────────────────────────── half-open: one probe
 *                                      the probe fails: open, twice as long ┘
 *
 * Late answers of requests that went out before it opened: bad ones change nothing, good ones close it only once
 * it is half-open. A probe that never reports (its process died) is forgotten after 30 s.
 */
#define ROW_OF_FAILURES 5
#define WINDOW_LEAST 10
#define WINDOW_US (15ull * US_PER_S) /* two of them are looked at */
#define OPEN_FIRST_US (5ull * US_PER_S)
#define OPEN_MOST_US (60ull * US_PER_S)
#define PROBE_US (30ull * US_PER_S)

const char *breaker_state_name(enum breaker_state s)
{
    static const char *const names[] = {"closed", "open", "half-open"};
    return names[s];
}

static struct breaker *breaker_of(const struct page *p, uint64_t id, bool make)
{
    id = id ? id : 1;
    for (size_t i = 0; i < BREAKERS; i++) {
        struct breaker *b = &p->file->breakers[(id + i) % BREAKERS];
        uint64_t held = atomic_load(&b->id);
        if (held == 0 && make && atomic_compare_exchange_strong(&b->id, &held, id)) {
            return b;
        }
        if (held == id) {
            return b;
        }
        if (held == 0) {
            return NULL;
        }
    }
    return NULL; /* 256 other backends: this one has no breaker */
}

static enum breaker_state state_at(struct breaker *b, uint64_t now_us)
{
    uint64_t until = atomic_load(&b->open_until_us);
    return until == 0 ? BREAKER_CLOSED : now_us < until ? BREAKER_OPEN : BREAKER_HALF_OPEN;
}

enum breaker_state page_breaker_state(const struct page *p, uint64_t id, uint64_t now_us)
{
    struct breaker *b = breaker_of(p, id, false);
    return b ? state_at(b, now_us) : BREAKER_CLOSED;
}

bool page_breaker_admit(struct page *p, uint64_t id, uint64_t now_us)
{
    struct breaker *b = breaker_of(p, id, false);
    enum breaker_state s = b ? state_at(b, now_us) : BREAKER_CLOSED;
    if (s != BREAKER_HALF_OPEN) {
        return s == BREAKER_CLOSED;
    }
    uint64_t probe = atomic_load(&b->probe_until_us);
    return (probe == 0 || now_us >= probe) &&
           atomic_compare_exchange_strong(&b->probe_until_us, &probe, now_us + PROBE_US);
}

static void open_breaker(struct breaker *b, uint64_t now_us)
{
    uint32_t times = atomic_fetch_add(&b->times_opened, 1);
    uint64_t pause = MIN(OPEN_FIRST_US << MIN(times, 10u), OPEN_MOST_US);
    atomic_store(&b->failures_in_row, 0);
    atomic_store(&b->window[0], 0);
    atomic_store(&b->window[1], 0);
    atomic_store(&b->open_until_us, now_us + pause);
    atomic_store(&b->probe_until_us, 0);
}

static void close_breaker(struct breaker *b)
{
    atomic_store(&b->open_until_us, 0);
    atomic_store(&b->probe_until_us, 0);
    atomic_store(&b->times_opened, 0);
}

#define COUNT_MAX 0xffffffull

/* Adds one verdict to the current window; gives good and bad of it and the one before. */
static void window_count(struct breaker *b, bool ok, uint64_t now_us, uint64_t *good, uint64_t *bad)
{
    uint64_t number = now_us / WINDOW_US & 0xffff;
    _Atomic uint64_t *w = &b->window[number & 1];
    uint64_t was = atomic_load(w);
    uint64_t g;
    uint64_t f;
    do {
        bool same = was >> 48 == number;
        g = MIN((same ? was >> 24 & COUNT_MAX : 0) + ok, COUNT_MAX);
        f = MIN((same ? was & COUNT_MAX : 0) + !ok, COUNT_MAX);
    } while (!atomic_compare_exchange_weak(w, &was, number << 48 | g << 24 | f));
    uint64_t before = atomic_load(&b->window[~number & 1]);
    bool recent = before >> 48 == ((number - 1) & 0xffff);
    *good = g + (recent ? before >> 24 & COUNT_MAX : 0);
    *bad = f + (recent ? before & COUNT_MAX : 0);
}

void page_breaker_report(struct page *p, uint64_t id, bool ok, uint64_t now_us)
{
    struct breaker *b = breaker_of(p, id, true);
    if (!b) {
        return;
    }
    switch (state_at(b, now_us)) {
    case BREAKER_OPEN:
        return;
    case BREAKER_HALF_OPEN:
        if (ok) {
            close_breaker(b);
        } else if (atomic_load(&b->probe_until_us)) {
            open_breaker(b, now_us);
        }
        return;
    case BREAKER_CLOSED:
        break;
    }
    uint64_t good;
    uint64_t bad;
    window_count(b, ok, now_us, &good, &bad);
    uint32_t in_row = 0;
    if (ok) {
        atomic_store(&b->failures_in_row, 0);
    } else {
        in_row = atomic_fetch_add(&b->failures_in_row, 1) + 1;
    }
    if (!ok && (in_row >= ROW_OF_FAILURES || (good + bad >= WINDOW_LEAST && bad > good))) {
        open_breaker(b, now_us);
    }
}

void page_breaker_release(struct page *p, uint64_t id)
{
    struct breaker *b = breaker_of(p, id, false);
    if (b) {
        atomic_store(&b->probe_until_us, 0);
    }
}

/* ---- intents ---- */

#define OWNER_READY (1ull << 63)

static uint64_t owner_of(const struct page *p, int worker)
{
    return atomic_load(&row_of(p, worker)->generation) << 8 | (uint64_t)worker;
}

static bool owner_is_dead(const struct page *p, uint64_t owner)
{
    struct row *r = &p->file->rows[(owner & 0xff) % PAGE_WORKERS_MAX];
    uint64_t generation = (owner & ~OWNER_READY) >> 8;
    return !atomic_load(&r->alive) || atomic_load(&r->generation) != generation;
}

static int claim_slot(struct page *p, uint64_t owner)
{
    struct page_file *f = p->file;
    uint32_t from = atomic_load_explicit(&p->free_hint, memory_order_relaxed) % PAGE_INTENTS;
    for (uint32_t i = 0; i < PAGE_INTENTS; i++) {
        uint32_t slot = (from + i) % PAGE_INTENTS;
        uint64_t nobody = 0;
        if (atomic_load_explicit(&f->intent_owner[slot], memory_order_relaxed) == 0 &&
            atomic_compare_exchange_strong(&f->intent_owner[slot], &nobody, owner)) {
            atomic_store_explicit(&p->free_hint, slot + 1, memory_order_relaxed);
            return (int)slot;
        }
    }
    return -1;
}

static void raise_high(struct page_file *f, uint32_t slot)
{
    uint32_t high = atomic_load(&f->intents_high);
    while (high <= slot && !atomic_compare_exchange_weak(&f->intents_high, &high, slot + 1)) {
    }
}

static uint32_t high_of(const struct page_file *f)
{
    uint32_t high = atomic_load(&f->intents_high);
    return MIN(high, (uint32_t)PAGE_INTENTS);
}

enum err page_intent_write(struct page *p, int worker, const struct intent *i, int *out_slot)
{
    uint64_t owner = owner_of(p, worker);
    PRE(owner >> 8 != 0); /* page_worker_begin() came first */
    int slot = claim_slot(p, owner);
    if (slot < 0) {
        return ERR_OVERLOADED;
    }
    raise_high(p->file, (uint32_t)slot);
    p->file->intents[slot].intent = *i;
    atomic_store_explicit(&p->file->intent_owner[slot], owner | OWNER_READY, memory_order_release);
    *out_slot = slot;
    return OK;
}

void page_intent_clear(struct page *p, int slot)
{
    PRE(slot >= 0 && slot < PAGE_INTENTS);
    /* A free slot names nobody: what is forgotten must not stay here. */
    memset(p->file->intents[slot].intent.client, 0, sizeof p->file->intents[slot].intent.client);
    atomic_store_explicit(&p->file->intent_owner[slot], 0, memory_order_release);
    if ((uint32_t)slot < atomic_load_explicit(&p->free_hint, memory_order_relaxed)) {
        atomic_store_explicit(&p->free_hint, (uint32_t)slot, memory_order_relaxed);
    }
}

/* The next slot of a dead owner passes to `next_owner` (0 = becomes free). */
static bool take_dead_slot(struct page *p, uint64_t next_owner, struct intent *out, int *out_slot)
{
    struct page_file *f = p->file;
    uint32_t high = high_of(f);
    for (uint32_t slot = 0; slot < high; slot++) {
        uint64_t owner = atomic_load_explicit(&f->intent_owner[slot], memory_order_acquire);
        if (owner == 0 || !owner_is_dead(p, owner)) {
            continue;
        }
        if (!(owner & OWNER_READY)) { /* it died before anything was sent */
            atomic_compare_exchange_strong(&f->intent_owner[slot], &owner, 0);
            continue;
        }
        struct intent copy = f->intents[slot].intent; /* a dead owner does not write */
        if (atomic_compare_exchange_strong(&f->intent_owner[slot], &owner, next_owner)) {
            /* The bytes come from a file: whatever they are, the strings end. */
            copy.request_id[sizeof copy.request_id - 1] = '\0';
            copy.backend[sizeof copy.backend - 1] = '\0';
            copy.client[sizeof copy.client - 1] = '\0';
            copy.model[sizeof copy.model - 1] = '\0';
            if (next_owner == 0) {
                page_intent_clear(p, (int)slot);
            }
            *out = copy;
            *out_slot = (int)slot;
            return true;
        }
    }
    return false;
}

bool page_intent_adopt_lost(struct page *p, int worker, struct intent *out, int *out_slot)
{
    return take_dead_slot(p, owner_of(p, worker) | OWNER_READY, out, out_slot);
}

bool page_intent_take_lost(struct page *p, struct intent *out)
{
    int slot;
    return take_dead_slot(p, 0, out, &slot);
}

int page_intents_used(const struct page *p)
{
    int used = 0;
    uint32_t high = high_of(p->file);
    for (uint32_t slot = 0; slot < high; slot++) {
        used += atomic_load(&p->file->intent_owner[slot]) != 0;
    }
    return used;
}

/* ---- switches ---- */

void page_set_offline(struct page *p, bool on)
{
    atomic_store(&p->file->offline, on ? OFFLINE_ON : OFFLINE_AUTO);
}

bool page_offline(const struct page *p)
{
    return atomic_load(&p->file->offline) == OFFLINE_ON;
}
