<?php
// SPDX-License-Identifier: MIT
// Streams: a connection of each kind, one refused, one port taken twice.
$server = stream_socket_server('tcp://127.0.0.1:0');
$name = stream_socket_get_name($server, false);
$client = stream_socket_client("tcp://$name");
$accepted = stream_socket_accept($server);
$udp = stream_socket_server('udp://127.0.0.1:0', $code, $text, STREAM_SERVER_BIND);
$talker = stream_socket_client('udp://' . stream_socket_get_name($udp, false));
@stream_socket_server("tcp://$name") and exit(9);
$free = stream_socket_server('tcp://127.0.0.1:0');
$closed = stream_socket_get_name($free, false);
fclose($free);
@stream_socket_client("tcp://$closed") and exit(9);
usleep((int) (1e6 * (float) getenv('HOLD')));
