# demo.sh - ./dev demo: the whole story on this machine, with the real Open WebUI, in .demo/.
# Everything stays in that folder; run it again to begin anew.

need build test
need_python
LANGUAGE_OF_USER=${LC_ALL:-}
. tests/harness/site.sh
say "building belay into build/"
build_into build
BELAY=$ROOT/build/src/cli/belay
SITES=$ROOT

if [ -e .demo/site.env ]; then
	site_use "$ROOT/.demo"
	site_remove
fi
rm -rf .demo

# Shows a command as it would be typed, and runs it in the language of whoever watches.
show() {
	printf '\n$ belay %s\n' "$*"
	(
		if [ -n "$LANGUAGE_OF_USER" ]; then
			LC_ALL=$LANGUAGE_OF_USER
		else
			unset LC_ALL
		fi
		exec "$BELAY" --site "$SITE_FILE" "$@"
	)
}

say "making an Open WebUI 0.7.2 in .demo/ (the first time takes a minute or two)"
site_new .demo
sed -i '/^SITE_NAME=/s/=.*/=demo/' "$SITE/site.env"
site_use "$SITE"
site_env real 0.7.2
site_script inside
site_start
site_fill 3
say "it serves at $SITE_URL, with an account, three chats, a file and a note"

show adopt --pid "$(site_pid)" --overrides "$ROOT/tests/real/slim-overrides.txt"
show upgrade 0.8.0 --yes
site_reads_back
say "Open WebUI $(site_version): the account signs in, every chat reads back"
show status
show rollback --yes --accept-loss
site_reads_back
say "Open WebUI $(site_version): the account signs in, every chat reads back"
show history
cat <<END

The server is still running, as version $(site_version):

    $SITE_URL     ann@example.com / correct horse

    export BELAY_STATE_DIR=$BELAY_STATE_DIR
    $BELAY --site $SITE_FILE status
    $BELAY --site $SITE_FILE upgrade 0.8.0

It ends with:  kill $(site_pid)
END
