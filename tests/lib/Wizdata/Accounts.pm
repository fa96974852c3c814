package Wizdata::Accounts;

# Accounts of the ingestion at simulators: the environment that makes it ask
# them, without limits of its own unless said otherwise.
#
#     my $in = Wizdata::Ingestion->start($pg, url => 'http://127.0.0.1:1',
#         account($lseg), account($blpapi), WIZDATA_LSEG_EXCLUSIVE => 'true');

use warnings;
use strict;

use Exporter qw/ import /;

our @EXPORT_OK = qw/ account outcome nowhere /;

# A URL that nobody answers at, for the providers that a test does not use.
sub nowhere { return 'http://127.0.0.1:1' }

my %LOGIN = (
    Lseg => sub {
        my ($sim) = @_;
        return (lseg => '', USER => $sim->{username},
            SECRET => $sim->{password}, APP => $sim->{app_key});
    },
    Bloomberg => sub {
        my ($sim) = @_;
        return (bloomberg => '/eap', CLIENT => $sim->{client_id},
            SECRET => $sim->{client_secret}, CATALOG => $sim->{catalog});
    },
    CapitalIq => sub {
        my ($sim) = @_;
        return (spglobal => '', USER => $sim->{username},
            SECRET => $sim->{password});
    },
    WorldBank => sub { return (worldbank => '') },
    AlphaVantage => sub {
        return (alphavantage => '', KEY => 'premium-key');
    },
);

sub account {
    my ($sim) = @_;

    my ($kind) = ref($sim) =~ /(\w+)$/;
    return (WIZDATA_BLOOMBERG_BRIDGE => $sim->url(''), limits('BLOOMBERG'))
        if $kind eq 'Blpapi';
    my ($name, $base, %login) = $LOGIN{$kind}->($sim);
    my $prefix = 'WIZDATA_' . uc $name;
    return ("${prefix}_URL" => $sim->url($base), limits(uc $name),
        map { ("${prefix}_$_" => $login{$_}) } keys %login);
}

sub limits {
    my ($name) = @_;

    return map { ("WIZDATA_${name}_PER_$_" => 0) } qw/ SECOND MINUTE DAY /;
}

# How a job stands, in a line.
sub outcome {
    my ($job) = @_;

    return join ' ', map { $_ // '-' }
        @{$job}{qw/ status class attempts objects /};
}

1;
