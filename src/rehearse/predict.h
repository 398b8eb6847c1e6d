/* predict.h - how long users will wait, from what a rehearsal measured. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

typedef struct Measured {
	int64_t bytes;      /* of the database before */
	int64_t restore_ms; /* of the dump: what a copy without a gap costs */
	int64_t migrate_ms, verify_ms;
	int64_t start_ms; /* from the moment of go to healthy, prewarmed where it will be */
	int64_t stop_ms;
	bool sqlite;
	bool frozen; /* the data migrates while users read */
	int64_t max_gap_ms;
} Measured;

typedef struct Prediction {
	/* The terms, in the order of an upgrade; each belongs to one of the two sums. */
	int64_t freeze_ms, copy_ms, migrate_ms, verify_ms, stop_ms, swap_ms, start_ms;
	bool gap; /* the copy keeps readers out, too */
	int64_t dark_ms, read_only_ms;
} Prediction;

void predict(const Measured *measured, Prediction *ret);
