/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The permanent record of a request (INTERFACE: "The `weir` object and a
 * receipt"). The flow fills it while the answer is made; the gate adds what left
 * the device; the ledger keeps its JSON. It never holds words of the prompt.
 */
#ifndef WEIR_CORE_RECEIPT_H
#define WEIR_CORE_RECEIPT_H

#include "core/decision.h"
#include "core/facts.h"

#define LEGS_MAX 16

struct redaction_count {
    const char *type;
    int count;
};

struct leg_receipt {
    int leg; /* 1.. */
    const struct backend *backend;
    struct span model; /* that answered, as the backend says */
    enum leg_outcome outcome;
    struct span error; /* SPAN_NONE when fine */
    uint64_t start_us; /* after received_us */
    int64_t ttft_us;   /* after received_us; -1 = no token came */
    int64_t total_us;  /* after received_us; -1 = still running */
    struct usage usage;
    int64_t cost_usd_nano; /* USD_UNKNOWN without price; 0 on the device */
    bool cost_estimated;
    int attempts;
    int64_t left_device_bytes;
    const struct redaction_count *redactions; /* in the request's arena */
    int redactions_count;
};

struct receipt {
    const struct request *request;
    const struct decision *decision;
    const struct facts *facts;
    struct leg_receipt legs[LEGS_MAX];
    int legs_count;
    int author; /* leg whose answer the client got; 0 = none */
    struct span reason;
    double confidence; /* of the device answer; < 0 = none */
    enum degraded degraded;
    enum outcome outcome;
    int64_t ttft_us, total_us; /* after received_us; -1 = none */
    int64_t
        overhead_us; /* Weir's own time before the first leg started, plus after the author's end */
    int64_t cost_usd_nano;              /* sum over legs; USD_UNKNOWN if any that cost is unknown */
    int64_t always_cloud_cost_usd_nano; /* USD_UNKNOWN without a priced cloud */
    bool always_cloud_estimated;
    struct span hint;       /* one plain sentence with the next step; SPAN_NONE */
    struct fault fault;     /* code OK unless it failed */
    int64_t retry_after_ms; /* a provider asked for it and nobody else answered; 0 = not said */
};

/* Around words of somebody else (a provider's error may repeat the prompt) in errors and reasons. The client hears
 * them; no receipt has them. */
#define RECEIPT_QUOTE_BEGIN "\xe2\x80\x9c"
#define RECEIPT_QUOTE_END "\xe2\x80\x9d"

int receipt_redacted(const struct receipt *r); /* values replaced, over all legs */
/* Writes the receipt object. `with_rules` false: the short form that rides on answers. */
void receipt_write(const struct receipt *r, bool with_rules, struct text *out);

#endif
