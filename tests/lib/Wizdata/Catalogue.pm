package Wizdata::Catalogue;

# The methods of lib/wire/wd_methods.def, read by a reader of the test's own:
# what is tried of each is not taken from the program that is tried.
#
#     for my $m (catalogue()) {
#         $m->{name}; $m->{verb}; $m->{path}; $m->{service};
#         $m->{permission};       undef: any credential; '': none
#         $m->{public}; $m->{body}; $m->{upload};
#         for my $p (@{ $m->{params} }) { $p->{name}; $p->{type}; ... }
#     }
#     my ($verb, $target, $body) = call_of($m, { id => 7 });
#     permits('bars:*', 'bars:read')
#
# call_of() fills in what is required and not given, with something valid.

use warnings;
use strict;

use Cwd qw/ abs_path /;
use File::Basename qw/ dirname /;
use JSON::PP ();

use Exporter 'import';

our @EXPORT = qw/ catalogue call_of permits permitted /;

my $FILE = abs_path(dirname(abs_path(__FILE__)) . '/../../..')
    . '/lib/wire/wd_methods.def';


# ---- the catalogue ----------------------------------------------------------

# All of them, or those with a path.
sub catalogue {
    my (%o) = @_;

    open my $f, '<', $FILE or die "$FILE: $!";
    my $text = do { local $/; <$f> };
    $text =~ s{/\*.*?\*/}{}gs;

    my (@methods, %by_id);
    while ($text =~ /\G\s*WD_(METHOD|PARAM)\(/gc) {
        my ($kind, @words) = ($1, words(\$text));
        if ($kind eq 'METHOD') {
            push @methods, $by_id{ $words[0] } = method(@words);
        } else {
            push @{ $by_id{ $words[0] }{params} }, param(@words);
        }
    }
    die "$FILE is not understood: " . substr $text, pos $text, 60
        unless $text =~ /\G\s*\z/;
    return $o{all} ? @methods : grep { defined $_->{path} } @methods;
}

# The arguments of a macro, behind its bracket, up to the closing one.
sub words {
    my ($text) = @_;
    my @words = ('');

    for (;;) {
        if ($$text =~ /\G"((?:[^"\\]|\\.)*)"/gc) {
            $words[-1] .= "\"$1";
        } elsif ($$text =~ /\G,/gc) {
            push @words, '';
        } elsif ($$text =~ /\G\)/gc) {
            last;
        } elsif ($$text =~ /\G(\s+|[^\s,)"]+)/gc) {
            $words[-1] .= $1 =~ s/\s+/ /gr;
        } else {
            die "$FILE ends too early";
        }
    }
    s/^ | $//g for @words;
    return map { /^"/ ? s/ ?"//gr : $_ eq 'NULL' ? undef : $_ } @words;
}

sub method {
    my (undef, $name, $verb, $path, $service, $permission, undef, undef,
        $flags) = @_;

    return { name => $name, verb => $verb, path => $path,
        service => lc $service, permission => $permission, params => [],
        public => scalar($flags =~ /WD_M_PUBLIC/),
        body => scalar($flags =~ /WD_M_BODY/),
        upload => scalar($flags =~ /WD_M_UPLOAD/) };
}

sub param {
    my (undef, $name, $type, $flags, $min, $max, $default, $extra) = @_;

    return { name => $name, type => $type, min => $min, max => $max,
        required => scalar($flags =~ /REQUIRED/),
        path => scalar($flags =~ /PATH/), default => $default,
        extra => $extra };
}


# ---- requests ---------------------------------------------------------------

# Something that the gateway takes for the parameter.
sub valid {
    my ($p) = @_;

    my $type = $p->{type};
    return (split /\|/, $p->{extra})[0] if $type eq 'ENUM';
    return 0 + ($p->{min} > 0 ? $p->{min} : 1) if $type eq 'INT' || $type eq 'NUM';
    return JSON::PP::true if $type eq 'BOOL';
    return 'IBM' if $type =~ /^SYMBOL/;
    return '2026-01-01T00:00:00Z' if $type =~ /^(?:TIME|PERIOD)/;
    return $p->{extra} && $p->{extra} eq 'perm' ? ['bars:read'] : ['x']
        if $type eq 'LIST';
    return 'x' x ($p->{min} || 1);
}

# (verb, path with its query, body or undef); a body is JSON. Values are text or, of lists,
# references to arrays.
sub call_of {
    my ($m, $args) = @_;

    my %args = %{ $args || {} };
    for my $p (@{ $m->{params} }) {
        $args{ $p->{name} } //= valid($p)
            if $p->{required} && !exists $args{ $p->{name} };
    }

    my $path = $m->{path};
    $path =~ s/\{(\w+)\}/escape(delete $args{$1})/ge;

    return ($m->{verb}, $path, JSON::PP->new->canonical->encode(\%args))
        if $m->{body};
    my $query = join '&', map {
        my $v = $args{$_};
        $v = join ',', @$v if ref $v eq 'ARRAY';
        $v = $v ? 'true' : 'false' if JSON::PP::is_bool($v);
        "$_=" . escape($v);
    } sort keys %args;
    return ($m->{verb}, $path . ($query ne '' ? "?$query" : ''),
        $m->{upload} ? '[]' : undef);
}

sub escape {
    return $_[0] =~ s/([^A-Za-z0-9._~:,*-])/sprintf '%%%02X', ord $1/ger;
}


# ---- permissions ------------------------------------------------------------

# The rule once more: * alone is all, else both parts are equal or *.
sub permits {
    my ($granted, $needed) = @_;

    return 1 if $granted eq '*';
    my @granted = split /:/, $granted;
    my @needed = split /:/, $needed;
    return @granted == 2 && @needed == 2
        && !grep { $granted[$_] ne '*' && $granted[$_] ne $needed[$_] } 0, 1;
}

# Does one of the list permit the method? None: there is no credential.
sub permitted {
    my ($m, $list) = @_;

    return 1 if $m->{public};
    return 0 unless $list;
    return 1 unless defined $m->{permission};
    return scalar grep { permits($_, $m->{permission}) } @$list;
}

1;
