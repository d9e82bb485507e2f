"""The table of instances, with one row for each instance, and the migration of older files."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Column, DateTime, Engine, Float, Integer, MetaData, String, Table, inspect

from shared.errors import InvalidField
from shared.ledger import HOPS

# Increases by one with every change of the table.
SCHEMA_VERSION = 3
# By version of a file: the statement that makes it a file of the next version.
_MIGRATIONS: Mapping[int, str] = {
    1: "ALTER TABLE instances ADD COLUMN wire_bytes INTEGER",
    2: "ALTER TABLE instances ADD COLUMN network_delay_ms FLOAT",
}
_METADATA = MetaData()
_COUNTS = ("source_bytes", "real_values", "channel_uses", "num_pilots", "payload_bytes", "message_bytes")
_RATIOS = ("airtime_ms", "bandwidth_ratio")
OVERHEAD_FIELDS = (*_COUNTS, "wire_bytes", *_RATIOS)

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
    *(Column(name, Integer, nullable=False) for name in _COUNTS),
    # NULL for instances that were stored by version 1.
    Column("wire_bytes", Integer),
    *(Column(name, Float, nullable=False) for name in _RATIOS),
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
        while version in _MIGRATIONS:
            connection.exec_driver_sql(_MIGRATIONS[version])
            version += 1
        if version != SCHEMA_VERSION:
            raise InvalidField(
                "SEMCOM_CHANNEL_STORE", path, f"a new file, or a store of version 1 to {SCHEMA_VERSION}"
            )
        _METADATA.create_all(connection)
        connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")
