#!/usr/bin/perl
# The documents are what the tables say, the API description is valid
# OpenAPI 3.1, and what the pages point to exists.
use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use JSON::PP;
use Test::More;

my $top = abs_path(dirname(__FILE__) . '/../..');
chdir $top or die;

stale();
openapi();
links();
man_pages();
done_testing();


sub have { return grep { -x "$_/$_[0]" } split /:/, $ENV{PATH} }

sub slurp {
    my ($path) = @_;
    open my $f, '<:raw', $path or die "$path: $!";
    local $/;
    return scalar <$f>;
}

sub stale {
    my $out = `dev/docs check 2>&1`;
    is($?, 0, 'generated documents are up to date') or diag($out);
}

sub openapi {
    my $api = eval { decode_json(slurp('docs/openapi.json')) };
    ok($api, 'openapi.json is JSON') or return;
    is($api->{openapi}, '3.1.0', 'OpenAPI 3.1');

    my %refs = map { $_ => 1 }
        slurp('docs/openapi.json') =~ m{"#/components/schemas/([^"]+)"}g;
    my @missing = grep { !$api->{components}{schemas}{$_} } sort keys %refs;
    is("@missing", '', 'every schema that is referred to exists');

    my %params;
    for my $path (sort keys %{$api->{paths}}) {
        for my $verb (sort keys %{$api->{paths}{$path}}) {
            my $op = $api->{paths}{$path}{$verb};
            my @in_path = $path =~ /\{(\w+)\}/g;
            my @named = map { $_->{name} } grep { $_->{in} eq 'path' }
                @{$op->{parameters}};
            is("@named", "@in_path", "$verb $path: path parameters");
        }
    }

  SKIP: {
        skip 'npm is not installed', 1 unless have('npm');
        my $dir = 'tests/openapi';
        my $tool = "$dir/node_modules/\@seriousme/openapi-schema-validator"
            . '/bin/validate-api-cli.js';
        system("cd $dir && npm ci --no-audit --no-fund --ignore-scripts"
                . ' --cache ../../.cache/npm >/dev/null 2>&1') unless -e $tool;
        skip 'the validator cannot be installed from npm', 1 unless -e $tool;
        my $out = `node $tool docs/openapi.json 2>&1`;
        is($?, 0, 'valid by a validator of others') or diag($out);
    }
}

sub links {
    my @bad;
    for my $page (glob('README.md docs/*.md docs/decisions/*.md')) {
        my $text = slurp($page);
        while ($text =~ /\]\(([^)#:]+)(?:#[^)]*)?\)/g) {
            my $target = dirname($page) . "/$1";
            push @bad, "$page -> $1" unless -e $target;
        }
    }
    is("@bad", '', 'links in pages point to files');
}

sub man_pages {
  SKIP: {
        skip 'man is not installed', 1 unless have('man');
        for my $page (glob('docs/man/*.[18]')) {
            my $out = `man --warnings -l $page 2>&1 >/dev/null`;
            is($out, '', "$page has no warnings");
        }
    }
    for my $service (qw(auth ingestion processing analytics)) {
        ok(-e "docs/man/wizdata-$service.8", "wizdata-$service has a page");
    }
    ok(-e 'docs/man/wizdatactl.1', 'wizdatactl has a page');
}
