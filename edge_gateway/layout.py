"""Where a gateway keeps what in its data folder; the one place that knows the names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Layout:
    """Folders of one gateway.

    Attributes:
        root: The configured data folder.
    """

    root: Path

    @property
    def journal(self) -> Path:
        """Raw samples; never leaves the site."""
        return self.root / "journal"

    @property
    def outbox(self) -> Path:
        """Records waiting for delivery."""
        return self.root / "outbox"

    @property
    def influx(self) -> Path:
        """Lines waiting for an InfluxDB, and the ledger of those that went there."""
        return self.root / "influx"

    @property
    def recovery(self) -> Path:
        """Bytewax's recovery stores, one folder a flow."""
        return self.root / "recovery"

    @property
    def status(self) -> Path:
        """What the processes say of themselves."""
        return self.root / "status"

    @property
    def config(self) -> Path:
        """The configuration in force, and what came of reloads."""
        return self.root / "config"

    @property
    def commands(self) -> Path:
        """What people asked of alarms and the acquire process has not taken yet."""
        return self.root / "commands"

    @property
    def identity(self) -> Path:
        """Our own certificate and key."""
        return self.root / "identity"

    @property
    def trusted(self) -> Path:
        """Certificates of servers that are trusted where no other folder is named; refused ones in `rejected/`."""
        return self.root / "trusted"

    @property
    def gateway_id(self) -> Path:
        """A name made by chance, of this data folder."""
        return self.root / "gateway-id"

    @property
    def host(self) -> Path:
        """The name of the host of a cluster, where it is one."""
        return self.root / "host"
