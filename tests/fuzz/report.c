/* Files of belay's own under STATE, as they may be after a bad disk or another hand: the report of
 * a rehearsal, the marker of a release. */
#include "fuzz.h"

#include "base/mem.h"
#include "rehearse/rehearse.h"
#include "release/marker.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	AUTO(free_auto) char *report = fuzz_file("rehearsals/0.8.0.json", bytes, len);
	AUTO(free_auto) char *marker = fuzz_file(RELEASE_MARKER, bytes, len);
	Site site = {.name = (char *)"fuzz", .state_dir = (char *)fuzz_folder()};
	AUTO(rehearsal_clear) Rehearsal rehearsal = {0};
	AUTO(json_release_auto) json_t *found_marker = NULL;
	AUTO(err_clear) Err err = {0};
	bool found = false;

	if (rehearsal_load(&site, "0.8.0", &rehearsal, &found, &err))
		FUZZ_MUST(!found || rehearsal.report);
	err_clear(&err);
	if (!marker_read(fuzz_folder(), &found_marker, &err))
		FUZZ_MUST(!found_marker);
	return 0;
}
