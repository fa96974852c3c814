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
examples();
providers();
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

# What was really answered has the form that is described, and each method
# that is reached over HTTP has an example.
sub examples {
    my $api = decode_json(slurp('docs/openapi.json'));
    my $n = 0;

    for my $path (sort keys %{$api->{paths}}) {
        for my $verb (sort keys %{$api->{paths}{$path}}) {
            my $op = $api->{paths}{$path}{$verb};
            next unless defined $op->{'x-wizdata-cost'}; # the gateway's own
            my ($answer) = map { $op->{responses}{$_} }
                grep { /^2/ } keys %{$op->{responses}};
            my $media = $answer->{content}{'application/json'};

            $n++;
            ok(exists $media->{example}, "$op->{operationId}: an answer")
                or next;
            is(join('; ', misfits($api, $media->{schema}, $media->{example},
                        '')), '', "$op->{operationId}: of its form");

            my $body = $op->{requestBody}{content}{'application/json'} or next;
            ok(exists $body->{example}, "$op->{operationId}: a request");
            is(join('; ', misfits($api, $body->{schema}, $body->{example},
                        '')), '', "$op->{operationId}: of its form");
        }
    }
    ok($n > 50, 'there are methods');
}

# What of the value is not as the schema says: of JSON Schema what we use.
sub misfits {
    my ($api, $schema, $v, $at) = @_;

    if (my $ref = $schema->{'$ref'}) {
        my ($name) = $ref =~ m{^#/components/schemas/(\w+)$} or return "$at: $ref";
        return misfits($api, $api->{components}{schemas}{$name}, $v, $at);
    }

    my $is = !defined $v ? 'null' : JSON::PP::is_bool($v) ? 'boolean'
        : ref $v eq 'HASH' ? 'object' : ref $v eq 'ARRAY' ? 'array'
        : encode_json([$v]) =~ /^\["/ ? 'string'
        : $v =~ /^-?\d+$/ ? 'integer' : 'number';
    my @types = map { ref ? @$_ : $_ } grep { defined } $schema->{type};
    return "$at is $is, not @types" if @types && !grep { $_ eq $is
            || $_ eq 'number' && $is eq 'integer' } @types;
    return "$at is none of the values" if $schema->{enum} && defined $v
        && !grep { $_ eq $v } @{$schema->{enum}};
    return "$at is not $schema->{const}"
        if exists $schema->{const} && "$v" ne "$schema->{const}";

    my @bad;
    if ($is eq 'object') {
        push @bad, map { "$at lacks $_" }
            grep { !exists $v->{$_} } @{$schema->{required} || []};
        for my $name (sort keys %$v) {
            my $member = ($schema->{properties} || {})->{$name};
            push @bad, $member ? misfits($api, $member, $v->{$name}, "$at.$name")
                : $schema->{properties} && !$schema->{additionalProperties}
                ? "$at.$name is not described" : ();
        }
    } elsif ($is eq 'array' && $schema->{items}) {
        push @bad, map { misfits($api, $schema->{items}, $v->[$_], $at . "[$_]") }
            0 .. $#$v;
    }
    return @bad;
}

# Each data set has its line, and no other has.
sub providers {
    my %page = map { $_ => 1 }
        map { /^\| (`.*?`) \|/ ? $1 =~ /`(\w+)`/g : () }
        split /\n/, slurp('docs/PROVIDERS.md');
    my ($enum) = slurp('lib/wire/wd_methods.def')
        =~ /WD_PARAM\(INGEST_RUN, "dataset"[^"]*NULL,\s+((?:"[^"]*"\s*)+),/;
    my %set = map { $_ => 1 } split /\|/, join '', $enum =~ /"([^"]*)"/g;
    is(join(' ', sort keys %page), join(' ', sort keys %set),
        'PROVIDERS.md has the data sets of the catalogue');
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
