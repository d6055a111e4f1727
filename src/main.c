/* SPDX-License-Identifier: Apache-2.0 */
#include "app/title.h"
#include "cli/cli.h"

int main(int argc, char **argv)
{
    title_init(argc, argv);
    return cli_main(argc, argv);
}
