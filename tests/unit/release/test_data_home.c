#include "release/data_home.h"

#include "base/text.h"
#include "fake_env.h"

typedef struct Place {
	Release release;
	char *data;
	char *home;
} Place;

static void place_clear(Place *place)
{
	release_clear(&place->release);
	free(place->data);
	free(place->home);
}

static Place place_of(FakeSite *fake, const char *environment)
{
	Place place = {0};

	assert_done(release_at(environment, &place.release, &fake->err), &fake->err);
	place.data = path_join(place.release.package_dir, "data");
	place.home = site_data_home(&fake->site);
	return place;
}

static void expect_home(FakeSite *fake, const Place *place, DataHome wanted)
{
	DataHome home;

	assert_done(data_home_state(&fake->site, &place->release, &home, &fake->err), &fake->err);
	assert_int_equal(home, wanted);
}

static void expect_file(const char *folder, const char *name)
{
	AUTO(free_auto) char *path = path_join(folder, name);

	if (!file_exists(path))
		fail_msg("'%s' is not there", path);
}

static void a_folder_with_only_the_shipped_file_is_no_data(void **state)
{
	FakeSite *fake = *state;
	AUTO(place_clear) Place place = place_of(fake, fake->site.environment);

	expect_home(fake, &place, DATA_NEITHER);
	fake_file_at(place.data, "webui.db", "rows");
	expect_home(fake, &place, DATA_INSIDE);
}

static void the_data_moves_and_moves_back(void **state)
{
	FakeSite *fake = *state;
	AUTO(place_clear) Place place = place_of(fake, fake->site.environment);

	fake_file_at(place.data, "webui.db", "rows");
	for (int i = 0; i < 2; i++) {
		assert_done(data_home_move(&fake->site, &place.release, &fake->err), &fake->err);
		expect_home(fake, &place, DATA_MOVED);
		expect_file(place.home, "webui.db");
		expect_file(place.data, "webui.db");
	}
	for (int i = 0; i < 2; i++) {
		assert_done(
			data_home_move_back(&fake->site, &place.release, &fake->err), &fake->err);
		expect_home(fake, &place, DATA_INSIDE);
		expect_file(place.data, "webui.db");
		assert_int_equal(file_kind(place.home), FILE_ABSENT);
	}
}

/* A crash before the exchange of a move, or after that of a move back. */
static void the_placeholder_is_no_obstacle_either_way(void **state)
{
	FakeSite *fake = *state;
	AUTO(place_clear) Place place = place_of(fake, fake->site.environment);

	fake_file_at(place.data, "webui.db", "rows");
	assert_done(link_replace(place.home, place.home, &fake->err), &fake->err);
	expect_home(fake, &place, DATA_INSIDE);
	assert_done(data_home_move_back(&fake->site, &place.release, &fake->err), &fake->err);
	assert_int_equal(file_kind(place.home), FILE_ABSENT);
	assert_done(link_replace(place.home, place.home, &fake->err), &fake->err);
	assert_done(data_home_move(&fake->site, &place.release, &fake->err), &fake->err);
	expect_home(fake, &place, DATA_MOVED);
	expect_file(place.home, "webui.db");
}

static void data_at_the_new_place_is_never_overwritten(void **state)
{
	FakeSite *fake = *state;
	AUTO(place_clear) Place place = place_of(fake, fake->site.environment);

	fake_file_at(place.data, "webui.db", "rows");
	fake_file_at(place.home, "webui.db", "somebody else's");
	assert_error(
		data_home_move(&fake->site, &place.release, &fake->err), &fake->err, ERR_FOREIGN);
	expect_home(fake, &place, DATA_INSIDE);
}

static void another_release_gets_a_link(void **state)
{
	FakeSite *fake = *state;
	AUTO(free_auto) char *path = path_join(fake->releases, "0.8.0");
	AUTO(place_clear) Place old = place_of(fake, fake->site.environment);

	fake_env(path, "0.8.0");
	AUTO(place_clear) Place next = place_of(fake, path);
	assert_error(
		data_home_link(&fake->site, &next.release, &fake->err), &fake->err, ERR_VERIFY);
	err_clear(&fake->err);
	fake_file_at(old.data, "webui.db", "rows");
	assert_done(data_home_move(&fake->site, &old.release, &fake->err), &fake->err);
	for (int i = 0; i < 2; i++) {
		assert_done(data_home_link(&fake->site, &next.release, &fake->err), &fake->err);
		expect_home(fake, &next, DATA_MOVED);
		expect_file(next.data, "webui.db");
	}
}

static void a_release_with_data_of_its_own_is_refused(void **state)
{
	FakeSite *fake = *state;
	AUTO(free_auto) char *path = path_join(fake->releases, "0.8.0");

	fake_env(path, "0.8.0");
	AUTO(place_clear) Place next = place_of(fake, path);
	fake_file_at(next.home, "webui.db", "rows");
	fake_file_at(next.data, "webui.db", "other rows");
	assert_error(
		data_home_link(&fake->site, &next.release, &fake->err), &fake->err, ERR_REFUSED);
	expect_home(fake, &next, DATA_INSIDE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FAKE_TEST(a_folder_with_only_the_shipped_file_is_no_data),
		FAKE_TEST(the_data_moves_and_moves_back),
		FAKE_TEST(the_placeholder_is_no_obstacle_either_way),
		FAKE_TEST(data_at_the_new_place_is_never_overwritten),
		FAKE_TEST(another_release_gets_a_link),
		FAKE_TEST(a_release_with_data_of_its_own_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
