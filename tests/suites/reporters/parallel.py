# SPDX-License-Identifier: MIT
"""Two tests that run at the same time, each with a server that it forgets."""
import os
import subprocess
import time

import pytest

PORTS = 3171, 3172


@pytest.mark.parametrize("port", PORTS)
def test_forgets(port):
    open(f"begun-{port}", "w").close()
    end = time.monotonic() + 30
    while not all(os.path.exists(f"begun-{one}") for one in PORTS):
        assert time.monotonic() < end
        time.sleep(0.01)
    child = subprocess.Popen(["./serve.py", str(port)], stdout=subprocess.PIPE, start_new_session=True)
    assert child.stdout.readline() == b"up\n"
