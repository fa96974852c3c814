package Wizdata::Sim::Bloomberg::Files;

# What a request of the simulated Data License yields: its files, where they
# are found and how they are downloaded; see Wizdata::Sim::Bloomberg.

use warnings;
use strict;

use Digest::SHA qw/ sha256 sha256_hex /;
use MIME::Base64 qw/ encode_base64 /;

use Wizdata::Sim::Answer;
use Wizdata::Sim::Json;
use Wizdata::Sim::Series;

my %OF_BAR = (PX_LAST => 'close', PX_OPEN => 'open', PX_HIGH => 'high',
    PX_LOW => 'low', PX_VOLUME => 'volume');
my @FIELDS = (sort(keys %OF_BAR), qw/ NAME CRNCY ID_BB_GLOBAL ID_ISIN /,
    map { sprintf 'SYNTHETIC_%02d', $_ } 1 .. 36);

sub field_names { return @FIELDS }

# ---- the life of a request

sub submit {
    my ($self, $name, $it) = @_;

    $it->{_dataset} = substr 'd' . sha256_hex($name), 0, 12;
    $it->{_polls} = 0;
    $it->{_at} = $self->{server}->now();
}

sub publish_request {
    my ($self, $name) = @_;

    my $it = $self->{made}{requests}{$name} // die "no request $name\n";
    $it->{_ready} = 1;
    my $file = file_name($name, $it);
    my ($gz) = $self->file_of($name, undef, 1);
    my $snapshot = date($self->day_now()) =~ tr/-//dr;
    my $at = "/eap/catalogs/$self->{catalog}/datasets/$it->{_dataset}";
    return $self->notify(to_json(obj(
        '@context' => 'https://api.bloomberg.com/eap/ontology#',
        '@type' => 'DistributionPublishedActivity',
        identifier => "activity-$name", endedAtTime => iso_time(
            $self->{server}->now()),
        generated => obj(
            '@id' => $self->url(
                "$at/snapshots/$snapshot/distributions/$file"),
            '@type' => 'Distribution', identifier => $file,
            contentType => media_type($it),
            digest => obj('@type' => 'Digest', digestAlgorithm =>
                    'https://www.w3.org/2001/04/xmlenc#sha256',
                digestValue => sha256_hex($gz)),
            snapshot => obj('@type' => 'Snapshot', identifier => $snapshot,
                dataset => obj('@type' => 'Dataset',
                    identifier => $it->{_dataset}, catalog => obj(
                        '@type' => 'Catalog',
                        identifier => $self->{catalog})))))));
}

sub iso_time {
    my @t = gmtime $_[0];

    return sprintf '%04d-%02d-%02dT%02d:%02d:%02dZ', $t[5] + 1900, $t[4] + 1,
        @t[3, 2, 1, 0];
}

# One more who asks; true when it is there.
sub ready {
    my ($self, $name) = @_;

    my $it = $self->{made}{requests}{$name};
    return 1 if $it->{_ready};
    return 0 if !defined $self->{polls} || $it->{_polls}++ < $self->{polls};
    $self->publish_request($name);
    return 1;
}

# ---- where its files are

sub media_type {
    my ($it) = @_;

    my $formatting = $it->{formatting} // {};
    return 'text/plain' if ($formatting->{'@type'} // '') =~ /Format$/;
    return $formatting->{outputMediaType} // 'text/csv';
}

sub file_name {
    my ($name, $it) = @_;

    my %ending = ('text/csv' => 'csv', 'application/json' => 'json',
        'text/plain' => 'bbg');
    return "$name." . ($ending{ media_type($it) } // 'csv');
}

sub missing { return Wizdata::Sim::Bloomberg::errors(404,
        'no such resource') }

# datasets/{d}/snapshots/{day}/distributions/{file}
sub datasets {
    my ($self, $req, $dataset, @rest) = @_;

    my $requests = $self->{made}{requests};
    my ($name) = grep { $requests->{$_}{_dataset} eq ($dataset // '') }
        keys %$requests;
    return missing() if !defined $name;
    my $today = date($self->day_now()) =~ tr/-//dr;
    my ($snapshots, $day, $distributions, $file) = @rest;
    return Wizdata::Sim::Bloomberg::ld($req, 'Dataset',
        identifier => $dataset) if !length($snapshots // '');
    return missing() if $snapshots ne 'snapshots';
    my $ready = $self->ready($name);
    return $self->collection($req, $ready ? obj('@id' => "$today/",
            '@type' => 'Snapshot', identifier => $today) : ())
        if !length($day // '');
    return missing() if !$ready;
    return Wizdata::Sim::Answer->new(302)->header(Location =>
            $req->{path} =~ s{/latest/}{/$today/}r) if $day eq 'latest';
    return missing() if $day ne $today;
    return Wizdata::Sim::Bloomberg::ld($req, 'Snapshot', identifier => $day)
        if !length($distributions // '');
    my $is = file_name($name, $requests->{$name});
    return $self->collection($req, obj('@id' => $is,
            '@type' => 'Distribution', identifier => $is))
        if !length($file // '');
    return missing() if $file ne $is;
    return $self->download($req, $name);
}

# content/responses/?prefix=&requestIdentifier=
sub responses {
    my ($self, $req, $what, $file) = @_;

    return missing() if ($what // '') ne 'responses';
    my $requests = $self->{made}{requests};
    my ($prefix, $id) = map { $req->{query}{$_} // '' }
        qw/ prefix requestIdentifier /;
    my @names = grep { (!length $prefix || index($_, $prefix) == 0)
            && (!length $id || $_ eq $id) } sort keys %$requests;
    if (length($file // '')) {
        my ($name) = grep { file_name($_, $requests->{$_}) eq $file
                && $requests->{$_}{_ready} } keys %$requests;
        return defined $name ? $self->download($req, $name) : missing();
    }
    return $self->collection($req, map { my $key = file_name($_,
                $requests->{$_}); obj('@id' => $key, key => $key,
                metadata => obj(DL_REQUEST_ID => $_)) }
            grep { $self->ready($_) } @names);
}

sub download {
    my ($self, $req, $name) = @_;

    my $gzip = ($req->{headers}{'accept-encoding'} // '') =~ /\bgzip\b/;
    my $it = $self->{made}{requests}{$name};
    my ($bytes) = $self->file_of($name, $req->{rows}, $gzip);
    my $digest = encode_base64(sha256($self->{wrong_digest} ? "$bytes!"
            : $bytes), '');
    my $answer = Wizdata::Sim::Answer->of_type(media_type($it), 200, $bytes,
        Digest => "sha-256=$digest", 'Accept-Ranges' => 'bytes',
        'Content-Disposition' => 'attachment; filename='
            . file_name($name, $it));
    $answer->header('Content-Encoding' => 'gzip') if $gzip;
    return part_of($answer, $req->{headers}{range});
}

sub part_of {
    my ($answer, $range) = @_;

    my ($from, $to) = ($range // '') =~ /^bytes=(\d+)-(\d*)$/
        or return $answer;
    my $size = length $answer->{body};
    if ($from >= $size) {
        $answer->{body} = '';
        $answer->{status} = 416;
        return $answer->header('Content-Range' => "bytes */$size");
    }
    $to = $size - 1 if $to eq '' || $to >= $size;
    $answer->{body} = substr $answer->{body}, $from, $to - $from + 1;
    $answer->{status} = 206;
    return $answer->header('Content-Range' => "bytes $from-$to/$size");
}

# ---- what is in them

sub file_of {
    my ($self, $name, $fault, $gzip) = @_;

    my $it = $self->{made}{requests}{$name};
    my $table = $self->table_of($name, $it);
    $table->{rows} = spoil($fault, $table->{rows}, sub { $_[0] // '' },
        $it->{'@type'} eq 'HistoryRequest' ? 3 : 2);
    my $type = media_type($it);
    my $text = $type eq 'text/csv' ? csv_of($table)
        : $type eq 'application/json' ? json_of($table)
        : $self->bbg_of($table, $it);
    utf8::encode($text) if utf8::is_utf8($text);
    return $gzip ? Wizdata::Sim::Answer::gzipped($text) : $text;
}

# The rows: identifier, return code, (date,) values of the fields. The first
# cell of each says which it is.
sub table_of {
    my ($self, $name, $it) = @_;

    my @ids = map { $_->{identifierValue} // '' }
        @{ ($self->refers($it->{universe}, 'universes')
                // {})->{contains} // [] };
    my @fields = map { $_->{mnemonic} // mnemonic($_->{cleanName} // '') }
        @{ ($self->refers($it->{fieldList}, 'fieldLists')
                // {})->{contains} // [] };
    my $history = $it->{'@type'} eq 'HistoryRequest';
    my @days = $history ? $self->days_of($it) : $self->day_now() - 1;
    my @rows;
    for my $id (@ids) {
        my $unknown = index($id, $self->{unknown}) == 0;
        push @rows, [ $id, '10', $history ? '' : (), map { '' } @fields ]
            if $unknown;
        next if $unknown;
        push @rows, map { my $day = $_; [ $id, '0',
                $history ? date($day) : (),
                map { value_of($id, $day, $_) } @fields ] } @days;
    }
    return { name => $name, at => iso_time($it->{_at}), rows => \@rows,
        columns => [ 'IDENTIFIER', 'RC', $history ? 'DATE' : (), @fields ] };
}

sub mnemonic { return uc $_[0] =~ s/([A-Z])/_$1/gr }

sub days_of {
    my ($self, $it) = @_;

    my $range = ($it->{runtimeOptions} // {})->{dateRange} // {};
    my $last = day($range->{endDate} // '') // $self->day_now() - 1;
    my $first = day($range->{startDate} // '')
        // $last - ($range->{days} // 5) + 1;
    return week_days($first, $last);
}

sub value_of {
    my ($id, $day, $field) = @_;

    my $bar = day_bar($id, $day);
    return $bar->{volume} if $field eq 'PX_VOLUME';
    return price($bar->{ $OF_BAR{$field} }) if $OF_BAR{$field};
    return 'USD' if $field eq 'CRNCY';
    return "Name, of \"$id\"" if $field eq 'NAME';
    return $field =~ /^SYNTHETIC_/ ? '' . hash_of($id, $field) % 1000 : '';
}

sub csv_cell {
    my ($text) = @_;

    return $text if $text !~ /[",\r\n]/;
    return '"' . $text =~ s/"/""/gr . '"';
}

sub csv_of {
    my ($table) = @_;

    my @lead = qw/ DL_REQUEST_ID DL_REQUEST_NAME DL_SNAPSHOT_START_TIME
        DL_SNAPSHOT_TZ /;
    my @same = ("rid-$table->{name}", $table->{name}, $table->{at}, 'UTC');
    return join '', map { join(',', map { csv_cell($_) } @$_) . "\r\n" }
        [ @lead, @{ $table->{columns} } ],
        map { [ @same, @$_ ] } @{ $table->{rows} };
}

sub json_of {
    my ($table) = @_;

    my @columns = @{ $table->{columns} };
    return to_json([ map { my $row = $_; obj(DL_REQUEST_NAME => $table->{name},
                map { $columns[$_] => $row->[$_] eq '' ? undef
                    : $row->[$_] =~ /^-?\d+(\.\d+)?$/ && $_ ? num($row->[$_])
                    : $row->[$_] } 0 .. $#columns) } @{ $table->{rows} } ]);
}

# Bloomberg's own file: one line for each security, or blocks of a security
# and a field with a line for each day.
sub bbg_of {
    my ($self, $table, $it) = @_;

    my $history = $it->{'@type'} eq 'HistoryRequest';
    my @fields = @{ $table->{columns} }[ ($history ? 3 : 2)
        .. $#{ $table->{columns} } ];
    my @lines = ('START-OF-FILE', 'FIRMNAME=dl' . $self->{catalog},
        'PROGRAMNAME=' . ($history ? 'gethistory' : 'getdata'), '',
        'START-OF-FIELDS', @fields, 'END-OF-FIELDS', '',
        "TIMESTARTED=$table->{at}", 'START-OF-DATA',
        $history ? blocks($table, @fields)
        : map { join('|', @$_[0, 1], scalar @fields, map { length ? $_ : ' ' }
                    @$_[ 2 .. $#$_ ]) . '|' } @{ $table->{rows} });
    push @lines, 'END-OF-DATA', "TIMEFINISHED=$table->{at}", 'END-OF-FILE'
        if !$self->{truncated};
    return join "\n", @lines, '';
}

sub blocks {
    my ($table, @fields) = @_;

    my (@ids, %rows);
    for my $row (@{ $table->{rows} }) {
        push @ids, $row->[0] if !$rows{ $row->[0] };
        push @{ $rows{ $row->[0] } }, $row;
    }
    my @lines;
    for my $id (@ids) {
        for my $i (0 .. $#fields) {
            push @lines, "START SECURITY|$id|$fields[$i]|";
            push @lines, map { sprintf '%s|%s|%s|', $id, us_date($_->[2]),
                $_->[ 3 + $i ] } grep { $_->[1] eq '0' } @{ $rows{$id} };
            push @lines, "END SECURITY|$id|$fields[$i]|$rows{$id}[0][1]|";
        }
    }
    return @lines;
}

sub us_date { return $_[0] =~ s{^(\d+)-(\d+)-(\d+)}{$2/$3/$1}r }

1;
