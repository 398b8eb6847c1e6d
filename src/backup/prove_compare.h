/* prove_compare.h - a restored database against the figures in the manifest. */
#pragma once
#include "backup/prove.h"

/* Takes the text of `why` over, which is empty afterwards. */
void proof_found(ProofReport *report, const char *slug, Err *why);
/* `about`: "database" of the manifest. false only when the scratch database could not be asked. */
bool proof_compare(Database *db, const char *scratch, const json_t *about, ProofReport *report,
	Err *err) NODISCARD;
