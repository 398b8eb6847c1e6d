/* report.h - the report of a rehearsal: made, kept as STATE/rehearsals/VERSION.json, read again. */
#pragma once
#include "rehearse/predict.h"
#include "rehearse/rehearse.h"

typedef struct ReportFacts {
	const RehearsalSpec *spec;
	Database *live; /* the site's own; spec->db may be that of another server */
	const Prediction *prediction;
	const char *uncaged;     /* why there was no cage; NULL: there was one */
	const json_t *answers;   /* of the boot */
	const json_t *boot_rows; /* as Rehearsal.rows, written by the boot alone */
	int64_t verify_ms;
} ReportFacts;

/* Fills in rehearsal->report from the rest and writes it. */
bool report_write(const ReportFacts *facts, Rehearsal *rehearsal, Err *err) NODISCARD;
/* {"table": {"before": n, "after": n}} where they differ; a table that is not there has null. */
json_t *report_changed_rows(const json_t *before, const json_t *after);
char *report_path(const Site *site, const char *version, const char *suffix); /* caller frees */
