#!/usr/bin/perl

# Keys, passwords, tokens and signatures show nowhere: not in logs, jobs, the
# lake, metrics or status, whatever the provider says back.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use MIME::Base64 qw/ encode_base64 /;
use Test::More;
use Time::HiRes qw/ sleep time /;

use Wizdata::Crowd;
use Wizdata::Ingestion;
use Wizdata::Postgres;

my $pg = Wizdata::Postgres->start();
my $p = Wizdata::Crowd->start();
my ($in, $job);
my $mark = 'A';

sub service {
    my (%env) = @_;

    $in->down() if $in;
    $pg->psql(q(DELETE FROM ingest_job; DELETE FROM provider_quota;
        DELETE FROM lake_fresh));
    $p->rules();
    $p->forget();
    return $in = Wizdata::Ingestion->start($pg, url => $p->url(),
        WIZDATA_INGESTION_ATTEMPTS => 1, WIZDATA_INGESTION_TIMEOUT => '20s',
        WIZDATA_INGESTION_BREAKER_FAILURES => 1000,
        WIZDATA_INGESTION_LEASE => '40s', %env);
}

sub escaped { $_[0] =~ s/([^A-Za-z0-9._~-])/sprintf '%%%02X', ord $1/ger }

# No secret shows, in no form: as it is, in a URL, in JSON, in base64, nor the
# beginning of it.
sub hidden {
    my ($what, @secrets) = @_;

    my $all = $in->everything() . $pg->psql('SELECT d::text FROM
        provider_dataset d');
    my @seen;
    for my $s (@secrets) {
        my %form = (plain => $s, url => escaped($s), lower =>
            escaped($s) =~ s/(%..)/lc $1/ger,
            json => $s =~ s{/}{\\/}gr, base64 => encode_base64($s, ''),
            begin => substr $s, 0, 8);
        push @seen, map { "$_ of $s" } grep { index($all, $form{$_}) >= 0 }
            sort keys %form;
    }
    is("@seen", '', $what);
}

# ---- a key in the URL

my $key = 'S3CRET/key+0f=TEST&42';
my $padding = 'x ' x 88;
service(key => $key);

my $good = '"Global Quote": {"01. symbol": "A", "05. price": "1", '
    . '"07. latest trading day": "2024-01-02"}';
my %said = (
    'beside data' => { body => qq({$good, "note": "%KEY%"}) },
    'beside data, as in a URL' => { body => qq({$good, "note": "%TARGET%"}) },
    'beside data, as JSON writes it' => { body => sprintf '{%s, "note": "%s"}',
        $good, $key =~ s{/}{\\/}gr },
    'as an invalid call' => { body =>
        '{"Error Message": "Invalid API call for %KEY%."}' },
    'as an invalid call to a URL' => { body =>
        '{"Error Message": "Invalid API call: %TARGET%"}' },
    'where the text is cut' => { body =>
        qq({"Error Message": "Invalid API call $padding %KEY% and more"}) },
    'where the text is cut, as in a URL' => { body =>
        qq({"Error Message": "Invalid API call $padding %RAW% and more"}) },
    'as a notice' => { body => '{"Information": "Hello %KEY%"}' },
    'as a notice of another kind' => { body => '{"%KEY%": "%KEY%"}' },
    'as text' => { body => 'your key %KEY% is' },
    'as HTML' => { type => 'text/html', body =>
        '<html><a href="%TARGET%">%KEY%</a></html>' },
    'as HTML of a 404' => { status => 404, body => '<html>%TARGET%</html>' },
    'as text of a 500' => { status => 500, body => '%KEY%' },
    'in a redirect' => { status => 302, body => 'see %TARGET%',
        headers => ['Location: %TARGET%'] },
    'in headers' => { headers => [ map { "$_: %KEY%" } qw/ Server Via
            X-Request-Id X-Correlation-Id Cache-Control Vary Age Expires
            RateLimit Last-Modified Retry-After WWW-Authenticate Location / ] },
    'in headers, as in a URL' => { headers => [ map { "$_: %RAW%" } qw/ Server
            Via X-Request-Id Last-Modified / ] },
    'in the name of the answer' => { etag => qq("$key") },
    'in the type of the answer' => { type => 'application/json; k="%KEY%"' },
    'in the type, as in a URL' => { type => 'application/json; k="%RAW%"' },
    'in half an answer' => { body => '{"Global Quote": {"a": "%KEY%' },
);
for my $how (sort keys %said) {
    for my $status (429, undef) {
        my $rule = { %{ $said{$how} } };
        next if $status && $rule->{status};
        $rule->{status} = $status if $status;
        $p->rules($rule);
        $mark++;
        $job = $in->wait_job($in->run('alphavantage', 'quote',
                symbol => $mark));
        $pg->psql(q(UPDATE provider_quota SET blocked_until = '-infinity'));
        hidden("the key $how" . ($status ? " of a $status" : ''), $key);
    }
}
is(scalar(grep { $_->{key} eq $key } $p->requests()),
    scalar($p->requests()), 'it was sent');
is($pg->psql("SELECT count(*) FROM ingest_job WHERE status = 'done'"),
    8, 'good answers are kept all the same');
my ($row) = grep { $in->object($_) =~ /"note"/ } $in->manifest();
like($in->object($row), qr/"05\. price": "1".*"note": "\*{21}"\}$/s,
    'with stars in its place');

# A key that could be a number is not looked for in data.
service(key => '20240102');
$p->rules({ body => qq({$good, "volume": "20240102"}) });
is($in->wait_job($in->run('alphavantage', 'quote', symbol => 'NUM'))->{status},
    'done', 'a key that is a number');
like($in->object(($in->manifest())[-1]), qr/"volume": "20240102"/,
    'changes no data');

# ---- several keys: none of them, whichever was used

my @keys = ('S3CRET-one-0001', 'S3CRET-two-0002');
service(key => join ',', @keys);
$p->rules({ body => qq({$good, "note": "$keys[0] $keys[1]"}) });
$in->wait_job($in->run('alphavantage', 'quote', symbol => 'A'));
$p->rules({ body => qq({"Error Message": "Invalid API call $keys[0], "
    . "$keys[1]"}) });
$in->wait_job($in->run('alphavantage', 'quote', symbol => 'B'));
hidden('each key of several', @keys);

# ---- a password with each request

my $password = 'S3CRET/pass+0f=TEST';
my %sp = (WIZDATA_SPGLOBAL_URL => $p->url(), WIZDATA_SPGLOBAL_USER =>
    'user@example.com', WIZDATA_SPGLOBAL_SECRET => $password);
my @values = ('spglobal', 'values', identifiers => 'IBM', fields => 'IQ_X');

sub gds {
    my ($text, $error) = @_;

    return '{"GDSSDKResponse":[{"Headers":["IQ_X"],"Rows":[{"Row":["' . $text
        . '"]}],"NumRows":1,"NumCols":1,"Mnemonic":"IQ_X","ErrMsg":"'
        . ($error // '') . '"}]}';
}

my %echoes = (
    'a value' => { body => gds('%PROOF% %AUTH%') },
    'an error of an item' => { body => gds('', '%PROOF% not found') },
    'an error' => { body => '{"ErrMsg":"%PROOF% %AUTH%"}' },
    'text' => { body => '%AUTH%' },
    'HTML of a 403' => { status => 403, body => '<html>%AUTH%</html>' },
    'a redirect' => { status => 302, body => '%PROOF%', headers =>
        ['Location: /%PROOF%'] },
    'headers' => { body => gds('1'), headers => [ 'Server: %PROOF%',
            'Via: %AUTH%', 'ETag: "%PROOF%"' ] },
    'a type' => { body => gds('1'), type => 'a/b; %PROOF%' },
);

sub echo_all {
    my ($who, $secrets, @ask) = @_;

    for my $how (sort keys %echoes) {
        $p->rules({ match => $who, %{ $echoes{$how} } },
            { match => 'token', body => $p->{token} });
        $pg->psql('DELETE FROM ingest_job');
        $job = $in->wait_job($in->run(@ask));
        my ($asked) = grep { $_->{target} =~ /$who/ } reverse $p->requests();
        my $proof = (split ' ', $asked->{auth})[-1] // 'none';
        isnt($proof, 'none', "$ask[0]: asked with a proof");
        hidden("its echo as $how", $proof, @$secrets);
    }
}

service(%sp, WIZDATA_SPGLOBAL_BASIC => 'true');
echo_all('clientservice', [$password], @values);

# ---- tokens

service(%sp);
$p->{token} = '{"access_token":"T0KEN/access+0001==","refresh_token":'
    . '"T0KEN/refresh+0001==","expires_in_seconds":"300"}';
my @tokens = ('T0KEN/access+0001==', 'T0KEN/refresh+0001==', $password);
echo_all('clientservice', \@tokens, @values);

service(WIZDATA_LSEG_URL => $p->url(), WIZDATA_LSEG_USER => 'machine-0001',
    WIZDATA_LSEG_SECRET => $password, WIZDATA_LSEG_APP => 'S3CRET-app-0003');
$p->{token} = '{"access_token":"T0KEN/access+0002==","refresh_token":'
    . '"T0KEN/refresh+0002==","expires_in":"300","token_type":"Bearer"}';
@tokens = ('T0KEN/access+0002==', 'T0KEN/refresh+0002==', $password,
    'S3CRET-app-0003');
echo_all('/views/', \@tokens, 'lseg', 'esg', identifiers => 'IBM.N');

# The request for a token is said back.
my @refusals = (
    { status => 400, body => '{"error":"invalid_request","error_description":'
            . '"%FORM%"}' },
    { status => 503, body => '%FORM%' },
    { body => '{"error":"invalid_grant","error_description":"S3CRET-app-0003 '
            . "$password\"}" },
    { body => '{"access_token":7,"x":"%FORM%"}' },
);
for my $i (0 .. $#refusals) {
    service(WIZDATA_LSEG_URL => $p->url(), WIZDATA_LSEG_USER => 'machine-0001',
        WIZDATA_LSEG_SECRET => $password,
        WIZDATA_LSEG_APP => 'S3CRET-app-0003');
    $p->rules($refusals[$i]);
    $in->run('lseg', 'esg', identifiers => 'IBM.N');
    ok($in->wait_for(sub { $in->log() =~ /no token/ }), 'no token');
    hidden("what refusal $i says", $password, 'S3CRET-app-0003');
}

# ---- signatures

my $hex = '53330c2e70deadbeef00112233445566778899aabbccddeeff';
service(WIZDATA_BLOOMBERG_URL => $p->url() . '/eap', WIZDATA_BLOOMBERG_CLIENT =>
    'client-0001', WIZDATA_BLOOMBERG_SECRET => $hex,
    WIZDATA_BLOOMBERG_CATALOG => '12345');
%echoes = (
    'an error' => { status => 400, body => '{"errors":[{"detail":"%PROOF%",'
            . '"title":"%AUTH%"}]}' },
    'text' => { body => '%PROOF%' },
    'HTML' => { status => 403, body => '<html>%AUTH%</html>' },
    'headers' => { status => 500, body => 'x', headers => ['Server: %PROOF%',
            'Location: %PROOF%'] },
);
echo_all('/eap/', [$hex], 'bloomberg', 'reference', identifiers =>
    'IBM US Equity', fields => 'PX_LAST');

unlike($in->log(), qr/Sanitizer|runtime error/, 'no sanitizer findings');

done_testing();
