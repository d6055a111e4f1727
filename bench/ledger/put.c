/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What keeping books costs the loop thread: ledger_put() of a receipt with two legs, an intent written and cleared, a
 * reservation and its settling, a breaker asked and told; and what the writer thread spends beside it. Prints one JSON
 * object; argument: a folder to write in.
 */
#include "base/clock.h"
#include "ledger/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 20000
#define PUTS 5000

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* Of the other threads: the whole process without this one. */
static double cpu_us(void)
{
    struct timespec all, mine;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &all);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &mine);
    return (double)(all.tv_sec - mine.tv_sec) * 1e6 + (double)(all.tv_nsec - mine.tv_nsec) / 1e3;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void show(const char *name, double *us, int n)
{
    qsort(us, (size_t)n, sizeof *us, compare);
    printf("{\"what\":\"%s\",\"p50_us\":%.3f,\"p99_us\":%.3f},", name, us[n / 2], us[n * 99 / 100]);
}

static void measure_page(struct page *p, double *us)
{
    struct intent i = {.request_id = "req_01JBENCHBENCHBENCHBENCHBE", .backend = "cloud", .leg = 1};
    int slot;
    for (int n = 0; n < ROUNDS; n++) {
        double begin = now_us();
        ASSERT(page_intent_write(p, 0, &i, &slot) == OK);
        page_intent_clear(p, slot);
        us[n] = now_us() - begin;
    }
    show("intent written and cleared", us, ROUNDS);
    struct budget_limits l = {1ll << 40, 1ll << 45, 1ll << 40};
    struct budget_ticket t;
    for (int n = 0; n < ROUNDS; n++) {
        double begin = now_us();
        ASSERT(page_budget_reserve(p, 0, &l, 42, 1000, &t) == OK);
        page_budget_settle(p, &t, 10);
        us[n] = now_us() - begin;
    }
    show("budget reserved and settled", us, ROUNDS);
    for (int n = 0; n < ROUNDS; n++) {
        double begin = now_us();
        ASSERT(page_breaker_admit(p, 7, 1000000));
        page_breaker_report(p, 7, true, 1000000);
        us[n] = now_us() - begin;
    }
    show("breaker asked and told", us, ROUNDS);
}

static const struct backend device = {.name = "device", .tier = TIER_DEVICE, .model = "nano"};
static const struct backend cloud = {.name = "cloud", .tier = TIER_CLOUD, .model = "m-fast"};

static void put(struct ledger *l, int n)
{
    struct rule_verdict rules[] = {{"privacy", VERDICT_PASS, SPAN("1 EMAIL_ADDRESS, redactable")},
                                   {"mode", VERDICT_PASS, SPAN("auto")}};
    struct decision d = {
        .strategy = "cascade", .score = 0.4, .threshold = 0.6, .rules = rules, .rules_count = 2};
    static const struct redaction_count redacted = {"EMAIL_ADDRESS", 1};
    struct request q = {.wall_us = clock_wall_us(), .n = 1};
    snprintf(q.id, sizeof q.id, "req_%026d", n);
    static struct receipt r;
    r = (struct receipt){.request = &q,
                         .decision = &d,
                         .legs_count = 2,
                         .author = 2,
                         .reason = SPAN("confidence 0.41 below 0.62"),
                         .confidence = 0.41,
                         .ttft_us = 61000,
                         .total_us = 89000,
                         .cost_usd_nano = 160000,
                         .always_cloud_cost_usd_nano = 160000};
    r.legs[0] = (struct leg_receipt){.leg = 1, .backend = &device, .usage = {31, 12, 0, -1, false}};
    r.legs[1] = (struct leg_receipt){.leg = 2,
                                     .backend = &cloud,
                                     .usage = {40, 60, 0, -1, false},
                                     .cost_usd_nano = 160000,
                                     .left_device_bytes = 412,
                                     .redactions = &redacted,
                                     .redactions_count = 1};
    ledger_put(l, &r, NULL, NULL, 0);
}

static void measure_ledger(const char *folder, double *us)
{
    char path[512];
    struct ledger *l = NULL;
    snprintf(path, sizeof path, "%s/bench.db", folder);
    struct fault fault = {0};
    if (ledger_open(&(struct ledger_options){.path = path}, &l, &fault) != OK) {
        fprintf(stderr, "%s\n", fault.text);
        exit(1);
    }
    double begin_all = now_us(), begin_cpu = cpu_us();
    for (int n = 0; n < PUTS; n++) {
        double begin = now_us();
        put(l, n);
        us[n] = now_us() - begin;
    }
    ASSERT(ledger_flush(l, 60000000));
    double all = now_us() - begin_all, cpu = cpu_us() - begin_cpu;
    show("receipt put", us, PUTS);
    struct text out;
    text_init(&out, 64 * MIB);
    for (int n = 0; n < 500; n++) {
        char id[31];
        snprintf(id, sizeof id, "req_%026d", n * 7);
        double begin = now_us();
        ASSERT(ledger_get(l, span_c(id), SPAN_NONE, &out) == OK);
        us[n] = now_us() - begin;
    }
    show("receipt read by id", us, 500);
    for (int n = 0; n < 20; n++) {
        double begin = now_us();
        ASSERT(ledger_report(l, 0, SPAN_NONE, &out, NULL) == OK);
        us[n] = now_us() - begin;
    }
    show("report over 5000", us, 20);
    printf("{\"what\":\"writer thread CPU per receipt\",\"p50_us\":%.3f,\"p99_us\":null},",
           cpu / PUTS);
    printf("{\"what\":\"receipts on disk per second\",\"p50_us\":%.3f,\"p99_us\":null}",
           PUTS / all * 1e6);
    ledger_close(l);
    text_done(&out);
}

int main(int argc, char **argv)
{
    static double us[ROUNDS];
    struct page *p = page_memory();
    page_worker_begin(p, 0, getpid());
    printf("{\"rows\":[");
    measure_page(p, us);
    measure_ledger(argc > 1 ? argv[1] : ".", us);
    printf("]}\n");
    page_close(p);
    return 0;
}
