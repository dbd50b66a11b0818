# SPDX-License-Identifier: MIT
import subprocess
import time


def test_opens_the_harbour():
    time.sleep(0.03)


def test_forgets_a_server():
    child = subprocess.Popen(["./serve.py"], stdout=subprocess.PIPE, start_new_session=True)
    assert child.stdout.readline() == b"up\n"


def test_closes_the_harbour():
    time.sleep(0.03)


def test_sinks_a_ship():
    raise ValueError("a hole")
