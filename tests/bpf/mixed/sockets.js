// SPDX-License-Identifier: MIT
// Non-blocking throughout: connections, one refused, one port taken twice; then what is open stays so for HOLD seconds.
const net = require('net'), dgram = require('dgram');
const server = net.createServer({ allowHalfOpen: true }, () => {}).listen(0, '127.0.0.1', () => {
	const { port } = server.address();
	const rival = net.createServer().on('error', () => {}).listen(port, '127.0.0.1');
	for (let turn = 0; turn < 5; turn++)
		net.connect(port, '127.0.0.1').on('error', () => {});
	const free = net.createServer().listen(0, '127.0.0.1', () => {
		const closed = free.address().port;
		free.close(() => net.connect(closed, '127.0.0.1').on('error', () => {}));
	});
});
const udp = dgram.createSocket('udp4').bind(0, '127.0.0.1');
setTimeout(() => process.exit(0), 300 + 1000 * (process.env.HOLD || 0));
