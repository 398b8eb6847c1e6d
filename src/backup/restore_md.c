#include "backup/restore_md.h"

#include <string.h>
#include <sys/stat.h>

#include "backup/guide.h"
#include "base/mem.h"
#include "base/redact.h"
#include "base/text.h"
#include "os/file.h"

void guide_say(Guide *guide, const char *english, const char *korean)
{
	text_addf(&guide->out, "%s\n\n%s\n\n", english, korean);
}

void guide_heading(Guide *guide, const char *number, const char *english, const char *korean)
{
	text_addf(&guide->out, "## %s. %s / %s\n\n", number, english, korean);
}

void guide_begin(Guide *guide)
{
	text_add(&guide->out, "```sh\n");
}

void guide_end(Guide *guide)
{
	text_add(&guide->out, "```\n\n");
}

char *shell_word(const char *word)
{
	AUTO(text_clear) Text out = TEXT_INIT(GUIDE_MAX);

	if (*word && strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				  "@%+=:,./_-") == strlen(word))
		return str_dup(word);
	text_add(&out, "'");
	for (; *word; word++)
		text_add_bytes(&out, *word == '\'' ? "'\\''" : word, *word == '\'' ? 4 : 1);
	text_add(&out, "'");
	return text_take(&out);
}

static void add_heading(Guide *guide, const char *set_path)
{
	const json_t *manifest = guide->manifest;
	const json_t *database = json_object_get(manifest, "database");
	const char *revision = json_str(manifest, "revision");
	AUTO(free_auto) char *folder = shell_word(set_path);

	text_addf(&guide->out, "# %s\n\n", path_name(set_path));
	text_addf(&guide->out, "- Open WebUI %s, database revision %s, made %s\n",
		json_str(manifest, "version"), revision ? revision : "-",
		json_str(manifest, "made_at"));
	text_addf(&guide->out, "- %s, %s\n\n", json_str(database, "server"),
		json_str(database, "name"));
	if (guide->container)
		guide_say(guide,
			"Type what follows, from top to bottom, as root. Nothing that is there now is "
			"deleted. When the set lies elsewhere by now, go there with the first command "
			"instead.",
			"아래 명령을 root로 위에서부터 차례로 입력하십시오. 지금 있는 것은 지우지 않습니다. 백업 "
			"폴더를 옮겼다면 첫 명령에서 그 폴더로 가십시오.");
	else
		guide_say(guide,
			"With belay: `belay restore` does all of this. Without it, type what follows, from top to "
			"bottom, as the site's user or root. Nothing that is there now is deleted. When the set lies "
			"elsewhere by now, go there with the first command instead.",
			"belay가 있으면 `belay restore` 한 번으로 됩니다. 없으면 아래 명령을 위에서부터 차례로 입력하십시오. "
			"지금 있는 것은 지우지 않습니다. 백업 폴더를 옮겼다면 첫 명령에서 그 폴더로 가십시오.");
	guide_begin(guide);
	guide_add_engine(guide);
	text_addf(&guide->out, "cd %s\nstamp=$(date +%%Y%%m%%d%%H%%M%%S)\nzstd --test %s\n", folder,
		json_str(database, "file"));
	guide_end(guide);
	if (!guide->container)
		return;
	guide_add_ground(guide);
	guide_say(guide, "Where it says to stop Open WebUI:", "Open WebUI를 멈추라는 곳에서는:");
	guide_begin(guide);
	text_addf(&guide->out, "docker stop %s\n", guide->container);
	guide_end(guide);
}

/* The words before a PostgreSQL client program, and its connection options. */
typedef struct Client {
	char *prefix, *options, *database, *user;
} Client;

static void client_clear(Client *client)
{
	free(client->prefix);
	free(client->options);
	free(client->database);
	free(client->user);
}

static Client client_of(const Site *site)
{
	const DatabaseUrl *url = &site->database;
	AUTO(free_auto) char *host = shell_word(str_empty(url->host) ? "localhost" : url->host);
	Client client = {
		.database = shell_word(url->name ? url->name : "openwebui"),
		.user = shell_word(url->user ? url->user : "postgres"),
	};

	if (str_empty(site->container)) {
		client.prefix = str_dup("");
		client.options = str_format("-h %s -p %d -U %s", host, url->port, client.user);
	} else {
		AUTO(free_auto) char *container = shell_word(site->container);

		client.prefix = str_format("docker exec -i %s ", container);
		client.options = str_format("-U %s", client.user);
	}
	return client;
}

static void add_postgres(Guide *guide)
{
	AUTO(client_clear) Client client = client_of(guide->site);
	const char *prefix = client.prefix, *options = client.options, *name = client.database;
	const char *plain = guide->site->database.name ? guide->site->database.name : "openwebui";

	guide_heading(guide, "1", "Database, beside the one that is there",
		"데이터베이스를 지금 것 옆에 만들기");
	guide_say(guide,
		"The password is asked for where one is needed. A new server needs the role first "
		"(`createuser --createdb --pwprompt`), with the password of `DATABASE_URL` in `environment`.",
		"비밀번호가 필요하면 물어봅니다. 새 서버라면 역할부터 만드십시오(`createuser --createdb --pwprompt`). "
		"비밀번호는 `environment` 파일의 `DATABASE_URL`에 있습니다.");
	guide_begin(guide);
	text_addf(&guide->out, "%screatedb %s -T template0 -E UTF8 -O %s %s_restored\n", prefix,
		options, client.user, name);
	text_addf(&guide->out,
		"zstd -dc database.dump.zst | %spg_restore %s --no-owner --exit-on-error -d %s_restored\n",
		prefix, options, name);
	guide_end(guide);
	guide_say(guide,
		"Only when this ended without an error: stop Open WebUI, then let the two change places.",
		"오류 없이 끝났을 때만: Open WebUI를 멈춘 뒤 두 데이터베이스의 이름을 맞바꿉니다.");
	guide_begin(guide);
	text_addf(&guide->out,
		"%spsql %s -d postgres -v ON_ERROR_STOP=1 <<'SQL'\n"
		"SELECT 'ALTER DATABASE \"%s\" RENAME TO \"%s_before_restore\"'\n"
		"  FROM pg_database WHERE datname = '%s' \\gexec\n"
		"ALTER DATABASE \"%s_restored\" RENAME TO \"%s\";\n"
		"SQL\n",
		prefix, options, plain, plain, plain, plain, plain);
	guide_end(guide);
}

static void add_sqlite(Guide *guide)
{
	const char *name = guide->site->database.name ? guide->site->database.name : "webui.db";
	AUTO(free_auto) char *file = shell_word(name);
	AUTO(free_auto) char *parent = path_folder(name);
	AUTO(free_auto) char *folder = shell_word(parent);

	guide_heading(guide, "1", "Database", "데이터베이스");
	guide_say(guide, "Stop Open WebUI first.", "먼저 Open WebUI를 멈추십시오.");
	guide_begin(guide);
	text_addf(&guide->out,
		"mkdir -p %s\n"
		"zstd -dc webui.db.zst > %s.restored\n"
		"for suffix in '' -wal -shm; do\n"
		"  [ ! -e %s$suffix ] || mv -n %s$suffix %s.before_$stamp$suffix\n"
		"done\n"
		"mv -n %s.restored %s\n",
		folder, file, file, file, file, file, file);
	guide_end(guide);
}

static void add_files(Guide *guide)
{
	const char *data = guide->data_dir;
	struct stat about;

	guide_heading(guide, "2", "Uploads and vector store", "올린 파일과 벡터 저장소");
	guide_begin(guide);
	text_addf(&guide->out,
		"mkdir -p %s\n"
		"[ ! -d files/uploads ] || cp -an files/uploads %s/\n"
		"[ ! -d %s/vector_db ] || mv -n %s/vector_db %s/vector_db.before_$stamp\n"
		"[ ! -d files/vector_db ] || cp -a files/vector_db %s/\n",
		data, data, data, data, data, data);
	/* The user inside a container has a number, and maybe no name here. */
	if (guide->container && stat(guide->site->webui.data_dir, &about) == 0)
		text_addf(&guide->out, "chown -R %u:%u %s\n", (unsigned)about.st_uid,
			(unsigned)about.st_gid, data);
	else
		text_addf(&guide->out, "chown -R %s: %s\n", guide->user, data);
	guide_end(guide);
}

/* Data that was once inside the environment lies beside it, and the package has a link to it. */
static void add_data_link(Guide *guide)
{
	AUTO(free_auto) char *home = site_data_home(guide->site);
	AUTO(free_auto)
	char *data = str_format(
		"%s/lib/python%s/site-packages/open_webui/data", guide->environment, guide->python);

	if (!str_is(guide->site->webui.data_dir, home))
		return;
	text_addf(&guide->out,
		"[ ! -e %s ] || mv %s %s.shipped\n"
		"ln -s %s %s\n",
		data, data, data, guide->data_dir, data);
}

static void add_environment(Guide *guide)
{
	guide_heading(guide, "3", "Programs, only when the environment is gone too",
		"프로그램, 설치 환경까지 없어졌을 때만");
	guide_say(guide, "The very versions of the day of the backup.",
		"백업한 날의 버전 그대로입니다.");
	guide_begin(guide);
	text_addf(&guide->out,
		"python%s -m venv %s\n"
		"%s/bin/python -m pip install --no-deps -r packages.txt\n"
		"[ ! -f dotenv ] || install -m 600 dotenv %s/lib/python%s/.env\n",
		guide->python, guide->environment, guide->environment, guide->environment,
		guide->python);
	add_data_link(guide);
	text_addf(&guide->out, "chown -R %s: %s\n", guide->user, guide->environment);
	guide_end(guide);
}

static void add_key(Guide *guide)
{
	const WebuiEnv *webui = &guide->site->webui;

	guide_heading(guide, "4", "Secret key", "비밀 키");
	guide_say(guide,
		"With another key everybody is signed out and stored tokens cannot be read.",
		"키가 다르면 모두 로그아웃되고 저장된 토큰을 읽을 수 없습니다.");
	if (guide->container && webui->key_source != KEY_IN_ENVIRONMENT) {
		guide_add_container_key(guide);
		return;
	}
	if (webui->key_source == KEY_IN_FILE && webui->key_file) {
		AUTO(free_auto) char *file = shell_word(webui->key_file);

		guide_begin(guide);
		text_addf(&guide->out, "mkdir -p %s\ninstall -m 600 -o %s secret_key %s\n",
			guide->directory, guide->user, file);
		guide_end(guide);
		return;
	}
	guide_say(guide, "It is `WEBUI_SECRET_KEY` in the file `environment`, beside this one.",
		"이 폴더의 `environment` 파일 안 `WEBUI_SECRET_KEY`입니다.");
}

/* The settings come from the file, so that it works without the site's own script too. */
static void add_plain_start(Guide *guide, const char *indent)
{
	const Site *site = guide->site;
	AUTO(free_auto) char *host = shell_word(site->listen ? site->listen : "127.0.0.1");
	AUTO(free_auto) char *log = shell_word(site->log_file ? site->log_file : "openwebui.log");

	text_addf(&guide->out,
		"%smkdir -p %s\n"
		"%s( set -a; . ./environment; set +a; cd %s &&\n"
		"%s  exec nohup %s/bin/open-webui serve --host %s --port %d >> %s 2>&1 ) &\n",
		indent, guide->directory, indent, guide->directory, indent, guide->environment,
		host, site->port, log);
}

/* Unit or script may be gone with the machine. */
static void add_start(Guide *guide)
{
	const Site *site = guide->site;
	const char *user = site->user_unit ? "--user " : "";

	guide_heading(guide, "5", "Start", "시작");
	guide_begin(guide);
	if (guide->container) {
		text_addf(&guide->out, "docker start %s\n", guide->container);
		guide_end(guide);
		return;
	}
	if (site->service == SERVICE_SYSTEMD && site->unit) {
		text_addf(&guide->out,
			"if systemctl %scat %s > /dev/null 2>&1; then\n"
			"  systemctl %sstart %s\nelse\n",
			user, site->unit, user, site->unit);
	} else if (site->service == SERVICE_SCRIPT && site->start_script) {
		AUTO(free_auto) char *script = shell_word(site->start_script);

		text_addf(&guide->out, "if [ -f %s ]; then\n  ( cd %s && bash %s )\nelse\n", script,
			guide->directory, script);
	} else {
		add_plain_start(guide, "");
		guide_end(guide);
		return;
	}
	add_plain_start(guide, "  ");
	text_add(&guide->out, "fi\n");
	guide_end(guide);
}

static void add_end(Guide *guide)
{
	guide_say(guide,
		"The settings it ran with are in `environment`, the command line in `start.json`. It should "
		"run as the same user as before.",
		"실행할 때의 설정은 `environment`에, 명령줄은 `start.json`에 있습니다. 예전과 같은 사용자로 "
		"실행하십시오.");
}

char *restore_md(const Site *site, const json_t *manifest, const char *set_path)
{
	const char *python = json_str(manifest, "python");
	const char *name = json_str(manifest, "container");
	AUTO(free_auto) char *container = name ? shell_word(name) : NULL;
	Guide guide = {
		.out = TEXT_INIT(GUIDE_MAX),
		.site = site,
		.manifest = manifest,
		.python = python ? python : "3",
		.container = container,
		.data_dir = shell_word(site->webui.data_dir ? site->webui.data_dir : "data"),
		.environment = shell_word(site->environment ? site->environment : "env"),
		.directory = shell_word(site->start_directory ? site->start_directory : "."),
		.user = shell_word(site->user ? site->user : "root"),
	};
	AUTO(free_auto) char *text = NULL;

	add_heading(&guide, set_path);
	if (site->database.kind == DATABASE_SQLITE)
		add_sqlite(&guide);
	else
		add_postgres(&guide);
	add_files(&guide);
	if (container)
		guide_add_image(&guide);
	else
		add_environment(&guide);
	add_key(&guide);
	add_start(&guide);
	if (!container)
		add_end(&guide);
	free(guide.data_dir);
	free(guide.environment);
	free(guide.directory);
	free(guide.user);
	text = text_take(&guide.out);
	return redact(text);
}
