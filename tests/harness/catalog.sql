-- What a database has beyond its rows, one sorted line a fact: read before and after an upgrade and a
-- rollback. Ids, which a copy changes, are written as names.
\pset tuples_only on
\pset format unaligned
\pset pager off
SET search_path = pg_catalog;
SET client_encoding = 'UTF8';
WITH db AS (SELECT * FROM pg_database WHERE datname = current_database()),
spaces AS (SELECT oid, nspname FROM pg_namespace
	WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'),
own AS (SELECT c.*, s.nspname, format('%I.%I', s.nspname, c.relname) AS path
	FROM pg_class c JOIN spaces s ON s.oid = c.relnamespace),
facts AS (
	SELECT 'database' AS what, concat_ws(' ', pg_get_userbyid(datdba), pg_encoding_to_char(encoding),
		datcollate, datctype, to_jsonb(db) - '{oid,datdba,datname,datacl,datfrozenxid,datminmxid,dattablespace,datlastsysoid}'::text[],
		(SELECT spcname FROM pg_tablespace t WHERE t.oid = dattablespace)) AS fact FROM db
	UNION ALL SELECT 'database comment', shobj_description(oid, 'pg_database') FROM db
	UNION ALL SELECT 'database grant', coalesce(a::text, 'none') FROM db LEFT JOIN unnest(datacl) a ON true
	UNION ALL SELECT 'database label', provider || ' ' || label FROM pg_shseclabel, db
		WHERE objoid = db.oid AND classoid = 'pg_database'::regclass
	UNION ALL SELECT 'setting', concat_ws(' ', CASE setrole WHEN 0 THEN 'all' ELSE setrole::regrole::text END, c)
		FROM pg_db_role_setting, unnest(setconfig) c, db WHERE setdatabase = db.oid
	UNION ALL SELECT 'subscription', subname FROM pg_subscription, db WHERE subdbid = db.oid
	UNION ALL SELECT 'extension', concat_ws(' ', extname, extversion, extnamespace::regnamespace,
		pg_get_userbyid(extowner), obj_description(oid, 'pg_extension')) FROM pg_extension
	UNION ALL SELECT 'schema', concat_ws(' ', nspname, pg_get_userbyid(nspowner), nspacl,
		obj_description(oid, 'pg_namespace')) FROM pg_namespace WHERE oid IN (SELECT oid FROM spaces)
	UNION ALL SELECT 'relation', concat_ws(' ', path, relkind, relpersistence, pg_get_userbyid(relowner),
		relacl, reloptions, (SELECT spcname FROM pg_tablespace t WHERE t.oid = reltablespace),
		relreplident, relrowsecurity, obj_description(oid, 'pg_class')) FROM own
	UNION ALL SELECT 'column', concat_ws(' ', path, attname, format_type(atttypid, atttypmod), attnotnull,
		attacl, attstorage, nullif(attstattarget, -1), (SELECT array_agg(o) FROM unnest(attoptions) o WHERE o !~ '^pg_'), col_description(attrelid, attnum),
		pg_get_expr(d.adbin, d.adrelid))
		FROM own JOIN pg_attribute ON attrelid = own.oid AND attnum > 0 AND NOT attisdropped
		LEFT JOIN pg_attrdef d ON d.adrelid = attrelid AND d.adnum = attnum WHERE relkind <> 'i'
	UNION ALL SELECT 'index', pg_get_indexdef(own.oid) FROM own WHERE relkind IN ('i', 'I')
	UNION ALL SELECT 'constraint', concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(c.oid))
		FROM pg_constraint c JOIN spaces s ON s.oid = c.connamespace
	UNION ALL SELECT 'default privilege', concat_ws(' ', pg_get_userbyid(defaclrole),
		nullif(defaclnamespace, 0)::regnamespace, defaclobjtype, defaclacl) FROM pg_default_acl
	UNION ALL SELECT 'function', concat_ws(' ', p.oid::regprocedure, pg_get_userbyid(proowner), proacl, proconfig,
		md5(prosrc)) FROM pg_proc p JOIN spaces s ON s.oid = p.pronamespace
	UNION ALL SELECT 'type', concat_ws(' ', t.oid::regtype, pg_get_userbyid(typowner), typacl)
		FROM pg_type t JOIN spaces s ON s.oid = t.typnamespace WHERE typtype IN ('e', 'd')
	UNION ALL SELECT 'trigger', concat_ws(' ', tgrelid::regclass, tgname, tgenabled)
		FROM pg_trigger JOIN own ON own.oid = tgrelid WHERE NOT tgisinternal
	UNION ALL SELECT 'event trigger', concat_ws(' ', evtname, evtevent, pg_get_userbyid(evtowner), evtenabled)
		FROM pg_event_trigger
	UNION ALL SELECT 'publication', concat_ws(' ', pubname, pg_get_userbyid(pubowner), puballtables, pubinsert,
		pubupdate, pubdelete, pubtruncate) FROM pg_publication
	UNION ALL SELECT 'published', concat_ws(' ', pubname, schemaname, tablename) FROM pg_publication_tables
)
SELECT what || ': ' || coalesce(fact, '') FROM facts ORDER BY what COLLATE "C", fact COLLATE "C";
