#include "unit.h"

#include "os/memory.h"

static void it_is_no_more_than_the_machine_has(void **state)
{
	char label[32];
	long long total = 0;
	FILE *file = fopen("/proc/meminfo", "r");
	(void)state;

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%31s %lld", label, &total), 2);
	fclose(file);
	assert_true(memory_available_kb() > 0);
	assert_true(memory_available_kb() <= total);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(it_is_no_more_than_the_machine_has)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
