# make_site.sh KIND DIR - the site that is broken again and again: the stand-in 0.7.2, running, filled,
# adopted, stopped. KIND: sqlite, inside (data inside the environment), system (the system's Python),
# postgres (PGPORT names the server, PGDATABASE the database). Read by lab.py.
set -eu
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
. "$ROOT/tests/harness/postgres.sh"
. "$ROOT/tests/harness/system_site.sh"
SITES=$2
case $1 in
sqlite) standin_site site ;;
inside) standin_site site inside ;;
system) SYSTEM_SITE_NAME=site system_site line && expect 0 site_adopt ;;
postgres)
	export PGPASSWORD="$PG_PASSWORD" PGHOST=127.0.0.1 PGUSER="$PG_ROLE"
	SITE_PG=$PGDATABASE
	psql -d postgres -qXc "CREATE DATABASE $SITE_PG"
	standin_site site "DATABASE_URL=postgresql://$PG_ROLE:$PG_PASSWORD_URL@127.0.0.1:$PGPORT/$SITE_PG"
	;;
esac
# The last line that is read back must not be the first that is written again.
api GET /api/v1/auths/ >/dev/null 2>&1 || true
site_stop
