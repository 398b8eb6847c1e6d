#include "scratch.h"

#include "os/disk.h"

static void measures_what_does_not_exist_yet(void **state)
{
	AUTO(err_clear) Err err = {0};
	DiskFree here, later;

	assert_done(disk_free(*state, &here, &err), &err);
	assert_done(disk_free(in(state, "not/yet/there"), &later, &err), &err);
	assert_true(here.device == later.device);
	assert_true(here.free_bytes > 0);
	assert_false(here.read_only);
	assert_true(here.free_inodes == -1 || here.free_inodes > 0);
}

static void tells_file_systems_apart(void **state)
{
	AUTO(err_clear) Err err = {0};
	DiskFree here, proc;

	assert_done(disk_free(*state, &here, &err), &err);
	assert_done(disk_free("/proc", &proc, &err), &err);
	assert_true(here.device != proc.device);
	assert_false(proc.network);
}

static void knows_mount_points(void **state)
{
	assert_true(disk_is_mount_point("/proc"));
	assert_false(disk_is_mount_point(*state));
	assert_false(disk_is_mount_point(in(state, "none")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(measures_what_does_not_exist_yet),
		scratch_test(tells_file_systems_apart),
		scratch_test(knows_mount_points),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
