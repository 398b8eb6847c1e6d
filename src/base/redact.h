/* redact.h - knows the secret values of this process and masks them in every text that leaves it:
 * errors, events, evidence and the journal call it, so no caller has to remember.
 * Values shorter than 4 bytes are not masked, nor words like "true" (they would blot out ordinary
 * text). Of a URL only the password is a secret; of a list "a;b" each part. */
#pragma once

void redact_add(const char *secret); /* also its percent-encoded form; NULL and "" are ignored */
char *redact(const char *text);      /* a masked copy; NULL stays NULL */
char *redact_url(const char *url);   /* "postgresql://user:***@host/db", whatever redact knows */
/* Does this environment variable name look like a secret (KEY, PASSWORD, SECRET, TOKEN, _URL with
 * a password)? Used to learn the values of a recipe. */
int redact_name_is_secret(const char *name);
void redact_forget(void); /* tests */
