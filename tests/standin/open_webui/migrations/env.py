from logging.config import fileConfig

from alembic import context
from open_webui import lies
from open_webui.env import DATABASE_URL
from open_webui.models.auths import Auth
from sqlalchemy import engine_from_config, pool

config = context.config
if config.config_file_name is not None:
    fileConfig(config.config_file_name, disable_existing_loggers=False)
config.set_main_option("sqlalchemy.url", DATABASE_URL.replace("%", "%%"))

engine = engine_from_config(
    config.get_section(config.config_ini_section, {}), prefix="sqlalchemy.", poolclass=pool.NullPool
)
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=Auth.metadata)
    with context.begin_transaction():
        if lies.before_migrations(connection):
            context.run_migrations()
        lies.after_migrations(connection)
