# SPDX-License-Identifier: MIT
# Names instead of addresses, threads, and a socket that passes through exec.
require 'socket'
server = TCPServer.new('localhost', 0)
port = server.addr[1]
threads = 3.times.map { Thread.new { TCPSocket.new('localhost', port) } }
accepted = 3.times.map { server.accept }
clients = threads.map(&:value)
begin
  TCPServer.new(server.addr[3], port)
  abort 'the port is taken'
rescue Errno::EADDRINUSE
end
clients[0].close_on_exec = false
exec 'sleep', ENV.fetch('HOLD', '0')
