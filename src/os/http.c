#include "os/http.h"

#include <curl/curl.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>

#include "base/fault.h"
#include "base/mem.h"
#include "base/redact.h"
#include "base/text.h"
#include "os/signals.h"

typedef struct Transfer {
	Text body;
	bool interrupted;
} Transfer;

static void start_library(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

static void easy_auto(CURL **easy)
{
	curl_easy_cleanup(*easy);
}

static void slist_auto(struct curl_slist **list)
{
	curl_slist_free_all(*list);
}

/* Returning less than was offered ends the transfer. */
static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
	Transfer *transfer = arg;

	text_add_bytes(&transfer->body, bytes, size * count);
	return transfer->body.truncated ? 0 : size * count;
}

static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	Transfer *transfer = arg;

	(void)a, (void)b, (void)c, (void)d;
	transfer->interrupted = signals_pending() != 0;
	return transfer->interrupted;
}

static bool is_loopback(const char *url)
{
	static const char *const here[] = {"127.", "localhost:", "localhost/", "[::1]"};
	const char *host = strstr(url, "://");

	host = host ? host + 3 : url;
	for (size_t i = 0; i < COUNT_OF(here); i++) {
		if (strncasecmp(host, here[i], strlen(here[i])) == 0)
			return true;
	}
	return strcasecmp(host, "localhost") == 0;
}

static void multi_auto(CURLM **multi)
{
	curl_multi_cleanup(*multi);
}

/* curl_easy_perform() looks at what it is told to look at once a second only. */
static CURLcode perform_until(CURL *easy, Transfer *transfer, int cancel_fd)
{
	AUTO(multi_auto) CURLM *multi = curl_multi_init();
	struct curl_waitfd cancel = {.fd = cancel_fd, .events = CURL_WAIT_POLLIN};
	const CURLMsg *message = NULL;
	CURLcode code = CURLE_OK;
	int running = 1, left;

	if (!multi || curl_multi_add_handle(multi, easy) != CURLM_OK)
		return CURLE_FAILED_INIT;
	while (curl_multi_perform(multi, &running) == CURLM_OK && running > 0 &&
		!transfer->interrupted) {
		if (curl_multi_poll(multi, &cancel, 1, 1000, NULL) != CURLM_OK)
			break;
		transfer->interrupted = cancel.revents != 0;
	}
	message = curl_multi_info_read(multi, &left);
	code = message ? message->data.result : CURLE_ABORTED_BY_CALLBACK;
	curl_multi_remove_handle(multi, easy);
	return code;
}

static void set_method(CURL *easy, const HttpRequest *request)
{
	const char *method = request->method ? request->method : "GET";

	if (str_is(method, "HEAD"))
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	if (request->body) {
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
			(curl_off_t)(request->body_length ? request->body_length
							  : strlen(request->body)));
	}
	if (!str_is(method, "HEAD"))
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
}

static void set_where(CURL *easy, const HttpRequest *request)
{
	curl_easy_setopt(easy, CURLOPT_URL, request->url);
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
	if (request->unix_socket)
		curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, request->unix_socket);
	if (request->unix_socket || !request->use_proxy || is_loopback(request->url))
		curl_easy_setopt(easy, CURLOPT_PROXY, "");
}

static bool set_certs(CURL *easy, const char *folder, Err *err)
{
	static const struct {
		CURLoption option;
		const char *file;
	} files[] = {{CURLOPT_CAINFO, "ca.pem"}, {CURLOPT_SSLCERT, "cert.pem"},
		{CURLOPT_SSLKEY, "key.pem"}};

	for (size_t i = 0; folder && i < COUNT_OF(files); i++) {
		AUTO(free_auto) char *path = str_format("%s/%s", folder, files[i].file);

		/* libcurl keeps a copy. */
		if (curl_easy_setopt(easy, files[i].option, path) != CURLE_OK)
			return err_fail(err, ERR_INTERNAL, "this libcurl does not do TLS");
	}
	return true;
}

static void set_limits(CURL *easy, const HttpRequest *request)
{
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)request->timeout_ms);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "belay/" BELAY_VERSION);
}

static void set_callbacks(CURL *easy, Transfer *transfer, bool signals, char *why)
{
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, why);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	if (!signals)
		return;
	curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(easy, CURLOPT_XFERINFODATA, transfer);
}

static bool http_fail(const HttpRequest *request, const Transfer *transfer, CURLcode code,
	const char *why, Err *err)
{
	AUTO(free_auto) char *url = redact_url(request->url);

	if (transfer->interrupted)
		return err_fail(err, ERR_INTERRUPTED, "'%s': stopped", url);
	if (transfer->body.truncated)
		return err_fail(err, ERR_NETWORK, "'%s': the answer is longer than %s", url,
			str_bytes(request->max_bytes));
	return err_fail(err, ERR_NETWORK, "'%s': %s", url, why[0] ? why : curl_easy_strerror(code));
}

static void fill_answer(CURL *easy, Transfer *transfer, HttpAnswer *ret)
{
	char *type = NULL;
	long status = 0;

	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &type);
	ret->status = (int)status;
	ret->content_type = str_dup(type ? type : "");
	ret->length = transfer->body.len;
	ret->body = text_take(&transfer->body);
}

static bool changes_something(const HttpRequest *request)
{
	return request->method && !str_is(request->method, "GET") &&
	       !str_is(request->method, "HEAD");
}

bool http_ask(const HttpRequest *request, HttpAnswer *ret, Err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	AUTO(easy_auto) CURL *easy = NULL;
	AUTO(slist_auto) struct curl_slist *headers = NULL;
	Transfer transfer = {.body = TEXT_INIT(request->max_bytes)};
	char why[CURL_ERROR_SIZE] = "";
	CURLcode code;
	bool done;

	pthread_once(&once, start_library);
	if (changes_something(request) && !FAULT(err, "http-request"))
		return false;
	easy = curl_easy_init();
	if (!easy)
		return err_fail(err, ERR_INTERNAL, "libcurl cannot be used");
	for (const char *const *line = request->headers; line && *line; line++)
		headers = curl_slist_append(headers, *line);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	if (!set_certs(easy, request->certs, err))
		return false;
	set_where(easy, request);
	set_method(easy, request);
	set_limits(easy, request);
	set_callbacks(easy, &transfer, request->cancel_fd == 0, why);
	code = request->cancel_fd == 0 ? curl_easy_perform(easy)
				       : perform_until(easy, &transfer, request->cancel_fd);
	done = code == CURLE_OK;
	if (done)
		fill_answer(easy, &transfer, ret);
	else
		http_fail(request, &transfer, code, why, err);
	text_clear(&transfer.body);
	return done;
}

void http_answer_clear(HttpAnswer *answer)
{
	free(answer->content_type);
	free(answer->body);
	*answer = (HttpAnswer){0};
}
