"""The table of instances, with one row for each instance, and the migration of older files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Boolean, Column, DateTime, Engine, Float, Integer, MetaData, String, Table, inspect

from shared.errors import InvalidField
from shared.ledger import HOPS

# Increases by one with every change of the table.
SCHEMA_VERSION = 4
# By version of a file: the columns that make it a file of the next version.
_ADDED: Mapping[int, Sequence[str]] = {
    1: ("wire_bytes INTEGER",),
    2: ("network_delay_ms FLOAT",),
    3: (
        *("information_bits INTEGER", "coded_bits INTEGER", "num_blocks INTEGER", "code_rate FLOAT"),
        *("blocks_in_error INTEGER", "outage BOOLEAN"),
    ),
}
_METADATA = MetaData()
_COUNTS = ("source_bytes", "real_values", "channel_uses", "num_pilots", "payload_bytes", "message_bytes")
_RATIOS = ("airtime_ms", "bandwidth_ratio")
_CODED_COUNTS = ("information_bits", "coded_bits", "num_blocks")
OVERHEAD_FIELDS = (*_COUNTS, "wire_bytes", *_RATIOS, *_CODED_COUNTS, "code_rate", "blocks_in_error")

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
    # NULL for instances that were stored by version 1 to 3, and the last two for those without an answer.
    *(Column(name, Integer) for name in _CODED_COUNTS),
    Column("code_rate", Float),
    Column("blocks_in_error", Integer),
    Column("outage", Boolean),
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
        while version in _ADDED:
            for column in _ADDED[version]:
                connection.exec_driver_sql(f"ALTER TABLE {INSTANCES.name} ADD COLUMN {column}")
            version += 1
        if version != SCHEMA_VERSION:
            raise InvalidField(
                "SEMCOM_CHANNEL_STORE", path, f"a new file, or a store of version 1 to {SCHEMA_VERSION}"
            )
        _METADATA.create_all(connection)
        connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")
