/* signals.h - INT and TERM become a flag that long waits look at; HUP and PIPE never end a run.
 * Call signals_install() once, before any thread or child exists. */
#pragma once
#include <stdbool.h>

void signals_install(void);
/* SIGINT or SIGTERM when one arrived and is not held back, else 0. */
int signals_pending(void);
/* Between hold and release signals_pending() says 0: undoing and phase D must not be interrupted.
 * They nest. */
void signals_hold(void);
void signals_release(void);
int signals_seen(void); /* like pending, but also while held */
/* A descriptor that becomes readable when INT or TERM arrives and stays so, for poll(). Ask anew
 * before each poll(): while held it is -1, which poll() leaves out. */
int signals_fd(void);
