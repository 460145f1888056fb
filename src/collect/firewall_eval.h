/* firewall_eval.h - registers and what is loaded into them. Private to firewall_*.c. */
#pragma once

#include "collect/firewall_rules.h"

enum { FW_NAME_BYTES = 16 }; /* IFNAMSIZ, as meta iifname fills it */

bool fw_is_known(const uint8_t *k, size_t n);
struct ip fw_ip_of(const struct fw_walk *w, const uint8_t *v);

/* n bytes from the first of word; those up to the next whole word become zero. v, k NULL: zero, known. */
void fw_store(struct fw_walk *w, uint32_t word, const uint8_t *v, const uint8_t *k, size_t n);
void fw_store_unknown(struct fw_walk *w, uint32_t word, size_t n);

void fw_load_header(struct fw_walk *w, const struct fw_expr *e);
void fw_write_header(struct fw_walk *w, const struct fw_expr *e, enum fw_tri match);
void fw_eval_fib(struct fw_walk *w, const struct fw_expr *e);
void fw_eval_meta_set(struct fw_walk *w, const struct fw_expr *e, enum fw_tri match);
/* FW_NO: the expression breaks off; FW_MAYBE: it may. */
enum fw_tri fw_eval_meta(struct fw_walk *w, const struct fw_expr *e);
enum fw_tri fw_eval_ct(struct fw_walk *w, const struct fw_expr *e);
