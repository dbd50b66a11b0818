# SPDX-License-Identifier: MIT
# A signal station: one command a line over TCP, one word a datagram over UDP, both on port 8701.
require 'socket'

PORT = 8701
FLAGS = { 'a' => 'alfa', 'b' => 'bravo', 'c' => 'charlie' }.freeze

def spell(word)
  word.each_char.map { |letter| FLAGS.fetch(letter, '?') }.join(' ')
end

def obey(line, client)
  command, argument = line.split(' ', 2)
  case command
  when 'pid' then Process.pid.to_s
  when 'port' then client.local_address.ip_port.to_s
  when 'spell' then spell(argument.to_s)
  when 'wait' then sleep(0.7) && 'waited'
  else 'unknown command'
  end
end

def serve(client)
  while (line = client.gets)
    client.puts(obey(line.chomp, client))
  end
rescue Errno::ECONNRESET, Errno::EPIPE
  nil # the client went away
ensure
  client.close
end

station = TCPServer.new('localhost', PORT)
beacon = UDPSocket.new.tap { |socket| socket.bind('127.0.0.1', PORT) }
Thread.new do
  loop do
    word, peer = beacon.recvfrom(512)
    beacon.send(spell(word), 0, peer[3], peer[1])
  end
end
puts 'ready'
$stdout.flush
loop { Thread.new(station.accept) { |client| serve(client) } }
