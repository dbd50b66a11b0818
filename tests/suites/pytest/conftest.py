# SPDX-License-Identifier: MIT
import pathlib
import subprocess
import sys

import pytest


@pytest.fixture(scope="session")
def server():
    script = pathlib.Path(__file__).with_name("notes.py")
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True) as process:
        try:
            if process.stdout.readline() != "ready\n":
                pytest.fail(f"the server did not start, exit status {process.wait(10)}")
            yield process
        finally:
            process.kill()
