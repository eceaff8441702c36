#!/usr/bin/perl
# Counts the words of what is sent to it: curl --data-binary @FILE .../cgi-bin/count.pl
use strict;
use warnings;

if ($ENV{REQUEST_METHOD} ne 'POST') {
    print "Status: 405 Method Not Allowed\nAllow: POST\nContent-Type: text/plain\n\nPOST me a text.\n";
    exit;
}
my $words = 0;
while (my $line = <STDIN>) {
    $words += () = $line =~ /\S+/g;
}
print "Content-Type: text/plain\n\n$words words\n";
