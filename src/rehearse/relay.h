/* relay.h - what comes in at listening sockets goes to one address and back, until `control` is at
 * its end. Runs in a child of its own, with nothing but these descriptors; never returns. */
#pragma once
#include <stddef.h>
#include <sys/socket.h>

typedef struct RelaySpec {
	int listeners[2]; /* -1: none */
	int control;
	struct sockaddr_storage to;
	socklen_t to_len;
} RelaySpec;

void relay_run(const RelaySpec *spec) __attribute__((noreturn));
