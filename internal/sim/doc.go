// Package sim is the outside world, simulated over real sockets (or a Pipe, for
// testing/synctest): a DCS API that verifies signatures, a Slack, and an SMTP
// server. The demo command and the tests of other packages run against it.
//
// It imports nothing of ours, and its view of the signature is written from the
// documentation a second time, so that it is a judge of the client and not a
// mirror.
//
// Each of the three is made by its New function, listens once Listen or Serve
// is called, and leaves nothing running after Close. Each keeps what reached
// it, and goes wrong on command, in two ways that it shares with the others: a
// fault can stand until it is taken back (Answer, Fail), or happen once
// (AnswerNext, FailNext). Down and Up make a whole server unreachable and bring
// it back. World bundles the three and takes orders from a person.
//
// Everything may be used by several goroutines at once. Nothing here waits on
// wall-clock time, except for what a real server would measure with a clock.
package sim
