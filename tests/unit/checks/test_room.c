/* What an upgrade takes against what there is, as a table. */
#include "checks/room.h"

#include "unit.h"

#define MB (1LL << 20)

static RoomPlace place(int64_t free_mb)
{
	return (RoomPlace){
		.path = (char *)"/srv", .disk = {.free_bytes = free_mb * MB, .free_inodes = -1}};
}

/* The copy is made when proof and rehearsal are gone: the larger of the two counts. */
static void not_all_is_there_at_one_time(void **state)
{
	RoomPlace one = place(0);

	(void)state;
	one.bytes[ROOM_BACKUP] = 10;
	one.bytes[ROOM_PROOF] = 5;
	one.bytes[ROOM_REHEARSAL] = 20;
	one.bytes[ROOM_COPY] = 22;
	assert_int_equal(room_peak(&one), 35);
	one.bytes[ROOM_COPY] = 30;
	assert_int_equal(room_peak(&one), 40);
}

static void judges_each_file_system(void **state)
{
	static const struct {
		int64_t free_mb, inodes;
		bool read_only, unseen;
		FindingKind wanted;
		const char *part;
	} cases[] = {
		{400, -1, false, false, FINDING_OK, "105 MB needed"},
		{300, -1, false, false, FINDING_REFUSED, "are needed"},
		{400, 100, false, false, FINDING_REFUSED, "inodes"},
		{400, -1, true, false, FINDING_REFUSED, "read-only"},
		{0, -1, false, true, FINDING_WARNING, "cannot be asked"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		AUTO(err_clear) Err why = {0};
		Room room = {.places = {place(cases[i].free_mb)}, .len = 1};

		room.places[0].bytes[ROOM_COPY] = 100 * MB;
		room.places[0].disk.free_inodes = cases[i].inodes;
		room.places[0].disk.read_only = cases[i].read_only;
		if (cases[i].unseen)
			room.places[0].path = NULL;
		assert_int_equal(room_judge(&room, &why), cases[i].wanted);
		assert_part(why.text, cases[i].part);
	}
}

/* Migrations run beside the server that serves; the next one starts when it has ended. */
static void judges_memory(void **state)
{
	static const struct {
		int64_t migrate_kb, serve_kb, available_kb, serves_now_kb;
		const char *part; /* NULL: enough */
	} cases[] = {
		{500, 700, 800, 600, NULL},
		{500, 1300, 800, 600, NULL},
		{900, 700, 800, 600, "the migrations need"},
		{500, 1500, 800, 600, "the release needs"},
		{900, 700, INT64_MAX, 600, NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		AUTO(err_clear) Err err = {0};
		const RoomMeasured measured = {
			.migrate_kb = cases[i].migrate_kb,
			.serve_kb = cases[i].serve_kb,
			.available_kb = cases[i].available_kb,
			.serves_now_kb = cases[i].serves_now_kb,
		};
		const bool fine = room_memory_judge(&measured, &err);

		assert_int_equal(fine, cases[i].part == NULL);
		if (!fine) {
			assert_int_equal(err.kind, ERR_REFUSED);
			assert_part(err.text, cases[i].part);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(not_all_is_there_at_one_time),
		cmocka_unit_test(judges_each_file_system),
		cmocka_unit_test(judges_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
