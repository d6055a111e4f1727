/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"
#include "http/link.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void a_used_connection_has_a_round_trip(void **state)
{
    (void)state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    int near = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(near, (struct sockaddr *)&address, sizeof address), 0);
    int far = accept(listener, NULL, NULL);
    char byte = 'x';
    assert_int_equal(send(near, &byte, 1, 0), 1);
    assert_int_equal(recv(far, &byte, 1, 0), 1);
    assert_int_equal(send(far, &byte, 1, 0), 1);
    assert_int_equal(recv(near, &byte, 1, 0), 1);
    assert_in_range(link_rtt_us(near), 1, 5000000);
    (void)close(near);
    (void)close(far);
    (void)close(listener);
}

static void what_is_no_tcp_has_none(void **state)
{
    (void)state;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(link_rtt_us(pair[0]), -1);
    (void)close(pair[0]);
    (void)close(pair[1]);
    assert_int_equal(link_rtt_us(-1), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_used_connection_has_a_round_trip),
        cmocka_unit_test(what_is_no_tcp_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
