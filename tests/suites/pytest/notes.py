# SPDX-License-Identifier: MIT
"""A note keeper: HTTP on port 8123, and on 8124 a line protocol that tells every client what was noted."""
import asyncio
import json
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HTTP_PORT = 8123
FEED_PORT = 8124


class Feed:
    """Sends each published line to all who are connected."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.writers = set()

    async def welcome(self, reader, writer):
        self.writers.add(writer)
        writer.write(b"welcome\n")
        await reader.read()
        self.writers.discard(writer)
        writer.close()

    async def serve(self):
        await asyncio.start_server(self.welcome, "localhost", FEED_PORT)

    def start(self):
        self.loop.run_until_complete(self.serve())
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def publish(self, line):
        def send():
            for writer in self.writers:
                writer.write(line.encode() + b"\n")
        self.loop.call_soon_threadsafe(send)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    notes = []
    feed = Feed()

    def do_GET(self):
        if self.path == "/health":
            self.answer(200, {"pid": os.getpid(), "port": self.server.server_address[1]})
        elif self.path == "/notes":
            self.answer(200, self.notes)
        elif self.path == "/slow":
            time.sleep(0.7)
            self.answer(200, "done")
        else:
            self.answer(404, "not found")

    def do_POST(self):
        note = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.notes.append(note)
        self.feed.publish(note)
        self.answer(201, {"count": len(self.notes), "from": self.client_address[0]})

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format, *args):
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("localhost", HTTP_PORT), Handler)
    Handler.feed.start()
    print("ready", flush=True)
    server.serve_forever()
