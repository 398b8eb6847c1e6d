/* digest.h - SHA-256 as lower-case hex; the only user of libsodium. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

#define SHA256_HEX_SIZE 65

typedef struct Sha256 Sha256;
Sha256 *sha256_new(void);
void sha256_add(Sha256 *state, const void *bytes, size_t len);
void sha256_finish(Sha256 *state, char ret_hex[SHA256_HEX_SIZE]); /* the state is spent */
void sha256_free(Sha256 *state);
DEFINE_AUTO(Sha256, sha256_free)

void sha256_of(const void *bytes, size_t len, char ret_hex[SHA256_HEX_SIZE]);
