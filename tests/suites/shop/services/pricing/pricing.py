# SPDX-License-Identifier: MIT
"""Prices, tax, discounts and shipping on port 3103. Money is in whole cents."""
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT = 3103
TAX_PERCENT = {"books": 7}
DEFAULT_TAX_PERCENT = 19
DISCOUNT_PERCENT = {"WELCOME10": 10, "HARBOUR25": 25}
SHIPPING_CENTS = 490
FREE_SHIPPING_FROM_CENTS = 5000


class BadQuote(ValueError):
    """The caller's fault; the text is sent back."""


def percent_of(cents, percent):
    return (cents * percent + 50) // 100


def quote(request):
    lines = request.get("lines")
    code = request.get("discount")
    if not isinstance(lines, list):
        raise BadQuote("lines are missing")
    if code and code not in DISCOUNT_PERCENT:
        raise BadQuote(f"unknown discount code: {code}")
    percent = DISCOUNT_PERCENT.get(code, 0)
    subtotal = discount = tax = 0
    for line in lines:
        amount = line["price_cents"] * line["quantity"]
        if amount <= 0:
            raise BadQuote("price and quantity must be positive")
        saved = percent_of(amount, percent)
        subtotal += amount
        discount += saved
        tax += percent_of(amount - saved, TAX_PERCENT.get(line["category"], DEFAULT_TAX_PERCENT))
    goods = subtotal - discount
    shipping = 0 if not lines or goods >= FREE_SHIPPING_FROM_CENTS else SHIPPING_CENTS
    return {"subtotal_cents": subtotal, "discount_cents": discount, "tax_cents": tax,
            "shipping_cents": shipping, "total_cents": goods + tax + shipping}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/health":
            self.answer(200, {"status": "ok", "port": self.connection.getsockname()[1]})
        elif self.path == "/rates":
            self.answer(200, {"default": DEFAULT_TAX_PERCENT, **TAX_PERCENT})
        else:
            self.answer(404, {"error": "not found"})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path != "/quote":
            self.answer(404, {"error": "not found"})
            return
        try:
            self.answer(200, quote(json.loads(body)))
        except (BadQuote, KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
            self.answer(422, {"error": str(error)})

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format, *args):
        pass


def main():
    with ThreadingHTTPServer(("localhost", PORT), Handler) as server:
        print(f"pricing listens on {server.server_address[1]}", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            sys.exit(0)


if __name__ == "__main__":
    main()
