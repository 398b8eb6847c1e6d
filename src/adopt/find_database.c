#include "adopt/look.h"

#include <string.h>

#include "base/i18n.h"
#include "base/mem.h"
#include "base/text.h"
#include "docker/engine_api.h"
#include "os/file.h"

static bool is_this_machine(const char *host)
{
	static const char *const names[] = {"localhost", "127.0.0.1", "::1", "0.0.0.0"};
	char own[256] = "";

	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (str_is(host, names[i]))
			return true;
	return gethostname(own, sizeof(own) - 1) == 0 && str_is(own, host);
}

/* Inside a container the host is a name of one of its networks. */
static bool find_beside(Look *look, Err *err)
{
	const char *host = look->out->site.database.host;
	AUTO(container_clear) Container container = {0};
	bool found = false;

	if (str_empty(host) ||
		!docker_find_by_name_inside(&look->container, host, &container, &found, err))
		return str_empty(host);
	if (!found) {
		look_note(look, "container", "", _("no container is called '%s' there"), host);
		return true;
	}
	str_replace(&look->out->site.container, container.name);
	return look_set(look, "container", container.name, err,
		_("it is '%s' in the network of Open WebUI (image %s)"), host, container.image);
}

static bool find_server_container(Look *look, Err *err)
{
	const DatabaseUrl *database = &look->out->site.database;
	AUTO(err_clear) Err why = {0};
	AUTO(container_clear) Container container = {0};
	bool found = false;

	if (database->kind != DATABASE_POSTGRES || look_wished(look, "container"))
		return true;
	if (look->container.id && !str_is(look->container.network_mode, "host"))
		return find_beside(look, err);
	if (!database->host || !is_this_machine(database->host)) {
		look_note(look, "container", "",
			_("the database is not asked over this machine's ports"));
		return true;
	}
	if (!docker_find_by_port(database->port, &container, &found, &why)) {
		look_note(
			look, "container", "", _("unknown: %s"), why.local ? why.local : why.text);
		return true;
	}
	if (!found) {
		look_note(
			look, "container", "", _("no container publishes port %d"), database->port);
		return true;
	}
	if (!look_set(look, "container", container.name, err, _("it publishes port %d (image %s)"),
		    database->port, container.image))
		return false;
	str_replace(&look->out->site.container, container.name);
	return true;
}

static void note_database(Look *look)
{
	const Site *site = &look->out->site;
	AUTO(free_auto) char *masked = database_url_masked(&site->database);
	const char *variable = str_is(site->webui.database_from, "DATABASE_* parts")
				       ? "DATABASE_NAME"
				       : "DATABASE_URL";

	if (site->database_url_text)
		look_note(look, "database", masked, _("given as an option"));
	else if (str_is(site->webui.database_from, "default"))
		look_note(look, "database", masked,
			_("DATABASE_URL is not set: the file in the data folder"));
	else if (env_get(&site->recipe.env, variable))
		look_note(look, "database", masked, _("%s of the server's environment"),
			site->webui.database_from);
	else
		look_note(look, "database", masked, _("%s in '%s'"), site->webui.database_from,
			site->webui.env_file ? site->webui.env_file : ".env");
	if (str_is(variable, "DATABASE_NAME") && env_get(&site->webui.merged, "DATABASE_URL"))
		look_warn(look,
			_("DATABASE_URL is set but not used: the complete DATABASE_* parts win"));
}

static void note_data(Look *look)
{
	const Site *site = &look->out->site;

	if (look->container.id)
		return; /* said with its mount */
	if (!env_get(&site->webui.merged, "DATA_DIR") && !site->data_dir)
		look_note(look, "data", site->webui.data_dir,
			_("DATA_DIR is not set: inside the environment"));
	else if (site->data_dir)
		look_note(look, "data", site->webui.data_dir, _("given as an option"));
	else
		look_note(look, "data", site->webui.data_dir, _("DATA_DIR of the server"));
	if (!file_exists(site->webui.data_dir))
		look_warn(look, _("the data folder '%s' does not exist"), site->webui.data_dir);
	if (site->webui.env_file)
		look_note(look, "env-file", site->webui.env_file,
			_("settings that the environment lacks"));
}

static void note_key(Look *look)
{
	const WebuiEnv *webui = &look->out->site.webui;

	switch (webui->key_source) {
	case KEY_IN_FILE:
		if (look->container.id)
			return; /* said with its container */
		look_note(look, "secret-key", webui->key_file,
			_("WEBUI_SECRET_KEY is not set: the file"));
		return;
	case KEY_IN_ENVIRONMENT:
		if (env_get(&look->out->site.recipe.env, "WEBUI_SECRET_KEY"))
			look_note(look, "secret-key", "WEBUI_SECRET_KEY",
				_("environment of the server"));
		else
			look_note(look, "secret-key", "WEBUI_SECRET_KEY",
				_("settings of the server"));
		return;
	case KEY_NONE:
		look_note(look, "secret-key", "",
			_("neither a variable nor a file in the start directory"));
		look_warn(look,
			_("no secret key was found: without it users are signed out and stored "
			  "credentials cannot be read"));
	}
}

bool find_database(Look *look, Err *err)
{
	note_database(look);
	note_data(look);
	note_key(look);
	return find_server_container(look, err);
}
