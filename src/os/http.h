/* http.h - one HTTP request with a deadline and a size limit; the only user of libcurl.
 * Redirects are not followed, proxies not used for loopback and Unix sockets. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct HttpRequest {
	const char *url;
	const char *unix_socket;    /* talk to this socket instead of TCP; NULL: TCP */
	const char *certs;          /* https: folder with ca.pem, cert.pem and key.pem, in place of
				       the machine's own authorities; NULL */
	const char *method;         /* NULL: GET */
	const char *body;           /* NULL: none */
	size_t body_length;         /* 0: a text, up to its end */
	const char *const *headers; /* "Name: value", NULL-terminated; NULL: none */
	int64_t timeout_ms;         /* required */
	size_t max_bytes;           /* required; a longer answer is ERR_NETWORK */
	bool use_proxy;             /* honour http_proxy etc. */
	/* Not 0: once this descriptor is readable the request ends at once, ERR_INTERRUPTED; INT
	 * and TERM then do not end it. For threads that are told otherwise when to stop. */
	int cancel_fd;
} HttpRequest;

typedef struct HttpAnswer {
	int status;
	char *content_type; /* "" when absent */
	char *body;         /* NUL-terminated */
	size_t length;
} HttpAnswer;

/* ERR_NETWORK when no answer came (refused, timed out, too long). Any status is an answer. */
bool http_ask(const HttpRequest *request, HttpAnswer *ret, Err *err) NODISCARD;
void http_answer_clear(HttpAnswer *answer);
