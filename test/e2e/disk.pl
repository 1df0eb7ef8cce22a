# A USB/IP client that is a driver of a disk (Bulk-Only Transport): takes it, looks what it
# is and whether it has a write cache, and does what it is told, one line of output each.
# Leaves by closing the connection.
#
#	perl disk.pl HOST PORT BUSID WORD...
#
#	write:LBA:BLOCKS[:BYTE]	blocks of 512 bytes of this character; x unless told
#	read:LBA:BLOCKS		tells the first character, too: "read x passed"
#	sync			SYNCHRONIZE CACHE
#	wait			for a line on stdin
#
# "write passed", or "write failed key=3 asc=0c".
use strict;
use warnings;
use IO::Socket::INET;

my ($host, $port, $busid, @words) = @ARGV;
my $s = IO::Socket::INET->new(PeerAddr => $host, PeerPort => $port, Proto => 'tcp')
	or die "no connection: $@\n";
my ($seq, $tag, $at) = (0, 0, '');
$| = 1;

sub take {
	my ($n, $all) = ($_[0], '');
	while (length($all) < $n) {
		sysread($s, $all, $n - length($all), length($all)) or
			die "closed by the other side\n";
	}
	return $all;
}
sub put {
	my $rest = $_[0];
	while (length($rest)) {
		my $w = syswrite($s, $rest) or die "closed by the other side\n";
		substr($rest, 0, $w) = '';
	}
}

# What comes of an urb: bytes to endpoint 2, or so many from endpoint 1.
sub urb {
	my ($in, $out) = @_;
	my $n = defined $out ? length($out) : $in;
	put(pack('NNNNN NNNNN x8', 1, ++$seq, $at, defined $out ? (0, 2) : (1, 1),
		0, $n, 0, 0, 0) . ($out // ''));
	my (undef, $of, undef, undef, undef, $err, $got) = unpack('N7', take(48));
	my $data = defined $out ? '' : take($got);
	die "an answer to $of, not $seq\n" if $of != $seq;
	die "urb $seq failed with " . unpack('l', pack('L', $err)) . "\n" if $err;
	return $data;
}

# A command; 0 if it passed.
sub command {
	my ($cdb, $in, $out) = @_;
	my $n = defined $out ? length($out) : $in;
	urb(0, pack('a4VVCCC a16', 'USBC', ++$tag, $n, defined $out ? 0 : 0x80, 0,
		length($cdb), $cdb));
	my $data = $n == 0 ? '' : defined $out ? urb(0, $out) : urb($in);
	my ($sig, $of, $left, $how) = unpack('a4VVC', urb(13));
	die "no status of $tag\n" if $sig ne 'USBS' || $of != $tag || $how > 1;
	return ($how, $data);
}
sub said {
	my ($what, $how) = @_;
	if (!$how) {
		print "$what passed\n";
		return;
	}
	my (undef, $sense) = command(pack('C6', 3, 0, 0, 0, 18, 0), 18);
	my (undef, undef, $key, undef, undef, undef, undef, undef, undef, undef, undef,
		undef, $asc) = unpack('C18', $sense);
	printf "%s failed key=%x asc=%02x\n", $what, $key & 15, $asc;
}

put(pack('nnNa32', 0x0111, 0x8003, 0, $busid));
my (undef, undef, $status) = unpack('nnN', take(8));
die "refused with $status\n" if $status;
my ($bus, $dev) = unpack('x288NN', take(312));
$at = $bus << 16 | $dev;
command(pack("C6", 0x12, 0, 0, 0, 36, 0), 36);
command(pack('C6', 3, 0, 0, 0, 18, 0), 18); # that it was reset
said('ready', (command(pack('C6', 0), 0))[0]);
my (undef, $size) = command(pack('Cx9', 0x25), 8);
my (undef, $modes) = command(pack('C6', 0x1a, 0, 0x3f, 0, 192, 0), 192);
my $page = substr($modes, 4 + ord(substr($modes, 3, 1)));
$page = substr($page, 2 + ord(substr($page, 1, 1)))
	while length($page) > 2 && (ord($page) & 0x3f) != 8;
printf "blocks=%u cache=%d\n", unpack('N', $size) + 1,
	length($page) > 2 && (ord(substr($page, 2, 1)) & 4) != 0;
for (@words) {
	my ($what, $lba, $n, $byte) = (split(/:/), 'x');
	if ($what eq 'write') {
		said($what, (command(pack('CxNxnx', 0x2a, $lba, $n), 0, $byte x (512 * $n)))[0]);
	} elsif ($what eq 'read') {
		my ($how, $data) = command(pack('CxNxnx', 0x28, $lba, $n), 512 * $n);
		said($how ? $what : "$what " . substr($data, 0, 1), $how);
	} elsif ($what eq 'sync') {
		said($what, (command(pack('Cx9', 0x35), 0))[0]);
	} else {
		print "waits\n";
		<STDIN>;
	}
}
