/* server.h - an HTTP server of a fuzz target, in a thread of its own: whatever is asked, it answers
 * with the bytes it was given last, and closes. */
#pragma once
#include <stddef.h>

/* Starts at the first call. `raw`: status line and headers are in the bytes, too; else they are
 * those of a JSON answer. The bytes must live until the next call. */
void server_answers(const void *bytes, size_t len, bool raw);
const char *server_socket(void); /* path of its unix socket */
int server_port(void);           /* on 127.0.0.1 */
