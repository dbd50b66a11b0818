# SPDX-License-Identifier: MIT
"""Reports to Berth which test runs.

PYTHONPATH=/usr/local/share/berth/reporters pytest -p berth_pytest

It writes one line "WORKER MS NAME" into the FIFO BERTH_MARK for each test.
Without Berth it does nothing.
"""
import os
import time

_fifo = None


def _open():
    try:
        return os.open(os.environ["BERTH_MARK"], os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (KeyError, OSError):
        return -1


def mark(name):
    """From now on this worker runs test name; an empty name: none."""
    global _fifo
    if _fifo is None:
        _fifo = _open()
    if _fifo < 0:
        return
    line = f"{os.environ.get('BERTH_WORKER')} {time.time() * 1000:.3f} {name}".replace("\n", " ")
    try:
        os.write(_fifo, line.encode(errors="replace")[:1000] + b"\n")
    except BlockingIOError:
        pass  # full: this mark is lost
    except OSError:
        os.close(_fifo)
        _fifo = -1


def pytest_runtest_logstart(nodeid, location):
    file, line, name = location
    mark(f"{file}:{(line or 0) + 1} {name}")


def pytest_sessionfinish():
    mark("")
