/* SPDX-License-Identifier: Apache-2.0 */
/* Source of the format: prometheus.io, "Exposition formats", text version 0.0.4. */
#include "admin/admin.h"

static void write_counters(const struct page *page, struct text *out)
{
    for (int m = 0; m < METRIC_COUNT; m++) {
        const char *name = metric_name((enum metric)m);
        text_addf(out, "# HELP %s %s\n# TYPE %s %s\n%s %lld\n", name, metric_help((enum metric)m),
                  name, metric_is_gauge((enum metric)m) ? "gauge" : "counter", name,
                  (long long)page_metric(page, (enum metric)m));
    }
}

/* Backend names are checked by the config to need no escaping. */
static void write_backend(const struct backend *b, const struct backend_state *s, struct text *out)
{
    text_addf(out, "weir_backend_usable{backend=\"%s\",tier=\"%s\"} %d\n", b->name,
              tier_name(b->tier), s->usable);
    text_addf(out, "weir_backend_breaker_open{backend=\"%s\"} %d\n", b->name, s->breaker_open);
    text_addf(out, "weir_backend_queue{backend=\"%s\"} %d\n", b->name, s->queue);
    text_addf(out, "weir_backend_failing_share{backend=\"%s\"} %.3f\n", b->name, s->failing);
    if (s->ttft_us > 0) {
        text_addf(out, "weir_backend_ttft_seconds{backend=\"%s\"} %.6f\n", b->name,
                  s->ttft_us / 1e6);
    }
    if (s->tokens_per_s > 0) {
        text_addf(out, "weir_backend_tokens_per_second{backend=\"%s\"} %.3f\n", b->name,
                  s->tokens_per_s);
    }
}

static void write_guard(const struct guard *guard, struct text *out)
{
    text_add_c(out, "# HELP weir_guard_alarms_total Alarms raised by this worker's guard.\n"
                    "# TYPE weir_guard_alarms_total counter\n"
                    "# HELP weir_guard_alarms Clients of this worker with a standing alarm.\n"
                    "# TYPE weir_guard_alarms gauge\n");
    for (int a = 0; a < GUARD_ALARMS; a++) {
        const char *name = guard_alarm_name((enum guard_alarm)a);
        text_addf(out, "weir_guard_alarms_total{alarm=\"%s\"} %lld\n", name,
                  (long long)guard_raised(guard, (enum guard_alarm)a));
        text_addf(out, "weir_guard_alarms{alarm=\"%s\"} %d\n", name,
                  guard_standing(guard, (enum guard_alarm)a));
    }
}

void metrics_write(struct gateway *g, struct text *out)
{
    write_counters(gateway_parts(g)->page, out);
    text_addf(out,
              "# HELP weir_info Version of the running program.\n# TYPE weir_info gauge\n"
              "weir_info{version=\"%s\"} 1\n",
              WEIR_VERSION);
    text_add_c(out,
               "# TYPE weir_backend_usable gauge\n# TYPE weir_backend_breaker_open gauge\n"
               "# TYPE weir_backend_queue gauge\n# TYPE weir_backend_tokens_per_second gauge\n"
               "# TYPE weir_backend_failing_share gauge\n# TYPE weir_backend_ttft_seconds gauge\n");
    const struct config *c = gateway_config(g);
    for (int i = 0; i < c->backends_count; i++) {
        struct backend_state s;
        gateway_backend_state(g, &c->backends[i], &s);
        write_backend(&c->backends[i], &s, out);
    }
    write_guard(gateway_guard(g), out);
}
