/* recipe.json: how a server is started. */
#include "fuzz.h"

#include <string.h>

#include "base/mem.h"
#include "base/redact.h"
#include "base/text.h"
#include "config/recipe.h"

static void same_again(const Recipe *recipe)
{
	AUTO(free_auto) char *path = fuzz_path("again.json");
	AUTO(recipe_clear) Recipe again = {0};
	AUTO(recipe_clear) Recipe copy = {0};
	AUTO(err_clear) Err err = {0};

	FUZZ_MUST(recipe_save(path, recipe, &err));
	FUZZ_MUST(recipe_load(path, &again, &err));
	FUZZ_MUST(again.uid == recipe->uid && again.gid == recipe->gid);
	FUZZ_MUST(again.argv.len == recipe->argv.len && again.env.len == recipe->env.len);
	FUZZ_MUST(again.ignored_signals == recipe->ignored_signals);
	FUZZ_MUST(again.limit_count == recipe->limit_count);
	recipe_copy(recipe, &copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	AUTO(free_auto) char *path = fuzz_file("recipe.json", bytes, len);
	AUTO(recipe_clear) Recipe recipe = {0};
	AUTO(err_clear) Err err = {0};

	if (recipe_load(path, &recipe, &err)) {
		FUZZ_MUST(recipe.argv.len && recipe.dir);
		same_again(&recipe);
	}
	redact_forget();
	return 0;
}
