# SPDX-License-Identifier: MIT
use strict;
use warnings;
use DBI;

my $db = DBI->connect("dbi:Pg:", undef, undef, { RaiseError => 1, AutoCommit => 1, PrintError => 0 });
die "current_database" unless $db->selectrow_array("select current_database()") eq "mes_e2e_db";
die "datname" unless $db->selectrow_array("select datname from pg_database where datname = ?", undef, "mes_e2e_db") eq "mes_e2e_db";
$db->do("insert into landed values (?)", undef, $ENV{LANDING});
$db->do("create database perl_made");
DBI->connect("dbi:Pg:dbname=perl_made", undef, undef, { RaiseError => 1 })->disconnect;
$db->do("drop database perl_made");
my %sources = map { $_ => 1 } DBI->data_sources("Pg");
die "data_sources: " . join(" ", %sources) if grep { /mes_e2e_db_/ } keys %sources;
