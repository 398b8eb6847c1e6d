/* An output can be slow or gone; nothing waits for it but the end of the program. */
#include "heard.h"

#include <signal.h>
#include <time.h>

static long elapsed_ms(const struct timespec *since)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - since->tv_sec) * 1000 + (now.tv_nsec - since->tv_nsec) / 1000000;
}

static void test_gone_reader_makes_deaf(void **state)
{
	AUTO(heard_close) Heard heard;

	(void)state;
	heard_open(&heard);
	close(heard.reader);
	heard.reader = -1;
	out_add(&heard.out, "into the void\n");
	assert_true(heard.out.deaf);
	out_add(&heard.out, "again\n");
	out_finish(&heard.out);
}

static void test_slow_reader_loses_nothing_and_costs_little(void **state)
{
	AUTO(heard_close) Heard heard;
	struct timespec start;
	size_t total = 0, seen = 0;

	(void)state;
	heard_open(&heard);
	assert_true(fcntl(heard.out.fd, F_SETPIPE_SZ, 4096) >= 4096);
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (int i = 0; i < 2000; i++, total += 10)
		out_add(&heard.out, "012345678\n");
	/* One wait of 200 ms, not one a line. */
	assert_true(elapsed_ms(&start) < 1000);
	assert_true(heard.out.pending.len > 0);
	while (heard.out.pending.len > 0) {
		heard.text[0] = '\0';
		seen += strlen(heard_text(&heard));
		out_add(&heard.out, "+");
		total++;
	}
	heard.text[0] = '\0';
	seen += strlen(heard_text(&heard));
	assert_int_equal(seen, total);
}

static void test_no_colour_into_a_pipe(void **state)
{
	AUTO(heard_close) Heard heard;

	(void)state;
	heard_open(&heard);
	assert_false(heard.out.terminal);
	assert_string_equal(out_ink(&heard.out, INK_BAD), "");
}

/* A log line or a file name could clear the screen, or hide what was said before it. */
static void test_texts_command_no_terminal(void **state)
{
	static const struct {
		const char *text, *shown;
	} rows[] = {
		{"a\033[2J\033]0;x\ab", "a?[2J?]0;x?b"},
		{"refused\rok", "refused?ok"},
		{"a\xc2\x9b"
		 "2Jb",
			"a?2Jb"},
		{"a\xe2\x80\xae"
		 "b",
			"a?b"},
		{"\033[31mred\033[0m\n", "\033[31mred\033[0m\n"},
		{"서비스\t중지\n", "서비스\t중지\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AUTO(heard_close) Heard heard;

		heard_open(&heard);
		heard.out.terminal = heard.out.colour = heard.out.utf8 = true;
		out_add(&heard.out, rows[i].text);
		assert_string_equal(heard_text(&heard), rows[i].shown);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gone_reader_makes_deaf),
		cmocka_unit_test(test_slow_reader_loses_nothing_and_costs_little),
		cmocka_unit_test(test_no_colour_into_a_pipe),
		cmocka_unit_test(test_texts_command_no_terminal),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
