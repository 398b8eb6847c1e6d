/* An answer of HTTP from its status line on: at most so many bytes of it, and never a hang. */
#include "fuzz.h"

#include "base/mem.h"
#include "os/http.h"
#include "server.h"

#define MAX_BYTES 65536

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	HttpRequest request = {
		.url = "http://docker/", .timeout_ms = 30000, .max_bytes = MAX_BYTES};
	AUTO(http_answer_clear) HttpAnswer answer = {0};
	AUTO(err_clear) Err err = {0};

	server_answers(bytes, len, true);
	request.unix_socket = server_socket();
	if (http_ask(&request, &answer, &err)) {
		FUZZ_MUST(answer.body && answer.content_type && answer.length <= MAX_BYTES);
		FUZZ_MUST(answer.body[answer.length] == '\0');
	} else {
		FUZZ_MUST(err.kind == ERR_NETWORK);
	}
	return 0;
}
