/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stands for the engine in builds without llama.cpp (-DWEIR_ENGINE=OFF): it
 * serves the socket, says in HELLO that there is no model and why, and ends
 * every request with the same sentence.
 */
#include "llama/llama_process.h"

#include "base/log.h"
#include "engine/frames.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNS_MAX = 64 };
static const char why[] = "this weir was built without the engine (WEIR_ENGINE=OFF)";

static volatile sig_atomic_t told_to_end;

static void on_signal(int signal_number)
{
    (void)signal_number;
    told_to_end = 1;
}

static bool send_frame(int fd, enum frame_type type, uint32_t request, struct span payload)
{
    struct text out;
    text_init(&out, 64 * KIB);
    frame_write(&out, type, request, payload);
    bool ok = send(fd, out.data, out.len, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)out.len;
    text_done(&out);
    return ok;
}

static bool send_hello(int fd)
{
    char json[256];
    int n = snprintf(json, sizeof json, "{\"up\":false,\"why\":\"%s\"}", why);
    return send_frame(fd, FRAME_HELLO, 0, span_of(json, (size_t)n));
}

static bool refuse(int fd, uint32_t request)
{
    char payload[sizeof(struct frame_end) + sizeof why];
    struct frame_end end = {.err = ERR_NO_BACKEND, .text_bytes = sizeof why - 1};
    memcpy(payload, &end, sizeof end);
    memcpy(payload + sizeof end, why, sizeof why - 1);
    return send_frame(fd, FRAME_END, request, span_of(payload, sizeof end + sizeof why - 1));
}

static bool read_frames(int fd, struct text *in)
{
    char *room = text_reserve(in, 64 * KIB);
    ssize_t n = room ? recv(fd, room, 64 * KIB, MSG_DONTWAIT) : 0;
    if (n <= 0) {
        return false;
    }
    in->len += (size_t)n;
    struct frame_header h;
    struct span payload;
    size_t size;
    enum err err;
    while ((err = frame_peek(text_span(in), &h, &payload, &size)) == OK) {
        if (h.type == FRAME_SUBMIT && !refuse(fd, h.request)) {
            return false;
        }
        text_drop_front(in, size);
    }
    return err == ERR_CANCELLED;
}

int llama_process_run(const struct llama_process_options *options)
{
    struct sigaction act = {.sa_handler = on_signal};
    sigaction(SIGTERM, &act, NULL);
    signal(SIGINT, SIG_IGN);
    if (options->parent_pid) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    }
    LOG(LOG_WARN, "engine", "%s", why);
    struct pollfd fds[CONNS_MAX + 1] = {{.fd = options->listener_fd, .events = POLLIN}};
    struct text in[CONNS_MAX + 1];
    int count = 1;
    while (!told_to_end && (!options->parent_pid || getppid() == options->parent_pid)) {
        if (poll(fds, (nfds_t)count, 500) <= 0) {
            continue;
        }
        for (int i = count - 1; i > 0; i--) {
            if (fds[i].revents && !read_frames(fds[i].fd, &in[i])) {
                close(fds[i].fd);
                text_done(&in[i]);
                fds[i] = fds[count - 1];
                in[i] = in[--count];
            }
        }
        int fd = fds[0].revents && count <= CONNS_MAX
                     ? accept4(options->listener_fd, NULL, NULL, SOCK_CLOEXEC)
                     : -1;
        if (fd >= 0) {
            text_init(&in[count], FRAME_PAYLOAD_MAX + 128 * KIB);
            fds[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
            (void)send_hello(fd);
        }
    }
    return 0;
}

const char *llama_process_version(void)
{
    return "none (built with WEIR_ENGINE=OFF)";
}
