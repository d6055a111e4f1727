/* SPDX-License-Identifier: Apache-2.0 */
#include "http/link.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

int64_t link_rtt_us(int fd)
{
    struct tcp_info info;
    socklen_t len = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0 || info.tcpi_rtt == 0) {
        return -1;
    }
    return info.tcpi_rtt;
}
