# SPDX-License-Identifier: MIT
# A server that forks for its connection: parent and child hold the same sockets.
use strict; use warnings;
use IO::Socket::INET;
my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5) or die "listen: $!";
my $port = $server->sockport;
my $client = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or die "connect: $!";
my $accepted = $server->accept or die "accept: $!";
IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 5)
	and die 'the port is taken';
my $child = fork;
select(undef, undef, undef, $ENV{HOLD} || 0);
exit 0 unless $child;
waitpid $child, 0;
