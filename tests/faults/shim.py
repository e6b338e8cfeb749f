# SPDX-License-Identifier: Apache-2.0
"""The runner's side of shim.c: builds it, and says what it is to do to one node."""

import os
import pathlib
import struct
import subprocess
import time

FIELDS = ("real_offset_us", "both_offset_us", "drift_ppm", "drift_since_us", "sync_delay_us")


def build(folder):
    """The library, made from the source beside this file; Debian's compiler is what ./dev installs."""
    library = os.path.join(folder, "shim.so")
    source = pathlib.Path(__file__).with_name("shim.c")
    subprocess.run(["clang-16", "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", library, str(source)], check=True)
    return library


class Shim:
    """What is wrong with one node's clock and disk: an attribute a field; heal() puts all right."""

    def __init__(self, library, control):
        self.library = library
        self.control = control
        pathlib.Path(control).write_bytes(struct.pack(f"{len(FIELDS)}q", *[0] * len(FIELDS)))

    def environment(self):
        return {"LD_PRELOAD": self.library, "ISOCHRON_FAULT_CONTROL": self.control}

    def set(self, **values):
        with open(self.control, "r+b", buffering=0) as file:
            for name, value in values.items():
                file.seek(8 * FIELDS.index(name))
                file.write(struct.pack("q", value))

    def drift(self, ppm):
        """From now on; the offset so far is forgotten."""
        self.set(drift_since_us=time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000, drift_ppm=ppm)

    def heal(self):
        self.set(**{name: 0 for name in FIELDS})
