// SPDX-License-Identifier: MIT
// Non-blocking calls: connections, one refused, one port taken twice. What is open at the end stays
// open for HOLD seconds.
const net = require('net'), dgram = require('dgram');
let awaited = 1;
const done = () => --awaited || setTimeout(() => process.exit(0), 1000 * (process.env.HOLD || 0));
const wait = (emitter, event) => {
	awaited++;
	return emitter.once(event, done);
};
const server = net.createServer({ allowHalfOpen: true }, done).listen(0, '127.0.0.1', () => {
	const { port } = server.address();
	wait(net.createServer(), 'error').listen(port, '127.0.0.1');
	for (let turn = 0; turn < 5; turn++) {
		wait(net.connect(port, '127.0.0.1'), 'connect');
		awaited++; // the server's end
	}
	const free = net.createServer().listen(0, '127.0.0.1', () => {
		const closed = free.address().port;
		free.close(() => {
			wait(net.connect(closed, '127.0.0.1'), 'error');
			done();
		});
	});
});
wait(dgram.createSocket('udp4'), 'listening').bind(0, '127.0.0.1');
