/* What a server answers to the gate's questions. The first line is the kind of content, the rest
 * its body. A yes needs JSON that says so. */
#include "fuzz.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "gate/gate_questions.h"
#include "server.h"

static bool ask(GateQuestion *question, const Asking *asking)
{
	AUTO(free_auto) char *saw = NULL;
	AUTO(err_clear) Err err = {0};
	const bool yes = question(asking, &saw, &err);

	FUZZ_MUST(yes ? saw != NULL : err.kind != ERR_NONE);
	return yes;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	AUTO(free_auto) char *text = fuzz_text(bytes, len);
	const char *body = strchr(text, '\n') ? strchr(text, '\n') + 1 : "";
	AUTO(free_auto) char *type = str_dup_n(text, strcspn(text, "\r\n"));
	AUTO(free_auto)
	char *answer = str_format("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %zu\r\n"
				  "Content-Type: %s\r\n\r\n%s",
		strlen(body), type, body);
	Site site = {.host = (char *)"127.0.0.1"};
	Release release = {.version = (char *)"0.8.0"};
	const GateSpec spec = {.site = &site, .release = &release, .had_users = true};
	const Asking asking = {.spec = &spec};

	server_answers(answer, strlen(answer), true);
	site.port = server_port();
	if (ask(gate_health, &asking))
		FUZZ_MUST(strstr(body, "status") || strchr(body, '\\'));
	if (ask(gate_version, &asking))
		FUZZ_MUST(strstr(body, "0.8.0") || strchr(body, '\\'));
	ask(gate_ready, &asking);
	ask(gate_onboarding, &asking);
	return 0;
}
