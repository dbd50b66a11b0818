# SPDX-License-Identifier: MIT
"""Reports to Berth which test runs, and which has failed.

PYTHONPATH=/usr/local/share/berth/reporters pytest -p berth_pytest

It writes lines into the FIFO BERTH_MARK.
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


def _write(text):
    """Return True if the FIFO is full."""
    global _fifo
    if _fifo is None:
        _fifo = _open()
    if _fifo < 0:
        return False
    line = f"{os.environ.get('BERTH_WORKER')} {time.time() * 1000:.3f} {text}".replace("\n", " ")
    try:
        os.write(_fifo, line.encode(errors="replace")[:1500] + b"\n")
    except BlockingIOError:
        return True
    except OSError:
        os.close(_fifo)
        _fifo = -1
    return False


def mark(name):
    """From now on this worker runs test name; an empty name: none. A full FIFO loses it."""
    _write(name[:1000])


def failed(name, error):
    """The test has failed. Waits up to a second while the FIFO is full."""
    first = (str(error).strip().splitlines() or [""])[0]
    text = "\tfailed\t" + name[:500].replace("\t", " ") + "\t" + first[:500].replace("\t", " ")
    for _ in range(100):
        if not _write(text):
            break
        time.sleep(0.01)


def _name(location):
    file, line, name = location
    return f"{file}:{(line or 0) + 1} {name}"


def pytest_runtest_logstart(nodeid, location):
    mark(_name(location))


def pytest_runtest_logreport(report):
    if report.failed:
        crash = getattr(report.longrepr, "reprcrash", None)
        failed(_name(report.location), crash.message if crash else report.longrepr)


def pytest_collectreport(report):
    if report.failed:
        lines = [line[2:].strip() for line in str(report.longrepr).splitlines() if line[:2] == "E "]
        failed(report.nodeid, lines[0] if lines else "cannot be collected")


def pytest_sessionfinish():
    mark("")
