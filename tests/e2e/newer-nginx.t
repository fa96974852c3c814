#!/usr/bin/perl
# The module builds without warnings on a newer nginx than Debian's, and its
# tests pass there. The source is that of WIZDATA_NGINX_SRC, or comes in a
# package of Rust's registry when cargo is installed.
use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use Test::More;

my $top = abs_path(dirname(__FILE__) . '/../..');
chdir $top or die;

my $src = source() or plan(skip_all =>
    'no source of a newer nginx: set WIZDATA_NGINX_SRC, or install cargo');
my $build = $ENV{WIZDATA_BUILD} // 'build';
my $objs  = abs_path($build) . '/newer-nginx';

my ($version) = slurp("$src/src/core/nginx.h") =~ /NGINX_VERSION\s+"([^"]+)"/;
diag("nginx $version");

ok(configured(), "nginx $version: configured with the module");
my $out = `make -s -C '$src' -f '$objs/Makefile' -j2 2>&1`;
is($?, 0, 'built') or diag(substr $out, -3000);
is(join('', grep { /warning/ } split /^/, $out), '', 'without a warning');
ok(-x "$objs/nginx", 'nginx') or do { done_testing(); exit };

# What differs between versions: headers, HTTP/2, requests, phases, zones.
$ENV{WIZDATA_NGINX}  = "$objs/nginx";
$ENV{WIZDATA_MODULE} = "$objs/ngx_http_wizdata_module.so";
$ENV{PERL5LIB}       = "$top/tests/lib";
my @tests = $ENV{WIZDATA_NEWER_ALL} ? glob('tests/nginx-tests/*.t')
    : grep { -e } map { "tests/nginx-tests/$_.t" } qw(api_key conditional
    deliveries formats json_body jwt limit cache metrics phases problems
    protocols reload retry revocation stream trace upload upload_faults
    upload_refused);
for my $test (@tests) {
    my $said = `prove -Q $test 2>&1`;
    is($?, 0, $test) or diag($said);
}
done_testing();


sub slurp {
    my ($path) = @_;
    open my $f, '<:raw', $path or die "$path: $!";
    local $/;
    return scalar <$f>;
}

sub source {
    return abs_path($ENV{WIZDATA_NGINX_SRC}) if $ENV{WIZDATA_NGINX_SRC};
    return if system('command -v cargo >/dev/null 2>&1') != 0;

    local $ENV{CARGO_HOME} = "$top/.cache/cargo";
    system('cargo fetch --quiet --manifest-path tests/newer-nginx/Cargo.toml'
        . ' >/dev/null 2>&1');
    my ($found) = glob "$ENV{CARGO_HOME}/registry/src/*/nginx-src-*/nginx";
    return $found;
}

# The script lies elsewhere in nginx's repository than in its releases.
sub configured {
    return 1 if -e "$objs/Makefile"
        && -M "$objs/Makefile" < -M "$top/auto/config";
    my $script = -x "$src/configure" ? './configure' : 'auto/configure';
    return 0 == system("cd '$src' && $script --builddir='$objs' --with-compat"
        . ' --with-debug --with-threads --with-http_ssl_module'
        . ' --with-http_v2_module --with-http_realip_module'
        . ' --with-http_auth_request_module'
        . " --with-cc-opt='-O2 -Wextra -Wno-unused-parameter'"
        . " --add-dynamic-module='$top/auto' >'$objs.log' 2>&1");
}
