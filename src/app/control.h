/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The line between supervisor and worker: a socket pair of bytes.
 *
 *   supervisor → worker   'C' u32 length, config bytes   swap to this config
 *                         'D'                            drain: finish what runs, then exit
 *   worker → supervisor   'R'                            I serve
 *                         'F'                            I could not take that config (the log says why)
 *
 * The supervisor has checked the bytes, so a worker's 'F' means that a file the
 * config names changed in between; the old config stays.
 */
#ifndef WEIR_APP_CONTROL_H
#define WEIR_APP_CONTROL_H

#define CONTROL_CONFIG 'C'
#define CONTROL_DRAIN 'D'
#define CONTROL_READY 'R'
#define CONTROL_FAILED 'F'

#endif
