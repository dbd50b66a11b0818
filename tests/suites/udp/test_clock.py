# SPDX-License-Identifier: MIT
"""Tests of the harbour clock: test_clock.py PROGRAM."""
import errno
import socket
import subprocess
import sys
import unittest

CLOCK = ("127.0.0.1", 8501)
CLOCK_V6 = ("::1", 8501)
PROGRAM = sys.argv.pop(1) if len(sys.argv) > 1 else "./harbour-clock"


class ClockTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.clock = subprocess.Popen([PROGRAM], stdout=subprocess.PIPE, text=True)
        cls.addClassCleanup(cls.clock.stdout.close)
        cls.addClassCleanup(cls.clock.wait)
        cls.addClassCleanup(cls.clock.kill)
        assert cls.clock.stdout.readline() == "ready\n", "the clock did not start"

    def open(self, family=socket.AF_INET, peer=None):
        client = socket.socket(family, socket.SOCK_DGRAM)
        self.addCleanup(client.close)
        client.settimeout(60)
        if peer:
            client.connect(peer)
        return client

    def test_unconnected_client_sees_the_clock_as_sender(self):
        client = self.open()
        client.sendto(b"ahoy", CLOCK)
        self.assertEqual(client.recvfrom(100), (b"ahoy", CLOCK))

    def test_connected_client(self):
        client = self.open(peer=CLOCK)
        client.send(b"pid")
        self.assertEqual(int(client.recv(100)), self.clock.pid)
        self.assertEqual(client.getpeername(), CLOCK)

    def test_ipv6_clients(self):
        client = self.open(socket.AF_INET6)
        client.sendto(b"ahoy", CLOCK_V6)
        text, peer = client.recvfrom(100)
        self.assertEqual((text, peer[:2]), (b"ahoy", CLOCK_V6))
        client = self.open(socket.AF_INET6, CLOCK_V6)
        client.send(b"hello")
        self.assertEqual(client.recv(100), b"hello")

    def test_the_clock_sees_the_port_of_its_client(self):
        client = self.open()
        client.sendto(b"whoami", CLOCK)
        self.assertEqual(int(client.recv(100)), client.getsockname()[1])

    def test_two_clients_share_one_clock(self):
        clients = [self.open(peer=CLOCK), self.open()]
        clients[0].send(b"tick")
        first = int(clients[0].recv(100))
        clients[1].sendto(b"tick", CLOCK)
        self.assertEqual(int(clients[1].recv(100)), first + 1)

    def test_a_burst_comes_from_one_sender(self):
        client = self.open()
        client.sendto(b"burst 8", CLOCK)
        answers = [client.recvfrom(100) for _ in range(8)]
        self.assertEqual(answers, [(f"burst {i}".encode(), CLOCK) for i in range(1, 9)])

    def test_sendmsg_and_recvmsg(self):
        client = self.open()
        client.sendmsg([b"in ", b"parts"], [], 0, CLOCK)
        text, _, _, peer = client.recvmsg(100)
        self.assertEqual((text, peer), (b"in parts", CLOCK))

    def test_a_late_answer_arrives(self):
        client = self.open(peer=CLOCK)
        client.send(b"late")
        self.assertEqual(client.recv(100), b"late")

    def test_the_port_is_taken(self):
        with self.assertRaises(OSError) as caught:
            self.open().bind(CLOCK)
        self.assertEqual(caught.exception.errno, errno.EADDRINUSE)

    def test_a_client_of_nobody_is_told(self):
        client = self.open(peer=("127.0.0.1", 8502))
        client.send(b"anyone?")
        with self.assertRaises(ConnectionRefusedError):
            client.recv(100)


if __name__ == "__main__":
    unittest.main()
