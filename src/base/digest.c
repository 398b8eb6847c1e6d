#include "base/digest.h"

#include <sodium.h>

#include "base/mem.h"

struct Sha256 {
	crypto_hash_sha256_state inner;
};

Sha256 *sha256_new(void)
{
	Sha256 *state = NEW(Sha256);

	crypto_hash_sha256_init(&state->inner);
	return state;
}

void sha256_add(Sha256 *state, const void *bytes, size_t len)
{
	if (len)
		crypto_hash_sha256_update(&state->inner, bytes, len);
}

void sha256_finish(Sha256 *state, char ret_hex[SHA256_HEX_SIZE])
{
	unsigned char sum[crypto_hash_sha256_BYTES];

	crypto_hash_sha256_final(&state->inner, sum);
	sodium_bin2hex(ret_hex, SHA256_HEX_SIZE, sum, sizeof(sum));
}

void sha256_free(Sha256 *state)
{
	free(state);
}

void sha256_of(const void *bytes, size_t len, char ret_hex[SHA256_HEX_SIZE])
{
	AUTO(sha256_free_auto) Sha256 *state = sha256_new();

	sha256_add(state, bytes, len);
	sha256_finish(state, ret_hex);
}
