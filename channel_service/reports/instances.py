"""The table of instances: one row each, and how an older file becomes one of today's."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Column, DateTime, Engine, Float, Integer, MetaData, String, Table, inspect

from shared.errors import InvalidField
from shared.ledger import HOPS

# Goes up with every change of the table.
SCHEMA_VERSION = 3
# What makes a file of the next version out of one of each version.
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
    # Text: they are uint64, and SQLite's whole numbers are signed.
    *(Column(name, String(20), nullable=False) for name in ("seed", "frame_number")),
    *(Column(name, Integer, nullable=False) for name in _COUNTS),
    # Unknown of instances that a store of version 1 held.
    Column("wire_bytes", Integer),
    *(Column(name, Float, nullable=False) for name in _RATIOS),
    # Unknown of instances that a store of version 1 or 2 held.
    Column("network_delay_ms", Float),
    *(Column(f"{hop}_ms", Float) for hop in HOPS),
)


def open_schema(engine: Engine, path: str) -> None:
    """Make the table, or bring an older one up to date.

    Raises:
        InvalidField: If the file is a store of a version that this code does not know.
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
