package Wizdata::Sim::Fault;

=encoding utf8

=head1 NAME

Wizdata::Sim::Fault - what may go wrong with an answer of a simulator

=head1 SYNOPSIS

    $sim->fault('status', status => 503, times => 2);
    $sim->fault('slow', path => '/query', bytes => 1, every => 0.1);
    $sim->fault('bomb', encoding => 'zstd', nth => [ 2, 3 ]);

=head1 INSTEAD OF THE PROVIDER

It does not hear of the request.

    status       status, body, type, reason, headers => [ name, value, ... ]
    html         status (200), body: a page
    redirect     status (302), to => URL
    retry_after  status (429), value: the header as it is
    bytes        bytes => all that is sent, as it is; then the end
    gone         ends the connection without a byte of answer

=head1 THE BODY IS ANOTHER

The provider did its work; C<Content-Length> goes by the new body. An answer
that is compressed because the client accepts it is so afterwards; a file that
is compressed as it is (of Data License) is changed as it is.

    replace       this => text or pattern, by => text: everywhere in the body
    body          body => bytes
    cut           keep => bytes kept, or a share of them (0.5)
    blank         an empty body
    bom           a UTF-8 byte order mark before it
    charset       to => encoding of Perl's Encode (iso-8859-1, UTF-16LE, ...),
                  label => charset in Content-Type (default: none)
    nul           at => offset (10), n: that many NUL bytes put in
    gzip, zstd    compresses it truly
    bad_gzip      half of a gzip stream
    bomb          encoding => gzip, zstd or br; megabytes (1024; br always
                  256) of zeros
    content_type  value

=head1 THE HEAD IS ANOTHER

    date        skew => seconds, or value => text, or neither: no Date
    header      name, value, n: adds it
    unheader    name
    duplicate   name, value: a second header of the same name (default: the
                same value)
    big_header  bytes (100_000): one header of that size
    many_headers  n (2000)
    wrong_digest  algorithm (sha-256): a header Digest of other bytes, in the
                  place of the right one if there is one
    chunked     chunked, correctly
    unframed    without length: the end of the connection ends it

=head1 ON THE WIRE

Of these the last one counts.

    delay         seconds, then the answer
    gate          name (''): the answer comes when open_gate(name) is called
    slow          bytes (1) every (0.1) seconds, from the first on;
                  body_only => 1: the head comes at once
    stall         at => never goes on after that point
    reset         at => RST at that point
    fin           at => the end (FIN) at that point
    long_length   by (1000): Content-Length too long; then nothing comes,
                  the connection stays
    short_length  by (10): too short, all bytes are sent
    endless       chunked without end; chunk => bytes
    bad_chunk     how => size (no number), negative, huge, crlf (no line end),
                  unfinished (no last chunk, then the end)
    cut_gzip      by (12): gzip without its last bytes, and without length:
                  the end of the connection looks like the end of the body
    bad_status    line => what stands for the status line

C<at> is C<start> (before the first byte), C<head> (after the headers), or a
number of bytes of the body (default of stall, reset and fin: half of it).

=head1 THE DATA ARE OTHERS

C<rows> changes what the provider's series hold, where it has rows:

    values     list of values that take the place of figures, one in each
               row from the newest on (default: None, -, ., NaN, 1e999, '',
               undef which is null)
    bare       true: NaN and 1e999 are written without quotes
    duplicate  n: that many rows twice, the second with another figure
    shuffle    true: rows in another order, always the same one
    drop       n: the last rows are missing

=cut

use warnings;
use strict;

use Digest::SHA qw/ sha256_base64 /;
use Encode ();

use Wizdata::Sim::Answer;
use Wizdata::Sim::Bomb;

# ---- choosing

my %WHEN = map { $_ => 1 } qw/ path target method nth from times /;

sub make {
    my ($id, $name, %o) = @_;

    my $self = { id => $id, name => $name, seen => 0, hits => 0 };
    die "no fault '$name'\n" if !main_of($name);
    $WHEN{$_} ? ($self->{when}{$_} = $o{$_}) : ($self->{how}{$_} = $o{$_})
        for keys %o;
    return $self;
}

sub fits {
    my ($which, $req) = @_;

    for my $name (qw/ path target method status /) {
        my $want = $which->{$name} // next;
        my $is = $req->{$name} // '';
        return 0 if ref $want ? $is !~ $want : $is ne $want;
    }
    return 1;
}

# Those of the list that hit this request.
sub chosen {
    my ($faults, $req) = @_;

    return grep { hits($_, $req) } @$faults;
}

sub hits {
    my ($fault, $req) = @_;

    my $when = $fault->{when} // {};
    return 0 if !fits($when, $req);
    my $n = ++$fault->{seen};
    my $nth = $when->{nth};
    return 0 if $nth && !grep { $_ == $n } ref $nth ? @$nth : $nth;
    return 0 if $when->{from} && $n < $when->{from};
    return 0 if $when->{times} && $fault->{hits} >= $when->{times};
    $fault->{hits}++;
    return 1;
}

# ---- applying

my (%INSTEAD, %BODY, %HEAD, %WIRE);

sub main_of {
    my ($name) = @_;

    return $INSTEAD{$name} || $BODY{$name} || $HEAD{$name} || $WIRE{$name}
        || $name eq 'rows';
}

sub instead {
    my ($faults, $req, $sim) = @_;

    for my $fault (@$faults) {
        my $code = $INSTEAD{ $fault->{name} } or next;
        return $code->($fault->{how} // {}, $req, $sim);
    }
    return;
}

# The steps that a connection goes through.
sub steps {
    my ($answer, $faults, $req, $sim) = @_;

    return @{ $answer->{steps} } if $answer->{steps};
    $answer->header(Date => Wizdata::Sim::Answer::http_date(
            $sim->{server}->now())) if !defined $answer->get_header('Date');
    my ($wire) = reverse grep { $WIRE{ $_->{name} } } @$faults;
    return ($answer->head($req), [ call => $answer->{then} ])
        if $answer->{then} && !$wire;

    apply(\%BODY, $answer, $faults);
    $answer->compress() if !$wire || $wire->{name} ne 'endless';
    apply(\%HEAD, $answer, $faults);
    return $wire ? $WIRE{ $wire->{name} }->($answer, $wire->{how} // {}, $req)
        : plain($answer, $req);
}

sub apply {
    my ($kinds, $answer, $faults) = @_;

    for my $fault (@$faults) {
        my $code = $kinds->{ $fault->{name} } or next;
        $code->($answer, $fault->{how} // {});
    }
}

sub plain {
    my ($answer, $req) = @_;

    my @steps = ($answer->head($req));
    push @steps, $answer->framed() if $req->{method} ne 'HEAD';
    push @steps, ['fin'] if $answer->{framing} eq 'close';
    return @steps;
}

# ---- instead of the provider

sub status_answer {
    my ($o, $status, $type, $body) = @_;

    my $answer = Wizdata::Sim::Answer->of_type($o->{type} // $type,
        $o->{status} // $status, $o->{body} // $body,
        @{ $o->{headers} // [] });
    $answer->{reason} = $o->{reason} if defined $o->{reason};
    return $answer;
}

my $PAGE = "<!DOCTYPE html>\n<html><head><title>Maintenance</title></head>\n"
    . "<body><h1>We will be back soon</h1></body></html>\n";

%INSTEAD = (
    status => sub { status_answer($_[0], 503, 'text/html',
            '<html><body>no</body></html>') },
    html => sub { status_answer($_[0], 200, 'text/html; charset=utf-8',
            $PAGE) },
    redirect => sub { status_answer($_[0], 302, 'text/html', '')
            ->header(Location => $_[0]{to}) },
    retry_after => sub { status_answer($_[0], 429, 'text/plain', "slow down\n")
            ->header('Retry-After' => $_[0]{value}) },
    bytes => sub { Wizdata::Sim::Answer->new(0,
            steps => [ $_[0]{bytes}, ['fin'] ]) },
    gone => sub { Wizdata::Sim::Answer->new(0, steps => [ ['fin'] ]) },
);

# ---- the body, the head

sub cut {
    my ($answer, $o) = @_;

    my $keep = $o->{keep} // 0.5;
    $keep = int($keep * length $answer->{body}) if $keep < 1;
    $answer->{body} = substr $answer->{body}, 0, $keep;
}

sub charset {
    my ($answer, $o) = @_;

    my $text = Encode::decode('UTF-8', $answer->{body});
    $answer->{body} = Encode::encode($o->{to}, $text);
    my $type = ($answer->get_header('Content-Type') // '') =~ s/;.*//r;
    $type .= "; charset=$o->{label}" if defined $o->{label};
    $answer->set_header('Content-Type' => $type);
}

sub encoded {
    my ($answer, $encoding, $body) = @_;

    $answer->{body} = $body;
    $answer->set_header('Content-Encoding' => $encoding);
}

sub replace {
    my ($answer, $o) = @_;

    my $this = ref $o->{this} ? $o->{this} : qr/\Q$o->{this}\E/;
    $answer->{body} =~ s/$this/$o->{by}/g;
}

%BODY = (
    replace => \&replace,
    body => sub { $_[0]{body} = $_[1]{body} },
    cut => \&cut,
    blank => sub { $_[0]{body} = '' },
    bom => sub { $_[0]{body} = "\xEF\xBB\xBF$_[0]{body}" },
    charset => \&charset,
    nul => sub {
        my $at = $_[1]{at} // 10;
        $at = length $_[0]{body} if $at > length $_[0]{body};
        substr $_[0]{body}, $at, 0, "\0" x ($_[1]{n} // 1);
    },
    gzip => sub { encoded($_[0], 'gzip', Wizdata::Sim::Answer::gzipped($_[0]{body})) },
    zstd => sub { encoded($_[0], 'zstd', Wizdata::Sim::Bomb::zstd_raw(
                $_[0]{body})) },
    bad_gzip => sub {
        my $z = Wizdata::Sim::Answer::gzipped($_[0]{body} . join '', map { chr(($_ * $_ * 7919
                        >> 3) & 255) } 1 .. 4096);
        encoded($_[0], 'gzip', substr $z, 0, length($z) / 2);
    },
    bomb => sub {
        my $encoding = $_[1]{encoding} // 'gzip';
        encoded($_[0], $encoding,
            Wizdata::Sim::Bomb::of($encoding, $_[1]{megabytes} // 1024));
    },
    content_type => sub { $_[0]->set_header('Content-Type' => $_[1]{value}) },
);

%HEAD = (
    date => sub {
        my ($answer, $o) = @_;
        my $value = $o->{value};
        $value = Wizdata::Sim::Answer::http_date(
            Time::HiRes::time() + $o->{skew}) if defined $o->{skew};
        $answer->unheader('Date');
        $answer->header(Date => $value) if defined $value;
    },
    header => sub { $_[0]->header($_[1]{name}, $_[1]{value})
            for 1 .. $_[1]{n} // 1 },
    unheader => sub { $_[0]->unheader($_[1]{name}) },
    duplicate => sub {
        my ($answer, $o) = @_;
        # Content-Length is written last, whatever there is already.
        $answer->{framing} = 'length' if lc $o->{name} eq 'content-length';
        my $value = $o->{value} // $answer->get_header($o->{name})
            // length $answer->{body};
        $answer->header($o->{name}, $value);
    },
    wrong_digest => sub {
        my ($answer, $o) = @_;
        $answer->set_header(Digest => ($o->{algorithm} // 'sha-256') . '='
                . sha256_base64("other than $answer->{body}") . '=');
    },
    big_header => sub { $_[0]->header('X-Big',
            'x' x ($_[1]{bytes} // 100_000)) },
    many_headers => sub { $_[0]->header("X-H$_", 'x')
            for 1 .. $_[1]{n} // 2000 },
    chunked => sub { $_[0]{framing} = 'chunked' },
    unframed => sub { $_[0]{framing} = 'close' },
);

# ---- the wire

# The bytes up to the point that is meant.
sub up_to {
    my ($answer, $o, $req) = @_;

    my $at = $o->{at} // int(length($answer->{body}) / 2);
    return '' if $at eq 'start';
    my $head = $answer->head($req);
    return $head if $at eq 'head';
    return $head . substr $answer->framed(), 0, $at;
}

sub bad_chunk {
    my ($answer, $o, $req) = @_;

    $answer->{framing} = 'chunked';
    my $body = $answer->{body};
    my $hex = sprintf '%x', length $body;
    my %wrong = (
        size => "zz\r\n$body\r\n0\r\n\r\n",
        negative => "-5\r\n$body\r\n0\r\n\r\n",
        huge => "ffffffffffffffff\r\n$body\r\n0\r\n\r\n",
        crlf => "$hex\r\n${body}0\r\n\r\n",
        unfinished => "$hex\r\n$body\r\n",
    );
    my $how = $o->{how} // 'size';
    return ($answer->head($req), $wrong{$how} // die("how => '$how'?\n"),
        ['fin']);
}

%WIRE = (
    delay => sub { ([ wait => $_[1]{seconds} ], plain($_[0], $_[2])) },
    gate => sub { ([ gate => $_[1]{name} // '' ], plain($_[0], $_[2])) },
    slow => sub {
        my ($answer, $o, $req) = @_;
        my ($head, @rest) = grep { !ref } plain($answer, $req);
        my @at_once = $o->{body_only} ? $head : ();
        unshift @rest, $head if !$o->{body_only};
        return (@at_once, [ drip => join('', @rest), $o->{bytes} // 1,
                $o->{every} // 0.1 ]);
    },
    stall => sub { (up_to(@_), ['hang']) },
    # What was sent before a reset must have arrived, or it is lost with it.
    reset => sub { (up_to(@_), [ wait => 0.05 ], ['reset']) },
    fin => sub { (up_to(@_), ['fin']) },
    long_length => sub {
        my ($answer, $o, $req) = @_;
        $answer->{framing} = 'length';
        $answer->{length} = length($answer->{body}) + ($o->{by} // 1000);
        return (plain($answer, $req), ['hang']);
    },
    short_length => sub {
        my ($answer, $o, $req) = @_;
        $answer->{framing} = 'length';
        my $length = length($answer->{body}) - ($o->{by} // 10);
        $answer->{length} = $length < 0 ? 0 : $length;
        return plain($answer, $req);
    },
    endless => sub {
        my ($answer, $o, $req) = @_;
        $answer->{framing} = 'chunked';
        my $chunk = $o->{chunk} // '{"a": ' . '[' x 8000;
        my $head = $answer->head($req);
        return ($head, [ endless => sprintf "%x\r\n%s\r\n", length $chunk,
            $chunk ]);
    },
    bad_chunk => \&bad_chunk,
    cut_gzip => sub {
        my ($answer, $o, $req) = @_;
        encoded($answer, 'gzip', Wizdata::Sim::Answer::gzipped(
                $answer->{body}))
            if !defined $answer->get_header('Content-Encoding');
        $answer->{framing} = 'close';
        return ($answer->head($req),
            substr($answer->{body}, 0, -($o->{by} // 12)), ['fin']);
    },
    bad_status => sub {
        my ($answer, $o, $req) = @_;
        my $line = $o->{line} // 'HTTP/1.1 OK';
        my @steps = plain($answer, $req);
        $steps[0] =~ s/^[^\r]*/$line/;
        return (@steps, ['fin']);
    },
);

1;
