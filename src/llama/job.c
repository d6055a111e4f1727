/* SPDX-License-Identifier: Apache-2.0 */
#include "llama/job.h"

#include <sys/eventfd.h>
#include <unistd.h>

#define NEWS_MAX (256 * MIB)

void job_free(struct job *job)
{
    for (int i = 0; i < CHOICES_MAX; i++) {
        chat_parser_free(job->io.parsers[i]);
    }
    chat_prompt_free(job->prompt);
    mem_free(job->tokens);
    mem_free(job->show_special);
    arena_free(job->arena);
}

void mailbox_init(struct mailbox *m)
{
    m->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    ASSERT(m->wake_fd >= 0);
    pthread_mutex_init(&m->shared.lock, NULL);
    text_init(&m->shared.news, NEWS_MAX);
}

void mailbox_done(struct mailbox *m)
{
    close(m->wake_fd);
    pthread_mutex_destroy(&m->shared.lock);
    text_done(&m->shared.news);
}

void mailbox_post(struct mailbox *m, struct text *batch)
{
    if (batch->len == 0) {
        return;
    }
    pthread_mutex_lock(&m->shared.lock);
    bool was_empty = m->shared.news.len == 0;
    text_add(&m->shared.news, text_span(batch));
    ASSERT(
        !m->shared.news.overflow); /* the I/O thread has hung: a restart is better than lost news */
    pthread_mutex_unlock(&m->shared.lock);
    text_clear(batch);
    if (was_empty) {
        ssize_t n = write(m->wake_fd, &(uint64_t){1}, sizeof(uint64_t));
        (void)n; /* only full when a wake-up is pending anyway */
    }
}

void mailbox_take(struct mailbox *m, struct text *into)
{
    PRE(into->len == 0);
    uint64_t count;
    ssize_t n = read(m->wake_fd, &count, sizeof count);
    (void)n;
    pthread_mutex_lock(&m->shared.lock);
    struct text news = m->shared.news;
    m->shared.news = *into;
    *into = news;
    pthread_mutex_unlock(&m->shared.lock);
}

void news_write(struct text *batch, const struct news *n, struct span text, struct span logprobs)
{
    struct news header = *n;
    header.text_bytes = (uint32_t)text.len;
    header.logprobs_bytes = (uint32_t)logprobs.len;
    text_add(batch, span_of((const char *)&header, sizeof header));
    text_add(batch, text);
    text_add(batch, logprobs);
}
