#include "docker/container_config.h"

#include <stdlib.h>

#include "base/text.h"
#include "unit.h"

static json_t *parsed(const char *text)
{
	Err err = {0};
	json_t *json = NULL;

	assert_done(json_parse(text, strlen(text), 65536, &json, &err), &err);
	return json;
}

static const char image_text[] =
	"{\"Env\": [\"PATH=/bin\", \"PORT=8080\"], \"Cmd\": [\"bash\", \"start.sh\"], \"Entrypoint\": null,"
	" \"WorkingDir\": \"/app/backend\", \"User\": \"\", \"Labels\": {\"of\": \"image\", \"both\": \"1\"},"
	" \"ExposedPorts\": {\"8080/tcp\": {}}, \"Volumes\": {\"/cache\": {}}}";

#define NAMED                                                                                      \
	"{\"Type\": \"volume\", \"Name\": \"chat\", \"Destination\": \"/app/backend/data\", \"RW\": true}"
#define NAMELESS                                                                                   \
	"{\"Type\": \"volume\", \"Name\": \"0f0f\", \"Destination\": \"/cache\", \"RW\": false}"
#define ASKED                                                                                      \
	"{\"Type\": \"volume\", \"Name\": \"1e1e\", \"Destination\": \"/asked\", \"RW\": true}"

static const char inspected_text[] =
	"{\"Id\": \"aabbccddeeff0011\", \"Config\": {\"Hostname\": \"aabbccddeeff\", \"Image\": \"r:v0.7.2\","
	" \"Env\": [\"PATH=/bin\", \"PORT=9000\", \"FOO=b\"], \"Cmd\": [\"bash\", \"start.sh\"], \"Entrypoint\": null,"
	" \"WorkingDir\": \"/app/backend\", \"User\": \"1000\", \"Labels\": {\"of\": \"image\", \"both\": \"2\","
	" \"mine\": \"x\"}, \"ExposedPorts\": {\"8080/tcp\": {}, \"9/tcp\": {}}, \"Volumes\": {\"/cache\": {}}},"
	" \"HostConfig\": {\"NetworkMode\": \"one\", \"Binds\": [\"chat:/app/backend/data:rw\"],"
	" \"Mounts\": [{\"Type\": \"volume\", \"Target\": \"/asked\"}], \"RestartPolicy\": {\"Name\": \"always\"}},"
	" \"Mounts\": [" NAMED ", " NAMELESS ", " ASKED
	", {\"Type\": \"bind\", \"Source\": \"/x\", \"Destination\": \"/y\"}],"
	" \"NetworkSettings\": {\"Networks\": {\"one\": {\"Aliases\": [\"chat\", \"aabbccddeeff\"], \"IPAMConfig\":"
	" {\"IPv4Address\": \"10.9.0.7\"}, \"IPAddress\": \"10.9.0.7\"}, \"two\": {\"Aliases\": null}}}}";

static char *made(const char *inspected, const char *image, char **ret_networks)
{
	json_t *of = image ? parsed(image) : NULL, *all = parsed(inspected), *config = NULL,
	       *networks = NULL;
	char *text;

	container_config_of(all, of, "r:v0.8.0", &config, &networks);
	text = json_line(config);
	if (ret_networks)
		*ret_networks = json_line(networks);
	json_decref(of);
	json_decref(all);
	json_decref(config);
	json_decref(networks);
	return text;
}

static void test_what_the_image_brings_is_left_to_the_next_image(void **state UNUSED)
{
	AUTO(free_auto) char *text = made(inspected_text, image_text, NULL);

	assert_part(text, "\"Image\":\"r:v0.8.0\"");
	assert_part(text, "\"Env\":[\"PORT=9000\",\"FOO=b\"]");
	assert_part(text, "\"Labels\":{\"both\":\"2\",\"mine\":\"x\"}");
	assert_part(text, "\"ExposedPorts\":{\"9/tcp\":{}}");
	assert_part(text, "\"User\":\"1000\"");
	assert_null(strstr(text, "\"Cmd\""));
	assert_null(strstr(text, "\"Entrypoint\""));
	assert_null(strstr(text, "\"WorkingDir\""));
}

static void test_a_name_that_the_engine_gave_is_not_kept(void **state UNUSED)
{
	AUTO(free_auto) char *networks = NULL;
	AUTO(free_auto) char *text = made(inspected_text, image_text, &networks);

	assert_null(strstr(text, "Hostname"));
	assert_null(strstr(text, "aabbccddeeff"));
	assert_part(text,
		"\"EndpointsConfig\":{\"one\":{\"IPAMConfig\":{\"IPv4Address\":\"10.9.0.7\"},\"Aliases\":[\"chat\"]}}");
	assert_string_equal(networks, "{\"two\":{}}");
}

static void test_volumes_without_a_name_are_the_same_ones_again(void **state UNUSED)
{
	AUTO(free_auto) char *text = made(inspected_text, image_text, NULL);

	assert_part(text, "\"Binds\":[\"chat:/app/backend/data:rw\",\"0f0f:/cache:ro\"]");
	assert_part(text, "{\"Type\":\"volume\",\"Target\":\"/asked\",\"Source\":\"1e1e\"}");
	assert_part(text, "\"RestartPolicy\":{\"Name\":\"always\"}");
}

static void test_without_the_old_image_everything_is_kept(void **state UNUSED)
{
	AUTO(free_auto) char *text = made(inspected_text, NULL, NULL);

	assert_part(text, "\"Env\":[\"PATH=/bin\",\"PORT=9000\",\"FOO=b\"]");
	assert_part(text, "\"Cmd\":[\"bash\",\"start.sh\"]");
}

static void test_an_own_entrypoint_keeps_its_words(void **state UNUSED)
{
	static const char inspected[] =
		"{\"Id\": \"aa\", \"Config\": {\"Cmd\": [\"bash\", \"start.sh\"], \"Entrypoint\": [\"/tini\"]},"
		" \"HostConfig\": {\"NetworkMode\": \"host\"}, \"NetworkSettings\": {\"Networks\": {\"host\": {}}}}";
	AUTO(free_auto) char *text = made(inspected, image_text, NULL);

	assert_part(text, "\"Entrypoint\":[\"/tini\"]");
	assert_part(text, "\"Cmd\":[\"bash\",\"start.sh\"]");
	assert_null(strstr(text, "NetworkingConfig"));
}

static void test_anything_else_is_survived(void **state UNUSED)
{
	static const char *const odd[] = {"{}", "{\"Config\": 7, \"HostConfig\": []}",
		"{\"Mounts\": [7, {}], \"NetworkSettings\": {\"Networks\": {\"a\": 7}}}"};

	for (size_t i = 0; i < COUNT_OF(odd); i++) {
		AUTO(free_auto) char *text = made(odd[i], image_text, NULL);

		assert_part(text, "\"Image\":\"r:v0.8.0\"");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_the_image_brings_is_left_to_the_next_image),
		cmocka_unit_test(test_a_name_that_the_engine_gave_is_not_kept),
		cmocka_unit_test(test_volumes_without_a_name_are_the_same_ones_again),
		cmocka_unit_test(test_without_the_old_image_everything_is_kept),
		cmocka_unit_test(test_an_own_entrypoint_keeps_its_words),
		cmocka_unit_test(test_anything_else_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
