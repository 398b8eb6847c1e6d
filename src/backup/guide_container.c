/* The parts of RESTORE.md about a container: also where nothing of it is left, in the words of the
 * docker program, and of curl for what that has no words for: a container from a file. */
#include <string.h>

#include "backup/guide.h"
#include "backup/restore_md.h"
#include "base/mem.h"
#include "os/file.h"

#define USUAL_SOCKET "/var/run/docker.sock"
#define UNIX_SCHEME  "unix://"
#define TCP_SCHEME   "tcp://"

/* ---- the engine ---- */

void guide_add_engine(Guide *guide)
{
	const Site *site = guide->site;
	AUTO(free_auto) char *host = site->docker_host ? shell_word(site->docker_host) : NULL;
	AUTO(free_auto)
	char *certs = site->docker_cert_path ? shell_word(site->docker_cert_path) : NULL;

	if (host)
		text_addf(&guide->out, "export DOCKER_HOST=%s\n", host);
	if (certs)
		text_addf(&guide->out, "export DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH=%s\n", certs);
}

static void add_create_call(Guide *guide)
{
	const char *named = guide->site->docker_host;
	const char *host = named ? named : UNIX_SCHEME USUAL_SOCKET;
	const bool tcp = str_starts(host, TCP_SCHEME);
	AUTO(free_auto) char *socket = shell_word(tcp ? "" : host + strlen(UNIX_SCHEME));
	AUTO(free_auto)
	char *url = str_format("%s%s/containers/create?name=%s", tcp ? "https://" : "http://docker",
		tcp ? host + strlen(TCP_SCHEME) : "", json_str(guide->manifest, "container"));
	AUTO(free_auto) char *word = shell_word(url);

	text_add(&guide->out, "  curl -fsS ");
	if (tcp)
		text_add(&guide->out,
			"--cacert \"$DOCKER_CERT_PATH/ca.pem\" --cert \"$DOCKER_CERT_PATH/cert.pem\" "
			"--key \"$DOCKER_CERT_PATH/key.pem\"");
	else
		text_addf(&guide->out, "--unix-socket %s", socket);
	text_addf(&guide->out, " -H 'Content-Type: application/json' -d @create.json %s\n", word);
}

/* ---- what it lay on ---- */

static void add_volumes(Guide *guide)
{
	size_t index;
	json_t *volume;

	json_array_foreach(json_object_get(guide->manifest, "volumes"), index, volume)
	{
		AUTO(free_auto) char *name = shell_word(json_string_value(volume));

		text_addf(&guide->out, "docker volume create %s\n", name);
	}
}

/* Compose makes its own, and takes none that it has not made. */
static void add_networks(Guide *guide)
{
	const char *network;
	json_t *endpoint;

	json_object_foreach(json_object_get(guide->manifest, "networks"), network, endpoint)
	{
		AUTO(free_auto) char *name = shell_word(network);

		text_addf(&guide->out,
			"docker network inspect %s > /dev/null 2>&1 || docker network create %s\n",
			name, name);
	}
}

static void add_project_files(Guide *guide)
{
	AUTO(strlist_clear) StrList files = {0};
	AUTO(free_auto) char *env = path_join(guide->site->start_directory, ".env");

	strlist_split(&files, guide->site->compose_files ? guide->site->compose_files : "", ",");
	strlist_add(&files, env);
	text_addf(&guide->out, "mkdir -p %s\n", guide->directory);
	for (size_t i = 0; i < files.len; i++) {
		AUTO(free_auto)
		char *saved = str_format("compose-%zu-%s", i + 1, path_name(files.items[i]));
		AUTO(free_auto) char *from = shell_word(saved);
		AUTO(free_auto) char *to = shell_word(files.items[i]);

		text_addf(&guide->out, "[ ! -e %s ] || [ -e %s ] || cp -p %s %s\n", from, to, from,
			to);
	}
}

void guide_add_ground(Guide *guide)
{
	guide_say(guide,
		"What the container lies on, where it is gone; what is there stays as it is.",
		"컨테이너가 쓰는 것을 없어진 것만 만듭니다. 있는 것은 그대로 둡니다.");
	guide_begin(guide);
	add_volumes(guide);
	if (guide->site->service == SERVICE_COMPOSE)
		add_project_files(guide);
	else
		add_networks(guide);
	guide_end(guide);
}

/* ---- the image, and the container ---- */

/* Name and files as the project was made: neither need be those that compose would guess. */
static char *compose_words(const Site *site)
{
	AUTO(text_clear) Text out = TEXT_INIT(GUIDE_MAX);
	AUTO(strlist_clear) StrList files = {0};
	AUTO(free_auto) char *project = shell_word(site->compose_project);

	text_addf(&out, "docker compose -p %s", project);
	if (site->compose_files)
		strlist_split(&files, site->compose_files, ",");
	for (size_t i = 0; i < files.len; i++) {
		AUTO(free_auto) char *file = shell_word(files.items[i]);

		text_addf(&out, " -f %s", file);
	}
	return text_take(&out);
}

/* A name may mean another image meanwhile: on this machine it is made to mean this one. */
static void get_image(Guide *guide, const char *image, const char *id)
{
	const char *pinned = json_str(guide->manifest, "image_digest");
	AUTO(free_auto) char *name = shell_word(image);
	AUTO(free_auto) char *here = shell_word(id);
	AUTO(free_auto) char *from = shell_word(pinned ? pinned : image);

	text_addf(
		&guide->out, "docker image inspect %s > /dev/null || docker pull %s\n", here, from);
	if (!strchr(image, '@'))
		text_addf(&guide->out, "docker tag %s %s\n", here, name);
}

static void connect_further(Guide *guide)
{
	const char *network;
	json_t *endpoint;

	json_object_foreach(json_object_get(guide->manifest, "networks"), network, endpoint)
	{
		AUTO(free_auto) char *name = shell_word(network);
		size_t index;
		json_t *alias;

		/* null: it is made in this one. */
		if (!json_is_object(endpoint))
			continue;
		text_add(&guide->out, "  docker network connect");
		json_array_foreach(json_object_get(endpoint, "Aliases"), index, alias)
		{
			AUTO(free_auto) char *word = shell_word(json_string_value(alias));

			text_addf(&guide->out, " --alias %s", word);
		}
		text_addf(&guide->out, " %s %s\n", name, guide->container);
	}
}

/* One of another image is kept under another name, and does not start by itself any more. */
static void make_container(Guide *guide, const char *id)
{
	AUTO(free_auto) char *here = shell_word(id);
	const char *name = guide->container;

	text_addf(&guide->out,
		"if [ \"$(docker inspect -f '{{.Image}}' %s)\" != %s ]; then\n"
		"  docker rename %s %s.before_$stamp && docker update --restart no %s.before_$stamp\n",
		name, here, name, name, name);
	add_create_call(guide);
	connect_further(guide);
	text_add(&guide->out, "fi\n");
}

static void recreate_service(Guide *guide)
{
	AUTO(free_auto) char *service = shell_word(guide->site->compose_service);
	AUTO(free_auto) char *up = compose_words(guide->site);

	text_addf(&guide->out, "( cd %s && %s up --no-start --no-deps %s )\n", guide->directory, up,
		service);
}

void guide_add_image(Guide *guide)
{
	const bool compose = guide->site->service == SERVICE_COMPOSE;
	const char *image = json_str(guide->manifest, "image");
	const char *id = json_str(guide->manifest, "image_id");

	image = image ? image : "?";
	id = id ? id : image;
	guide_heading(guide, "3", "Image, when another one serves or the container is gone",
		"이미지, 다른 것이 실행 중이거나 컨테이너가 없어졌을 때");
	text_addf(&guide->out, "- %s\n- %s\n\n", image, id);
	if (compose)
		guide_say(guide,
			"The files of the project as they were are `compose-1-…` and so on, beside this one: "
			"the image's tag in them is the one that belongs to this database.",
			"이 폴더의 `compose-1-…` 파일들이 그때의 프로젝트 파일입니다. 그 안의 이미지 태그가 이 "
			"데이터베이스에 맞는 것입니다.");
	else
		guide_say(guide,
			"`create.json` is what the container is made of; `container.json` is all that the "
			"engine said of it.",
			"`create.json`으로 컨테이너를 만듭니다. `container.json`은 엔진이 알려 준 컨테이너의 모든 "
			"내용입니다.");
	guide_begin(guide);
	get_image(guide, image, id);
	if (compose)
		recreate_service(guide);
	else
		make_container(guide, id);
	guide_end(guide);
}

/* ---- the key ---- */

void guide_add_container_key(Guide *guide)
{
	const char *named = env_get(&guide->site->recipe.env, "WEBUI_SECRET_KEY_FILE");
	AUTO(free_auto)
	char *path = str_empty(named)  ? path_join(guide->site->recipe.dir, ".webui_secret_key")
		     : named[0] == '/' ? str_dup(named)
				       : path_join(guide->site->recipe.dir, named);
	AUTO(free_auto) char *word = shell_word(path);

	guide_say(guide, "It lies inside the container, and goes with it.",
		"키는 컨테이너 안에 있으며 컨테이너와 함께 없어집니다.");
	guide_begin(guide);
	text_addf(&guide->out, "docker cp secret_key %s:%s\n", guide->container, word);
	guide_end(guide);
}
