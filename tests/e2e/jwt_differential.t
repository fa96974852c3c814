#!/usr/bin/perl
# Tokens judged by us and by a reader of others (jose, from npm): what we
# take it takes, too; what we refuse and it takes is refused by a rule that
# is stricter here on purpose.
use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use Test::More;

my $top   = abs_path(dirname(__FILE__) . '/../..');
my $build = $ENV{WIZDATA_BUILD} || "$top/build";
my $judge = "$build/tests/jwt/jwt-judge";
my $count = $ENV{WIZDATA_JWT_TOKENS} || 6000;
my $seed  = $ENV{WD_TEST_SEED} || 1;
my $dir   = tempdir(CLEANUP => 1);

# Rules of ours that jose does not have, or has only when it is asked.
my %stricter = map { $_ => 1 } qw(LENGTH DEPTH TWICE JSON ENCODING HEADER
    CRIT TYP NESTED KID CLAIM SUB EARLY);

plan skip_all => "$judge is not built" unless -x $judge;
plan skip_all => 'node or npm is not installed'
    unless have('node') && have('npm');
system("cd $top/tests/jwt && npm ci --no-audit --no-fund --ignore-scripts"
        . ' --cache ../../.cache/npm >/dev/null 2>&1')
    unless -e "$top/tests/jwt/node_modules/jose/package.json";
plan skip_all => 'jose cannot be installed from npm'
    unless -e "$top/tests/jwt/node_modules/jose/package.json";

my (@tokens, @ours);
for (qx{$judge $dir/set.json $count $seed}) {
    my ($hex, $why) = split ' ', $_;
    ($hex, $why) = ('', $hex) unless defined $why;
    push @tokens, $hex;
    push @ours,   $why;
}
is(scalar @ours, $count, "$count tokens judged here");

open my $f, '>', "$dir/tokens" or die;
print $f map { ($_ eq '' ? '20' : $_) . "\n" } @tokens;
close $f;
my @theirs = split /\n/,
    qx{node $top/tests/jwt/judge.mjs $dir/set.json 1700000000 <$dir/tokens};
is(scalar @theirs, $count, "$count tokens judged by jose");

my (%seen, @lenient, @strict);
for my $i (0 .. $#ours) {
    my ($us, $them) = ($ours[$i], $theirs[$i]);
    $seen{$us}++;
    if ($us eq 'OK') {
        push @lenient, "$tokens[$i]: taken here, $them there"
            if $them ne 'taken';
    } elsif ($them eq 'taken' && !$stricter{$us}) {
        push @strict, "$tokens[$i]: $us here, taken there";
    }
}
is("@lenient[0 .. min($#lenient, 4)]", '', 'nothing is taken that jose refuses');
is("@strict[0 .. min($#strict, 4)]",   '', 'refused alike but for stricter rules');
ok($seen{OK} > $count / 20, "$seen{OK} good ones among them");
cmp_ok(scalar keys %seen, '>=', 14, 'many reasons were tried')
    or diag(explain(\%seen));
note(join ', ', map { "$_ $seen{$_}" } sort keys %seen);

done_testing();


sub min { return $_[0] < $_[1] ? $_[0] : $_[1] }

sub have {
    my ($name) = @_;
    return grep { -x "$_/$name" } split /:/, $ENV{PATH};
}
