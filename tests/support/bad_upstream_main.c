/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad_upstream CA_FILE [PORT TLS_PORT]: runs the scripted provider until its
 * standard input is closed, so that it never outlives the test that started it.
 * Prints one line first: {"port":N,"tls_port":N,"h2_port":N}
 */
#include "support/bad_upstream.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    if (argc != 2 && argc != 4) {
        fprintf(stderr, "usage: bad_upstream CA_FILE [PORT TLS_PORT]\n");
        return 2;
    }
    struct bad_upstream *b = bad_upstream_start(&(struct bad_options){
        .ca_file = argv[1],
        .port = argc == 4 ? (int)strtol(argv[2], NULL, 10) : 0,
        .tls_port = argc == 4 ? (int)strtol(argv[3], NULL, 10) : 0,
    });
    printf("{\"port\":%d,\"tls_port\":%d,\"h2_port\":%d}\n", bad_upstream_port(b),
           bad_upstream_tls_port(b), bad_upstream_h2_port(b));
    fflush(stdout);
    char byte;
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
    bad_upstream_stop(b);
    return 0;
}
