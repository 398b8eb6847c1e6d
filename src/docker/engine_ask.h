/* engine_ask.h - one question to the engine, for the files of this folder. */
#pragma once
#include "base/json.h"
#include "os/http.h"

/* Any status is an answer; errors as engine_api.h says. */
bool engine_get(const char *path, size_t max_bytes, HttpAnswer *ret, Err *err) NODISCARD;
typedef struct EngineCall {
	const char *method; /* "POST", "PUT", "DELETE" */
	const char *path;
	const json_t *json; /* what is sent; NULL: `bytes` */
	const char *bytes;  /* NULL: nothing */
	size_t length;
	const char *content_type; /* of `bytes` */
	int64_t timeout_ms;
} EngineCall;

/* Something that changes containers or images. Any status is an answer. */
bool engine_send(const EngineCall *call, HttpAnswer *ret, Err *err) NODISCARD;
/* ERR_NETWORK with the engine's own words. Always returns false. */
bool engine_said_no(const HttpAnswer *answer, Err *err);
/* *ret is NULL for 404. */
bool engine_ask(const char *path, json_t **ret, Err *err) NODISCARD;
/* For a part of an URL. Caller frees. */
char *engine_quote(const char *text);
/* Names as Docker allows them: nothing that would be another path in the URL, or an option. */
bool engine_is_name(const char *name);
