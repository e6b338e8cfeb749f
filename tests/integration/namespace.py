# SPDX-License-Identifier: Apache-2.0
"""A namespace of our own for tests that mount file systems or need a network to break."""

import os
import subprocess
import sys

INSIDE = "ISOCHRON_TEST_OWN_NAMESPACE"
NAMESPACE = ["unshare", "-Urnm"]


def enter_namespace():
    """Runs this program again where it may mount and make networks; the reason where that cannot be."""
    if os.environ.get(INSIDE):
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        return None
    try:
        done = subprocess.run([*NAMESPACE, "sh", "-c", "mount -t tmpfs none /mnt && ip link set lo up"],
                              capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        return str(error)
    if done.returncode != 0:
        return f"no namespace of our own: {done.stderr.strip()}"
    os.environ[INSIDE] = "1"
    os.execvp(NAMESPACE[0], [*NAMESPACE, sys.executable, os.path.abspath(sys.argv[0]), *sys.argv[1:]])
