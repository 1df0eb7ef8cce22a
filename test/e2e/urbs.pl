# A USB/IP client: takes a disk and asks it how many units it has (GET MAX LUN, which no
# cache answers) over and over, a few requests at a time, until SIGTERM; then says how it went: how many were answered, how
# many answers were wrong, twice or out of turn, and the longest wait in ms. A line with
# a dot for each 100 answers tells that it goes on.
#
#	perl urbs.pl HOST PORT BUSID [DEPTH|deaf]
#
# With deaf it asks and never reads an answer, for a million times; a line with a dot for
# each 1000.
use strict;
use warnings;
use IO::Socket::INET;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my ($host, $port, $busid, $depth) = (@ARGV, 4);
my $s = IO::Socket::INET->new(PeerAddr => $host, PeerPort => $port, Proto => 'tcp')
	or die "no connection: $@\n";
my ($stop, $sent, $got, $bad, $longest) = (0, 0, 0, 0, 0);
my $last = clock_gettime(CLOCK_MONOTONIC);
$SIG{TERM} = sub { $stop = 1 };
$| = 1;

sub take {
	my ($n, $all) = ($_[0], '');
	while (length($all) < $n) {
		my $r = sysread($s, $all, $n - length($all), length($all));
		next if !defined $r && $!{EINTR};
		finish("closed by the other side") if !$r;
	}
	return $all;
}
sub put {
	my $rest = $_[0];
	while (length($rest)) {
		my $w = syswrite($s, $rest);
		next if !defined $w && $!{EINTR} && !$stop;
		finish("closed by the other side") if !defined $w;
		substr($rest, 0, $w) = '';
	}
}
sub finish {
	printf "answers=%d missing=%d bad=%d longest_ms=%d end=%s\n", $got, $sent - $got, $bad,
		1000 * $longest, $_[0];
	exit;
}

put(pack('nnNa32', 0x0111, 0x8003, 0, $busid));
my (undef, undef, $status) = unpack('nnN', take(8));
finish("refused with $status") if $status;
my ($bus, $dev) = unpack('x288NN', take(312));
sub request {
	return pack('NNNNN NNNNN CCvvv', 1, ++$sent, $bus << 16 | $dev, 1, 0,
		0, 1, 0, 0, 0, 0xa1, 0xfe, 0, 0, 1);
}
if ($depth eq 'deaf') {
	while ($sent < 1000000) {
		put(request());
		print ".\n" if $sent % 1000 == 0;
	}
	print "all of them were taken\n";
	sleep 1 while !$stop;
	exit;
}
while (!$stop || $got < $sent) {
	while (!$stop && $sent - $got < $depth) {
		put(request());
	}
	last if $got == $sent;
	my ($what, $seq, undef, undef, undef, $err, $n) = unpack('N7', take(48));
	my $data = $n ? take($n) : '';
	my $now = clock_gettime(CLOCK_MONOTONIC);
	$bad++ if $what != 3 || $seq != ++$got || $err || $data ne "\0";
	$longest = $now - $last if $now - $last > $longest;
	$last = $now;
	print ".\n" if $got % 100 == 0;
}
finish("done");
