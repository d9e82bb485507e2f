"""The table of instances, with one row for each instance, and the migration of older files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Boolean, Column, DateTime, Engine, Float, Integer, MetaData, String, Table, inspect

from shared.errors import InvalidField
from shared.ledger import HOPS, LEDGER

_METADATA = MetaData()
# By a column's name: the version of the table that has it first.
_SINCE: Mapping[str, int] = {"network_delay_ms": 3, **{own.name: own.since for own in LEDGER}}
# Increases by one with every change of the table.
SCHEMA_VERSION = max(_SINCE.values())
_SQL_TYPES: Mapping[type, Any] = {int: Integer, float: Float, bool: Boolean}

INSTANCES = Table(
    "instances",
    _METADATA,
    Column("instance_id", String(64), primary_key=True),
    Column("created", DateTime, nullable=False, index=True),
    Column("status", String(32), nullable=False),
    *(Column(name, String(64), nullable=False, index=True) for name in ("task", "system", "link")),
    *(Column(name, String(16), nullable=False) for name in ("channel", "fading", "csi")),
    *(
        Column(name, Float, nullable=False)
        for name in ("requested_snr_db", "realised_snr_db", "noise_variance")
    ),
    *(Column(name, Float) for name in ("post_equalisation_snr_db", "k_factor_db")),
    # Stored as text, because they are uint64 and the integers of SQLite are signed.
    *(Column(name, String(20), nullable=False) for name in ("seed", "frame_number")),
    *(Column(own.name, _SQL_TYPES[own.type], nullable=own.may_lack) for own in LEDGER),
    # NULL for instances that were stored by version 1 or 2.
    Column("network_delay_ms", Float),
    *(Column(f"{hop}_ms", Float) for hop in HOPS),
)


def open_schema(engine: Engine, path: str) -> None:
    """Create the table, or migrate an older table to the current version.

    Args:
        engine: Database of the report store.
        path: File of the database, for the error message.

    Raises:
        InvalidField: If the file has a version that this code does not know.
    """
    with engine.begin() as connection:
        version = SCHEMA_VERSION
        if inspect(connection).has_table(INSTANCES.name):
            version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
        if not 1 <= version <= SCHEMA_VERSION:
            raise InvalidField(
                "SEMCOM_CHANNEL_STORE", path, f"a new file, or a store of version 1 to {SCHEMA_VERSION}"
            )
        for column in INSTANCES.columns:
            if _SINCE.get(column.name, 1) > version:
                definition = f"{column.name} {column.type.compile(engine.dialect)}"
                connection.exec_driver_sql(f"ALTER TABLE {INSTANCES.name} ADD COLUMN {definition}")
        _METADATA.create_all(connection)
        connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")
