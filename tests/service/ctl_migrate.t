#!/usr/bin/perl

# wizdatactl migrate: forward only, whole steps, files that do not change.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use File::Temp qw/ tempdir /;
use Test::More;

use Wizdata::Ctl;
use Wizdata::Postgres;

my $pg = Wizdata::Postgres->start(migrate => 0);
my $dir = tempdir('wd-mig-XXXXXXXX', TMPDIR => 1, CLEANUP => 1);
$ENV{WIZDATA_DATABASE_URL} = $pg->url();
$ENV{WIZDATA_MIGRATIONS} = $dir;

sub file {
    my ($name, $sql) = @_;

    open my $f, '>', "$dir/$name" or die;
    print $f $sql;
    close $f;
}

sub migrate { return ctl('--json', 'migrate', @_) }
sub message { return $_[0]->{json}{error}{message} // '' }

my $r = migrate();
is($r->{rc}, 1, 'an empty folder');
like(message($r), qr/no files named NNNN_name\.sql.*--dir/, 'what to do');
like(message(migrate('--dir', "$dir/none")), qr/No such file/, 'no folder');

file('0001_one.sql', "CREATE TABLE one (a int);\nINSERT INTO one VALUES (1);");
file('0002_two.sql', 'CREATE TABLE two (a int);');
file('notes.txt', 'not SQL');

$r = migrate('--status');
is($r->{rc}, 0, 'status of an empty database');
is(join(' ', map { "$_->{name}=$_->{state}" } @{ $r->{json}{migrations} }),
    '0001_one.sql=pending 0002_two.sql=pending', 'all are pending');

# Several at once: one does the work, the others wait and find it done.
my @runs = map { ctl_start('', '--json', 'migrate') } 1 .. 4;
my @done = map { ctl_end($_) } @runs;
is(join(' ', map { $_->{rc} } @done), '0 0 0 0', 'four at once')
    or diag map { $_->{out} } @done;
is(join(' ', sort map { scalar @{ $_->{json}{applied} } } @done), '0 0 0 2',
    'each file was applied once');
is($pg->psql('SELECT count(*) FROM one'), 1, 'its statements too');

is_deeply(migrate()->{json}, { applied => [], version => 2 }, 'up to date');
like(ctl('migrate')->{out}, qr/^up to date at version 2$/, 'as text');
$r = migrate('--status');
like($r->{json}{migrations}[0]{applied_at}, qr/^\d{4}-.*Z$/, 'when');
like(ctl('migrate', '--status')->{out}, qr/^1 +0001_one\.sql +applied +\d{4}/m,
    'a table');

# ---- a failure leaves whole steps

file('0003_three.sql', 'CREATE TABLE three (a int);');
file('0004_four.sql', 'CREATE TABLE four (a int); SELECT 1/0;');
$r = migrate();
is($r->{rc}, 1, 'a file fails');
like(message($r), qr/^0004_four\.sql: 22012 .*nothing of it was kept/, 'which');
is($pg->psql('SELECT max(version) FROM schema_migration'), 3, 'up to it');
is($pg->psql("SELECT to_regclass('four') IS NULL"), 't', 'nothing of it');
file('0004_four.sql', 'CREATE TABLE four (a int);');
is_deeply(migrate()->{json}{applied}, ['0004_four.sql'], 'corrected, it runs');

# ---- what is refused

file('0001_one.sql', 'CREATE TABLE one (a bigint);');
file('0005_five.sql', 'CREATE TABLE five (a int);');
$r = migrate();
is($r->{rc}, 1, 'an applied file has changed');
like(message($r), qr/0001_one\.sql has changed/, 'which');
is($pg->psql("SELECT to_regclass('five') IS NULL"), 't', 'nothing is applied');
$r = migrate('--status');
is($r->{rc}, 1, 'the status fails, too');
is($r->{json}{migrations}[0]{state}, 'changed', 'and says why');
file('0001_one.sql', "CREATE TABLE one (a int);\nINSERT INTO one VALUES (1);");

file('0005_fuenf.sql', 'SELECT 1');
like(message(migrate()), qr/have the same number/, 'a number twice');
unlink "$dir/0005_fuenf.sql";

migrate();
unlink "$dir/0003_three.sql";
like(message(migrate()), qr/0003_three\.sql was applied.*newer/, 'one is gone');
is((grep { $_->{version} == 3 } @{ migrate('--status')->{json}{migrations} })
    [0]{state}, 'missing', 'status of it');
$pg->psql('DELETE FROM schema_migration WHERE version = 3');
file('0003_three.sql', 'CREATE TABLE three (a int);');
like(message(migrate()), qr/0003_three\.sql is new, but 0005/, 'one is late');

# ---- no database

{
    local $ENV{WIZDATA_DATABASE_URL} = 'postgresql:///x?host=/nonexistent';
    $r = migrate();
    is($r->{json}{error}{type}, 'database-unavailable', 'no database');
    like(message($r), qr/WIZDATA_DATABASE_URL/, 'what to do');
}
{
    local $ENV{WIZDATA_DATABASE_URL} = '';
    file('url', $pg->url() . "\n");
    local $ENV{WIZDATA_DATABASE_URL_FILE} = "$dir/url";
    like(message(migrate()), qr/0003_three/, 'the URL from a file');
}

# ---- the real ones

$pg->psql('CREATE DATABASE fresh', 'postgres');
$ENV{WIZDATA_DATABASE_URL} = $pg->url('fresh');
$r = migrate('--dir', "$FindBin::Bin/../../db/migrations");
is($r->{rc}, 0, 'the tables of the platform') or diag $r->{out};
is($pg->psql('SELECT count(*) FROM app_user', 'fresh'), 0, 'are there');

done_testing();
