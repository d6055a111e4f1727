/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The supervisor.
 *
 * The happy path is: load the config, open listeners, lock, page and run folder,
 * fork engines and workers, then wait for signals and children until drained.
 *
 *            +------------------ restart after a back-off ------------------+
 *            v                                                              |
 *   (stopped) --fork--> running --exit, while serving--> dead --------------+
 *                          '-- 'D' or TERM, while draining --> gone
 *
 * What can go wrong: an address is taken, the ledger is served by another Weir, no
 * backend can ever answer (exit 1, one sentence each); a child dies (its page row is
 * folded, it is forked again: at once, then after 100 ms doubling to 2 s while it
 * keeps dying young); a new config is broken (the old one stays); draining takes
 * longer than KILL_AFTER_MS or a second TERM comes (children are killed).
 */
#include "app/app.h"
#include "app/control.h"
#include "app/load.h"
#include "app/title.h"
#include "app/weights.h"
#include "base/clock.h"
#include "base/log.h"
#include "engine/gguf.h"
#include "http/server.h"
#include "llama/llama_process.h"
#include "router/sticky.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LISTENERS_MAX 8
#define WORKERS_MAX PAGE_WORKERS_MAX
#define KILL_AFTER_MS 8000
#define LOCK_WAIT_MS 30000
#define LOCK_GLANCE_MS 1000
#define BACKOFF_FIRST_US (100 * US_PER_MS)
#define BACKOFF_MAX_US (2 * US_PER_S)
#define YOUNG_US (5 * US_PER_S) /* who dies before this age waits before the next try */

struct child {
    pid_t pid; /* 0 = not running */
    uint64_t started_us, restart_us, backoff_us;
    int fd;                 /* worker: our end of the control line; engine: its listener */
    struct backend backend; /* engine only: a copy, its strings live in `config` */
    struct config *config;  /* engine only */
    char name[64];
};

struct supervisor {
    const struct app_options *options;
    struct config *config;
    struct page *page;
    struct learning *learning;
    void *
        sessions; /* mapped before the first fork, so that a conversation is known to every worker */
    int listeners[LISTENERS_MAX];
    int listeners_count;
    char bound[LISTENERS_MAX][128];
    int lock_fd, signal_fd;
    char run_folder[64];
    struct child workers[WORKERS_MAX];
    int workers_count;
    struct child engines[BACKENDS_MAX];
    int engines_count;
    bool draining, said_ready, failed;
    uint64_t kill_us;
};

void engine_socket_path(const char *run_folder, const char *name, struct text *out)
{
    text_addf(out, "%s/%.40s.sock", run_folder, name);
}

/* ---- opening what children inherit ---- */

static enum err open_listeners(struct supervisor *s, struct fault *fault)
{
    for (const char *const *address = s->config->listen; *address; address++) {
        if (s->listeners_count == LISTENERS_MAX) {
            return fault_set(fault, ERR_INVALID, "more than %d listen addresses", LISTENERS_MAX);
        }
        int i = s->listeners_count;
        enum err err = http_listen(*address, &s->listeners[i], s->bound[i], fault);
        if (err) {
            return err;
        }
        s->listeners_count++;
    }
    return OK;
}

static void first_url(const struct supervisor *s, char out[200])
{
    const char *bound = s->bound[0];
    bool is_unix = strncmp(bound, "unix:", 5) == 0;
    snprintf(out, 200, "%s%s", is_unix ? "" : "http://", bound);
}

/*
 * Waits while the holder is a passing one: a command's own weir, or somebody who
 * looks who serves (a shared lock for an instant). A real server is an error at once.
 */
static enum err wait_for_lock(struct supervisor *s, const char *path, struct fault *fault)
{
    for (int waited_ms = 0; flock(s->lock_fd, LOCK_EX | LOCK_NB); waited_ms += 50) {
        struct serving other = {0};
        bool serving = app_find_serving(s->config->ledger_path, &other);
        if (serving && !strstr(other.url, OWN_SERVER_MARK)) {
            return fault_set(
                fault, ERR_IO,
                "another weir (process %d at %s) serves this ledger; stop it, or set ledger.path",
                other.pid, other.url);
        }
        if (waited_ms >= (serving ? LOCK_WAIT_MS : LOCK_GLANCE_MS)) {
            return fault_set(fault, ERR_IO, "%s is locked by another process", path);
        }
        nanosleep(&(struct timespec){.tv_nsec = 50 * 1000000}, NULL);
    }
    return OK;
}

static enum err take_lock(struct supervisor *s, struct fault *fault)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s.lock", s->config->ledger_path);
    s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->lock_fd < 0) {
        return fault_set(fault, ERR_IO, "%s: %s; set ledger.path to a place that can be written",
                         path, strerror(errno));
    }
    enum err err = wait_for_lock(s, path, fault);
    if (err) {
        return err;
    }
    char url[200];
    first_url(s, url);
    if (ftruncate(s->lock_fd, 0) || dprintf(s->lock_fd, "%d %s\n", (int)getpid(), url) < 0) {
        return fault_set(fault, ERR_IO, "%s: %s", path, strerror(errno));
    }
    return OK;
}

static enum err make_run_folder(struct supervisor *s, struct fault *fault)
{
    const char *base = getenv("XDG_RUNTIME_DIR");
    /* A Unix socket's path has at most 107 bytes. */
    if (!base || strlen(base) > 40 || access(base, W_OK)) {
        base = "/tmp";
    }
    snprintf(s->run_folder, sizeof s->run_folder, "%s/weir-XXXXXX", base);
    if (!mkdtemp(s->run_folder)) {
        return fault_set(fault, ERR_IO, "%s: %s", s->run_folder, strerror(errno));
    }
    return OK;
}

static void remove_run_folder(struct supervisor *s)
{
    for (int i = 0; i < s->engines_count; i++) {
        struct text path;
        text_init(&path, 200);
        engine_socket_path(s->run_folder, s->engines[i].name, &path);
        unlink(path.data);
        text_done(&path);
    }
    rmdir(s->run_folder);
    for (int i = 0; i < s->listeners_count; i++) {
        if (strncmp(s->bound[i], "unix:", 5) == 0) {
            unlink(s->bound[i] + 5);
        }
    }
}

/* A server without any backend that could ever answer only hides the mistake. */
static enum err check_backends(const struct config *c, struct fault *fault)
{
    struct text why;
    text_init(&why, 4 * KIB);
    bool any = false;
    for (int i = 0; i < c->backends_count && !any; i++) {
        const struct backend *b = &c->backends[i];
        struct gguf_facts facts;
        struct fault one = {0};
        if (b->api == API_LOCAL && b->tier != TIER_HUMAN &&
            gguf_check(b->model_path, &facts, &one)) {
            text_addf(&why, "%s%s: %s", why.len ? "; " : "", b->name, one.text);
        } else if (b->tier != TIER_HUMAN) {
            any = true;
        }
    }
    enum err err =
        any ? OK
            : fault_set(fault, ERR_NO_BACKEND, "no backend can answer: %s", text_span(&why).data);
    text_done(&why);
    return err;
}

/* ---- children ---- */

static void become_child(const struct supervisor *s, const char *who)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGINT, SIG_IGN); /* Ctrl-C reaches the whole group; the supervisor decides */
    signal(SIGHUP, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    close(s->signal_fd);
    close(s->lock_fd);
    title_set("weir: %s", who);
    log_setup(LOG_INFO, false, who);
}

static enum log_level level_from(const char *name)
{
    return !name || strcmp(name, "info") == 0 ? LOG_INFO
           : strcmp(name, "error") == 0       ? LOG_ERROR
           : strcmp(name, "warn") == 0        ? LOG_WARN
                                              : LOG_DEBUG;
}

static void start_log(const struct config *c, const char *who)
{
    log_setup(level_from(c->log_level), c->log_json, who);
}

static void start_worker(struct supervisor *s, int number)
{
    static char who[32];
    struct child *w = &s->workers[number];
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) {
        LOG(LOG_ERROR, "supervisor", "socketpair: %s", strerror(errno));
        w->restart_us = clock_now_us() + BACKOFF_MAX_US;
        return;
    }
    pid_t parent = getpid();
    w->started_us = clock_now_us();
    w->restart_us = 0;
    w->pid = fork();
    if (w->pid == 0) {
        snprintf(who, sizeof who, "worker %d", number);
        become_child(s, who);
        start_log(s->config, who);
        if (getppid() != parent) {
            _exit(1);
        }
        close(pair[0]);
        for (int i = 0; i < s->workers_count; i++) {
            if (i != number && s->workers[i].fd >= 0) {
                close(s->workers[i].fd);
            }
        }
        for (int i = 0; i < s->engines_count; i++) {
            close(s->engines[i].fd);
        }
        _exit(worker_run(&(struct worker_parts){
            .number = number,
            .options = s->options,
            .config = s->config,
            .page = s->page,
            .sessions = s->sessions,
            .learning = s->learning,
            .listener_fds = s->listeners,
            .listeners = s->listeners_count,
            .run_folder = s->run_folder,
            .control_fd = pair[1],
        }));
    }
    close(pair[1]);
    w->fd = pair[0];
    if (w->pid < 0) {
        LOG(LOG_ERROR, "supervisor", "fork: %s", strerror(errno));
        close(w->fd);
        w->fd = -1;
        w->pid = 0;
        w->restart_us = clock_now_us() + BACKOFF_MAX_US;
    }
}

static int engine_listen(struct supervisor *s, const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct text path;
    text_init(&path, sizeof address.sun_path - 1);
    engine_socket_path(s->run_folder, name, &path);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", text_span(&path).data);
    text_done(&path);
    unlink(address.sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 64)) {
        LOG(LOG_ERROR, "supervisor", "%s: %s", address.sun_path, strerror(errno));
    }
    return fd;
}

static void start_engine(struct supervisor *s, struct child *e)
{
    static char who[80];
    pid_t parent = getpid();
    e->started_us = clock_now_us();
    e->restart_us = 0;
    e->pid = fork();
    if (e->pid == 0) {
        snprintf(who, sizeof who, "engine %s", e->name);
        become_child(s, who);
        start_log(s->config, who);
        signal(SIGTERM, SIG_DFL);
        if (getppid() != parent) {
            _exit(1);
        }
        for (int i = 0; i < s->listeners_count; i++) {
            close(s->listeners[i]);
        }
        for (int i = 0; i < s->workers_count; i++) {
            if (s->workers[i].fd >= 0) {
                close(s->workers[i].fd);
            }
        }
        _exit(llama_process_run(&(struct llama_process_options){
            .backend = &e->backend,
            .listener_fd = e->fd,
            .parent_pid = parent,
        }));
    }
    if (e->pid < 0) {
        LOG(LOG_ERROR, "supervisor", "fork: %s", strerror(errno));
        e->pid = 0;
        e->restart_us = clock_now_us() + BACKOFF_MAX_US;
    }
}

/* Engines of the config that are not there yet are started; known ones learn their (maybe new) backend for the
 * next restart, and hear of it from the workers. */
static void use_engines(struct supervisor *s)
{
    for (int i = 0; i < s->config->backends_count; i++) {
        const struct backend *b = &s->config->backends[i];
        if (b->api != API_LOCAL || b->tier == TIER_HUMAN) {
            continue;
        }
        struct child *e = NULL;
        for (int k = 0; k < s->engines_count && !e; k++) {
            e = strcmp(s->engines[k].name, b->name) == 0 ? &s->engines[k] : NULL;
        }
        bool fresh = !e;
        if (fresh && s->engines_count == BACKENDS_MAX) {
            continue;
        }
        e = fresh ? &s->engines[s->engines_count++] : e;
        config_unref(e->config);
        e->config = config_ref(s->config);
        e->backend = *b;
        if (fresh) {
            snprintf(e->name, sizeof e->name, "%s", b->name);
            e->fd = engine_listen(s, e->name);
            start_engine(s, e);
        }
    }
}

static void child_ended(struct supervisor *s, struct child *c, const char *kind, int status)
{
    uint64_t now = clock_now_us();
    if (!s->draining) {
        LOG(LOG_ERROR, "supervisor", "%s %s ended: %s %d", kind, c->name,
            WIFSIGNALED(status) ? "signal" : "status",
            WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    }
    bool young = now - c->started_us < YOUNG_US;
    c->backoff_us = !young          ? 0
                    : c->backoff_us ? MIN(2 * c->backoff_us, BACKOFF_MAX_US)
                                    : BACKOFF_FIRST_US;
    c->pid = 0;
    c->restart_us = now + (young ? c->backoff_us : 0);
}

static void reap(struct supervisor *s)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (int i = 0; i < s->workers_count; i++) {
            struct child *w = &s->workers[i];
            if (w->pid == pid) {
                child_ended(s, w, "worker", status);
                close(w->fd);
                w->fd = -1;
                page_worker_lost(s->page, i);
                s->failed |= !s->said_ready && !WIFSIGNALED(status) && WEXITSTATUS(status) != 0;
            }
        }
        for (int i = 0; i < s->engines_count; i++) {
            if (s->engines[i].pid == pid) {
                child_ended(s, &s->engines[i], "engine", status);
            }
        }
    }
}

static void restart_due(struct supervisor *s, uint64_t now)
{
    for (int i = 0; i < s->workers_count; i++) {
        if (s->workers[i].pid == 0 && s->workers[i].restart_us <= now) {
            start_worker(s, i);
        }
    }
    for (int i = 0; i < s->engines_count; i++) {
        if (s->engines[i].pid == 0 && s->engines[i].restart_us <= now) {
            start_engine(s, &s->engines[i]);
        }
    }
}

/* ---- reload and drain ---- */

static void send_config(struct supervisor *s, struct span yaml)
{
    for (int i = 0; i < s->workers_count; i++) {
        struct child *w = &s->workers[i];
        uint32_t len = (uint32_t)yaml.len;
        char head[1 + sizeof len] = {CONTROL_CONFIG};
        memcpy(head + 1, &len, sizeof len);
        if (w->fd >= 0 && (send(w->fd, head, sizeof head, MSG_NOSIGNAL) < 0 ||
                           (yaml.len && send(w->fd, yaml.data, yaml.len, MSG_NOSIGNAL) < 0))) {
            LOG(LOG_WARN, "supervisor", "worker %d did not take the new config: %s", i,
                strerror(errno));
        }
    }
}

static void reload(struct supervisor *s)
{
    struct text yaml, errors;
    text_init(&yaml, MIB);
    text_init(&errors, 64 * KIB);
    struct config *fresh;
    enum err err = load_read(s->options, &yaml, &errors);
    err = err ? err : load_from_bytes(s->options, text_span(&yaml), &fresh, &errors);
    if (err) {
        LOG(LOG_ERROR, "config", "kept the old config: %s", text_span(&errors).data);
    } else {
        config_unref(s->config);
        s->config = fresh;
        use_engines(s);
        send_config(s, text_span(&yaml));
        LOG(LOG_INFO, "config", "reloaded %s", fresh->path ? fresh->path : "the built-in defaults");
    }
    text_done(&yaml);
    text_done(&errors);
}

static void signal_all(struct supervisor *s, int signal_number)
{
    for (int i = 0; i < s->workers_count; i++) {
        if (s->workers[i].pid) {
            kill(s->workers[i].pid, signal_number);
        }
    }
    for (int i = 0; i < s->engines_count; i++) {
        if (s->engines[i].pid) {
            kill(s->engines[i].pid, signal_number);
        }
    }
}

static void on_terminate(struct supervisor *s)
{
    if (s->draining) {
        signal_all(s, SIGKILL);
        return;
    }
    s->draining = true;
    s->kill_us = clock_now_us() + KILL_AFTER_MS * US_PER_MS;
    for (int i = 0; i < s->listeners_count; i++) {
        close(s->listeners[i]);
    }
    LOG(LOG_INFO, "supervisor", "draining");
    for (int i = 0; i < s->workers_count; i++) {
        if (s->workers[i].fd >= 0) {
            ssize_t ignored = send(s->workers[i].fd, (char[]){CONTROL_DRAIN}, 1, MSG_NOSIGNAL);
            (void)ignored;
        }
    }
}

static bool any_running(const struct child *c, int count)
{
    for (int i = 0; i < count; i++) {
        if (c[i].pid) {
            return true;
        }
    }
    return false;
}

/* Workers first, so that their last answers still have an engine. */
static bool drained(struct supervisor *s, uint64_t now)
{
    if (any_running(s->workers, s->workers_count)) {
        if (now >= s->kill_us) {
            signal_all(s, SIGKILL);
        }
        return false;
    }
    signal_all(s, SIGKILL); /* engines hold nothing worth saving */
    return !any_running(s->engines, s->engines_count);
}

/* ---- the loop ---- */

static void say_ready(struct supervisor *s)
{
    if (s->said_ready) {
        return;
    }
    s->said_ready = true;
    char url[200];
    first_url(s, url);
    LOG(LOG_INFO, "supervisor", "serving on %s", url);
    if (s->options->ready_fd >= 0) {
        dprintf(s->options->ready_fd, "READY %s\n", url);
    }
}

static void on_worker_bytes(struct supervisor *s, struct child *w)
{
    char bytes[64];
    ssize_t n = recv(w->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    for (ssize_t i = 0; i < n; i++) {
        if (bytes[i] == CONTROL_READY) {
            w->backoff_us = 0;
            say_ready(s);
        }
    }
}

static void on_signals(struct supervisor *s)
{
    struct signalfd_siginfo info;
    while (read(s->signal_fd, &info, sizeof info) == sizeof info) {
        switch (info.ssi_signo) {
        case SIGHUP:
            reload(s);
            break;
        case SIGINT:
        case SIGTERM:
            on_terminate(s);
            break;
        default:
            break; /* SIGCHLD: reap() follows anyway */
        }
    }
}

static int wait_ms(const struct supervisor *s, uint64_t now)
{
    uint64_t next = now + 60 * US_PER_S;
    for (int i = 0; i < s->workers_count; i++) {
        next = s->workers[i].pid ? next : MIN(next, s->workers[i].restart_us);
    }
    for (int i = 0; i < s->engines_count; i++) {
        next = s->engines[i].pid ? next : MIN(next, s->engines[i].restart_us);
    }
    next = s->draining ? MIN(now + 50 * US_PER_MS, next) : next;
    return next <= now ? 0 : (int)((next - now) / US_PER_MS) + 1;
}

static int serve(struct supervisor *s)
{
    for (;;) {
        struct pollfd fds[1 + WORKERS_MAX] = {{.fd = s->signal_fd, .events = POLLIN}};
        for (int i = 0; i < s->workers_count; i++) {
            fds[1 + i] = (struct pollfd){.fd = s->workers[i].fd, .events = POLLIN};
        }
        poll(fds, (nfds_t)(1 + s->workers_count), wait_ms(s, clock_now_us()));
        for (int i = 0; i < s->workers_count; i++) {
            if (s->workers[i].fd >= 0 && fds[1 + i].revents & POLLIN) {
                on_worker_bytes(s, &s->workers[i]);
            }
        }
        on_signals(s);
        reap(s);
        if (s->failed) { /* a worker that cannot even start will not start better */
            signal_all(s, SIGKILL);
            return 1;
        }
        uint64_t now = clock_now_us();
        if (s->draining) {
            if (drained(s, now)) {
                return 0;
            }
        } else {
            restart_due(s, now);
        }
    }
}

static void open_signals(struct supervisor *s)
{
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGINT);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGHUP);
    sigaddset(&mask, SIGCHLD);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    signal(SIGPIPE, SIG_IGN);
    s->signal_fd = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
}

static enum err open_all(struct supervisor *s, struct fault *fault)
{
    enum err err = check_backends(s->config, fault);
    err = err ? err : open_listeners(s, fault);
    err = err ? err : take_lock(s, fault);
    char page_path[PATH_MAX];
    snprintf(page_path, sizeof page_path, "%s.page", s->config->ledger_path);
    err = err ? err : page_open(page_path, &s->page, fault);
    if (!err) {
        void *sessions =
            mmap(NULL, STICKY_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        s->sessions = sessions == MAP_FAILED ? NULL : sessions; /* each worker then has its own */
        s->learning = weights_open(s->config->ledger_path);
        page_set_offline(s->page,
                         false); /* `weir offline on` was to try it, not for the next run */
    }
    return err ? err : make_run_folder(s, fault);
}

int supervisor_run(const struct app_options *o)
{
    static struct supervisor *s; /* lives as long as the process, children included */
    s = NEW(struct supervisor);
    s->options = o;
    struct text errors;
    text_init(&errors, 256 * KIB);
    if (app_load_config(o, &s->config, &errors)) {
        fprintf(stderr, "%s", text_span(&errors).data);
        text_done(&errors);
        return 1;
    }
    fprintf(stderr, "%s", text_span(&errors).data); /* warnings */
    text_done(&errors);
    start_log(s->config, "supervisor");
    struct fault fault = {0};
    if (open_all(s, &fault)) {
        fprintf(stderr, "weir: %s\n", fault.text);
        return 1;
    }
    title_set("weir: supervisor");
    open_signals(s);
    use_engines(s);
    s->workers_count = MAX(1, MIN(s->config->workers, WORKERS_MAX));
    for (int i = 0; i < s->workers_count; i++) {
        s->workers[i].fd = -1;
        snprintf(s->workers[i].name, sizeof s->workers[i].name, "%d", i);
    }
    int status = serve(s);
    remove_run_folder(s);
    return status;
}
