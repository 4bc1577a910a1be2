"""A folder of wheels that is small: an engine that is the one under test where it stands, and the real installer."""

from __future__ import annotations

import sysconfig
import zipfile
from importlib.metadata import distribution
from pathlib import Path

from engine import __version__
from engine.cluster.wheel import file_name, write_wheel
from tests.support.commands import ROOT

__all__ = ["tiny"]

#: What stands in for its packages: the folders in which they and what they need are, for the Python that runs these tests.
PATHS = "{root}\n{installed}\n"


def tiny(folder: Path, build: str = "one") -> Path:
    """The folder, made. build: in place of what is different between two of them."""
    folder.mkdir()
    stem = f"microagent_engine-{__version__}"
    files = {
        "tinyengine.pth": PATHS.format(root=ROOT, installed=sysconfig.get_path("purelib")),
        "tinyengine.build": build,
        f"{stem}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: microagent-engine\nVersion: {__version__}\n",
        f"{stem}.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{stem}.dist-info/entry_points.txt": "[console_scripts]\nengine = engine.cli.main:main\n",
    }
    files[f"{stem}.dist-info/RECORD"] = "".join(f"{name},,\n" for name in (*files, f"{stem}.dist-info/RECORD"))
    with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    installer = distribution("pip")
    write_wheel(installer, folder / file_name(installer))
    return folder
