"""The simulated disk under the name that tests know it by."""

from __future__ import annotations

from checkpoints.faults import Fault, Killed
from checkpoints.simdisk import SECTOR_BYTES, Process, SimDisk

__all__ = ["SECTOR_BYTES", "Fault", "Killed", "Process", "SimDisk"]
