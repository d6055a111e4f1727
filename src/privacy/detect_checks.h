/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Check digits of national numbers. Each rule gets the capitals and digits alone,
 * which already have the shape of its row in detect_national.c, where the source
 * of the rule stands too; it says whether the sum (and the date inside) is right.
 */
#ifndef WEIR_PRIVACY_DETECT_CHECKS_H
#define WEIR_PRIVACY_DETECT_CHECKS_H

#include "base/span.h"

typedef bool check_fn(const char *c);

check_fn br_cpf, ar_cuit, cl_rut_8, cl_rut_9, mx_curp, luhn_11, ec_ci, uy_ci, ca_sin, us_mbi,
    us_npi, us_dea, us_routing, es_nif, es_nie, es_nuss, pt_nif, it_fiscal, fr_nir, be_rrn, nl_bsn,
    de_tax, de_pension, de_card, at_svnr, ch_ahv, gb_nhs, gb_nino, ie_pps, ie_pps_2, gr_amka,
    gr_afm, se_pnr, se_pnr_12, no_fnr, dk_cpr, fi_hetu, fi_hetu_dash, is_kennitala, baltic, lv_code,
    pl_pesel, cz_rc, hu_taj, hu_tax, ro_cnp, bg_egn, hr_oib, jmbg, tr_tckn, ru_inn, ru_snils,
    ua_rnokpp, kz_iin, md_idnp, cn_ric, tw_id, hk_id, sg_nric, kr_rrn, jp_number, in_aadhaar,
    in_pan, th_id, my_nric, id_nik, luhn_9, za_id, ae_id, sa_id, eg_id, no_check, lk_nic, au_tfn,
    au_medicare, nz_ird;

#endif
