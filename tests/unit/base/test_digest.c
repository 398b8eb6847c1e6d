#include "unit.h"

#include "base/digest.h"

static void known_sums(void **state UNUSED)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char hex[SHA256_HEX_SIZE];

		sha256_of(cases[i].text, strlen(cases[i].text), hex);
		assert_string_equal(hex, cases[i].want);
	}
}

static void pieces_make_the_same_sum(void **state UNUSED)
{
	AUTO(sha256_free_auto) Sha256 *pieces = sha256_new();
	char hex[SHA256_HEX_SIZE], whole[SHA256_HEX_SIZE];

	sha256_add(pieces, "ab", 2);
	sha256_add(pieces, NULL, 0);
	sha256_add(pieces, "c", 1);
	sha256_finish(pieces, hex);
	sha256_of("abc", 3, whole);
	assert_string_equal(hex, whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_sums),
		cmocka_unit_test(pieces_make_the_same_sum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
