#include "flows/upgrade_plan.h"

#include "base/event.h"
#include "base/mem.h"
#include "base/text.h"
#include "rehearse/rehearse.h"
#include "release/image.h"
#include "service/prewarm.h"

/* Seen of a prewarmed start: 2.3 to 3.3 of 14 s (0.8.0), 4.5 to 6.3 of 21 s (0.12.4). */
#define PREWARMED_PERCENT 28

static int64_t sum(const json_t *terms, const char *a, const char *b, const char *c)
{
	return json_int(terms, a, 0) + json_int(terms, b, 0) + json_int(terms, c, 0);
}

/* How long users will wait, and how long with the other choice, by the last rehearsal. */
static void put_prediction(const Rehearsal *known, bool reads, json_t *plan)
{
	json_t *reading = json_object_get(plan, "reading");
	const json_t *terms;
	int64_t freeze, data, rest;
	bool read;

	terms = json_object_get(json_object_get(known->report, "predicted"), "terms");
	freeze = json_int(terms, "freeze_ms", 0);
	data = sum(terms, "copy_ms", "migrate_ms", "verify_ms");
	rest = sum(terms, "stop_ms", "swap_ms", "start_ms");
	read = known->read_only_ms > 0; /* as the site file said then */
	json_put_int(plan, "dark_ms", reads == read ? known->dark_ms : reads ? rest : rest + data);
	json_put_int(plan, "read_only_ms", reads ? freeze + data : 0);
	json_put_int(reading, "instead_dark_ms", reads ? rest + data : rest);
	json_put_int(reading, "instead_read_only_ms", reads ? 0 : freeze + data);
}

/* Which of the two lists, why, and what would choose the other one. */
static json_t *reading(const ReadOn *choice)
{
	json_t *reading = json_object();

	(void)json_object_set_new(reading, "reads_on", json_boolean(choice->reads));
	json_put(reading, "why", choice->why);
	json_put(reading, "instead", choice->instead);
	return reading;
}

/* How much longer an ordinary start takes; -1: no rehearsal has measured one. */
static int64_t ordinary_costs_ms(const Rehearsal *known)
{
	const json_t *terms = json_object_get(json_object_get(known->report, "predicted"), "terms");
	const int64_t start_ms = json_int(terms, "start_ms", 0);

	if (known->boot_ms <= 0)
		return -1;
	if (start_ms > 0 && start_ms < known->boot_ms)
		return known->boot_ms - start_ms;
	return known->boot_ms - known->boot_ms * PREWARMED_PERCENT / 100;
}

static json_t *start(const Site *site, const Rehearsal *known)
{
	AUTO(err_clear) Err why = {0};
	json_t *start = json_object();
	const int64_t costs_ms = ordinary_costs_ms(known);
	const PrewarmSpec spec = {
		.site = site,
		.planned = true,
		.needed_kb = known->waiting_pss_kb,
	};
	const bool prewarmed = prewarm_possible(&spec, &why);

	(void)json_object_set_new(start, "prewarmed", json_boolean(prewarmed));
	json_put(start, "why", prewarmed ? NULL : why.text);
	if (prewarmed)
		return start;
	if (costs_ms >= 0) {
		json_put_int(start, "costs_ms", costs_ms);
		err_wrap(&why, "an ordinary start, not prewarmed: about %s more without service",
			str_duration(costs_ms));
	} else {
		err_wrap(&why, "an ordinary start, not prewarmed");
	}
	event_notice_err("no-prewarm", false, &why);
	return start;
}

/* As the site names it, and which one that is: at a registry, where it came from one. */
static void put_one(json_t *image, const char *which, const char *reference, const char *id)
{
	AUTO(free_auto) char *digest = NULL;
	AUTO(free_auto) char *id_key = str_format("%s_id", which);
	AUTO(free_auto) char *digest_key = str_format("%s_digest", which);
	AUTO(err_clear) Err ignored = {0};

	json_put(image, which, reference);
	json_put(image, id_key, id);
	if (image_pinned(reference, id, &digest, &ignored))
		json_put(image, digest_key, digest);
}

static void put_image(const Site *site, const Prepared *prepared, json_t *plan)
{
	AUTO(docker_image_clear) DockerImage target = {0};
	AUTO(free_auto) char *to = NULL;
	AUTO(err_clear) Err ignored = {0};
	json_t *image;
	bool found;

	/* The target is here by then. */
	if (!site_in_container(site) ||
		!image_reference_for(site, prepared->version, &to, &ignored) ||
		!docker_image(to, &target, &found, &ignored) || !found)
		return;
	image = json_object();
	put_one(image, "from", prepared->current.image, prepared->current.path);
	put_one(image, "to", to, target.id);
	(void)json_object_set_new(plan, "image", image);
}

void upgrade_plan_add(
	const Site *site, const Prepared *prepared, const ReadOn *choice, json_t *plan)
{
	AUTO(rehearsal_clear) Rehearsal known = {0};
	AUTO(err_clear) Err err = {0};
	bool found = false;

	/* A report that cannot be read predicts nothing; the rehearsal writes a new one. */
	if (!rehearsal_load(site, prepared->version, &known, &found, &err))
		found = false;
	put_image(site, prepared, plan);
	(void)json_object_set_new(plan, "reading", reading(choice));
	(void)json_object_set_new(plan, "start", start(site, &known));
	if (!found)
		return;
	put_prediction(&known, choice->reads, plan);
	json_put_int(plan, "wal_bytes", known.work.wal_bytes);
	json_put_int(plan, "checkpoints", known.work.checkpoints);
}
