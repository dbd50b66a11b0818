# SPDX-License-Identifier: MIT
# A forking server on port 8877, for prove.
use strict;
use warnings;
use Test::More tests => 3;
use IO::Socket::INET;

my $server = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1', LocalPort => 8877, ReuseAddr => 1);
ok $server, 'listens';
my $pid = fork;
if (!$pid) {
	my $accepted = $server->accept;
	print $accepted "ahoy\n";
	close $accepted;
	exit 0;
}
my $client = IO::Socket::INET->new(PeerAddr => '127.0.0.1:8877');
is scalar(<$client>), "ahoy\n", 'answers';
waitpid $pid, 0;
is $?, 0, 'ends';
