/* SPDX-License-Identifier: Apache-2.0 */
#include "app/dumps.h"
#include "app/title.h"
#include "cli/cli.h"

int main(int argc, char **argv)
{
    dumps_off();
    title_init(argc, argv);
    return cli_main(argc, argv);
}
