# SPDX-License-Identifier: MIT
require 'minitest/autorun'
require 'rbconfig'
require 'socket'
require 'timeout'

STATION = IO.popen([RbConfig.ruby, File.join(__dir__, 'signals.rb')])
Minitest.after_run do
  Process.kill('KILL', STATION.pid)
  STATION.close
end
abort 'the station did not start' unless STATION.gets == "ready\n"

class SignalsTest < Minitest::Test
  def ask(*lines)
    Timeout.timeout(60) do
      TCPSocket.open('localhost', 8701) do |socket|
        lines.map { |line| socket.puts(line) || socket.gets.chomp }
      end
    end
  end

  def test_the_station_is_ours
    assert_equal [STATION.pid.to_s], ask('pid')
  end

  def test_the_station_knows_its_port
    assert_equal ['8701'], ask('port')
  end

  def test_words_are_spelled
    assert_equal ['bravo alfa charlie', '?', 'unknown command'], ask('spell bac', 'spell x', 'jump')
  end

  def test_clients_do_not_wait_for_each_other
    slow = Thread.new { ask('wait') }
    assert_equal ['alfa'], ask('spell a')
    assert_equal ['waited'], slow.value
  end

  def test_a_socket_names_its_peer
    TCPSocket.open('localhost', 8701) do |socket|
      assert_equal ['127.0.0.1', 8701], socket.peeraddr(false).values_at(3, 1)
    end
  end

  def test_a_datagram_comes_from_the_station
    socket = UDPSocket.new
    socket.send('cab', 0, 'localhost', 8701)
    word, peer = Timeout.timeout(60) { socket.recvfrom(512) }
    assert_equal ['charlie alfa bravo', 8701], [word, peer[1]]
  ensure
    socket.close
  end

  def test_a_connected_datagram_socket
    socket = UDPSocket.new
    socket.connect('127.0.0.1', 8701)
    socket.send('b', 0)
    assert_equal 'bravo', Timeout.timeout(60) { socket.recv(512) }
    assert_equal 8701, socket.remote_address.ip_port
  ensure
    socket.close
  end

  def test_the_port_is_taken
    assert_raises(Errno::EADDRINUSE) { TCPServer.new('localhost', 8701) }
  end
end
