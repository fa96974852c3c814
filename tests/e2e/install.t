#!/usr/bin/perl

# `make install DESTDIR=...`: each file in its place, nothing elsewhere, the
# programs run, and an installation over another keeps what was edited.

use warnings;
use strict;

use File::Find qw/ find /;
use FindBin;
use Test::More;

use lib "$FindBin::Bin/../lib";
use Wizdata::Stage;

plan skip_all => not_built() if not_built();

my $top = top();
my @services = qw/ auth ingestion processing analytics /;
my $root = stage();

my %mode;    # path => mode
find({ no_chdir => 1, wanted => sub {
    return if -d && !-l;
    $mode{s/^\Q$root\E//r} = (lstat)[2] & 07777;
} }, $root);

my %expected = (
    '/usr/bin/wizdatactl' => 0755,
    (map { ("/usr/libexec/wizdata/wizdata-$_" => 0755) } @services),
    '/usr/lib/nginx/modules/ngx_http_wizdata_module.so' => undef,
    '/usr/share/nginx/modules-available/mod-http-wizdata.conf' => 0644,
    (map { ("/usr/lib/systemd/system/$_" => 0644) } 'wizdata.target',
        'nginx.service.d/wizdata.conf',
        'wizdata-.service.d/10-sandbox.conf',
        'wizdata-auth.service.d/20-priority.conf', 'wizdata-migrate.service',
        map { ("wizdata-$_.service", "wizdata-$_.socket") } @services),
    '/usr/lib/sysusers.d/wizdata.conf' => 0644,
    '/usr/lib/tmpfiles.d/wizdata.conf' => 0644,
    (map { ("/etc/wizdata/$_.env" => 0640) } 'wizdata', @services),
    (map { s,.*/,,r =~ s,^,/usr/share/wizdata/migrations/,r => 0644 }
        glob "$top/db/migrations/*.sql"),
    '/usr/share/wizdata/roles.sql' => 0644,
    '/etc/wizdata/collections.d/example.conf' => 0644,
    (map { ("/usr/share/doc/wizdata/$_.md" => 0644) }
        qw(OPERATIONS API CONFIG DIRECTIVES METRICS PROVIDERS)),
    '/usr/share/doc/wizdata/tcp.conf' => 0644,
    '/etc/nginx/snippets/wizdata.conf' => 0644,
    '/etc/nginx/snippets/wizdata-server.conf' => 0644,
    '/etc/nginx/sites-available/wizdata' => 0644,
    '/usr/share/doc/wizdata/nginx.conf' => 0644,
    '/usr/share/wizdata/openapi.json' => 0644,
    (map { m,([^/]+\.(\d))$, && ("/usr/share/man/man$2/$1" => 0644) }
        glob "$top/docs/man/*.[18]"),
);

is_deeply([ sort keys %mode ], [ sort keys %expected ], 'files')
    or diag(join "\n", (map { "unexpected: $_" } grep { !exists $expected{$_} }
        sort keys %mode), map { "missing: $_" } grep { !exists $mode{$_} }
        sort keys %expected);
for my $path (sort keys %expected) {
    next unless defined $expected{$path} && defined $mode{$path};
    is(sprintf('%04o', $mode{$path}), sprintf('%04o', $expected{$path}),
        "$path: mode");
}

like($_, qr,^/(usr|etc)/,, "$_: below /usr or /etc") for grep {
    !m,^/(usr|etc)/, } keys %mode;
is_deeply([ grep { $mode{$_} & 07022 } sort keys %mode ], [],
    'nothing is set-id or writable by others');

for my $program ('/usr/bin/wizdatactl',
    map { "/usr/libexec/wizdata/wizdata-$_" } @services)
{
    my ($name) = $program =~ m,([^/]+)$,;
    my $said = output("$root$program", '--version');
    is($?, 0, "$name --version: status");
    like($said, qr/^\Q$name\E \d+\.\d+\.\d+\S*$/, "$name --version");
}

# An installation over another.
append("$root/etc/wizdata/auth.env", "# edited\n");
append("$root/usr/share/wizdata/roles.sql", "-- edited\n");
stage($root);
like(content("$root/etc/wizdata/auth.env"), qr/^# edited$/m,
    'an edited file stays');
unlike(content("$root/usr/share/wizdata/roles.sql"), qr/edited/,
    'what is ours is replaced');

done_testing();


sub append {
    my ($file, $text) = @_;

    open my $out, '>>', $file or die "$file: $!";
    print $out $text;
    close $out;
}

sub content {
    my ($file) = @_;

    open my $in, '<', $file or die "$file: $!";
    local $/;
    return scalar <$in>;
}
