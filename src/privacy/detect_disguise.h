/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text in disguise: what a person or a machine reads through and a plain scan does not.
 *
 * Folding gives a copy to scan, with each character as the one it stands for:
 * full-width, mathematical and other scripts' digits; look-alikes of Latin letters
 * among Latin ones; characters of no width left out; %40, \u0040, \x40, \", &#64;
 * decoded. A list of the places where the copy and the original drift apart takes
 * findings back to bytes of the original. Runs of base64 that decode to text are
 * scanned decoded; a finding in one is the whole run. Linear in the text.
 */
#ifndef WEIR_PRIVACY_DETECT_DISGUISE_H
#define WEIR_PRIVACY_DETECT_DISGUISE_H

#include "privacy/findings.h"

typedef void plain_fn(struct span text, struct span near, struct findings *out);

/* Is there anything that the other function would read in another way? */
bool disguise_worn(struct span text);
void disguise_detect(struct span text, struct span near, plain_fn *plain, struct findings *out);

#endif
