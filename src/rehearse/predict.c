#include "rehearse/predict.h"

/* What no rehearsal does, and whatever the size of the data. Links, doors, both exchanges and the
 * beginning of a start took 0.1 s on a quiet machine and 0.4 s at a load of 12 on two processors;
 * to freeze, 0.1 and 0.3 s. */
#define SWAP_MS   200
#define FREEZE_MS 200
/* As the copy itself decides whether it fits into max_gap. */
#define COPY_START_MS    300
#define COPY_BYTES_A_SEC 150000000LL

/* A copy file by file; what a server copies itself is not slower than that. */
static int64_t plain_copy_ms(int64_t bytes)
{
	return COPY_START_MS + bytes * 1000 / COPY_BYTES_A_SEC;
}

void predict(const Measured *measured, Prediction *ret)
{
	const int64_t plain = plain_copy_ms(measured->bytes);
	/* Dump and restore at once: the restore is the slower half. */
	const bool by_dump = measured->frozen && !measured->sqlite && plain > measured->max_gap_ms;
	Prediction prediction = {
		.copy_ms = by_dump ? measured->restore_ms : plain,
		.migrate_ms = measured->migrate_ms,
		.verify_ms = measured->verify_ms,
		.stop_ms = measured->stop_ms,
		.swap_ms = SWAP_MS,
		.freeze_ms = measured->frozen ? FREEZE_MS : 0,
		.start_ms = measured->start_ms,
		.gap = !by_dump && !measured->sqlite,
	};
	const int64_t data = prediction.copy_ms + prediction.migrate_ms + prediction.verify_ms;

	prediction.dark_ms = prediction.stop_ms + prediction.swap_ms + prediction.start_ms;
	if (!measured->frozen)
		prediction.dark_ms += data;
	else if (prediction.gap)
		prediction.dark_ms += prediction.copy_ms;
	prediction.read_only_ms = measured->frozen ? prediction.freeze_ms + data : 0;
	*ret = prediction;
}
