// Package sim is the outside world, simulated over real sockets (or a Pipe, for
// testing/synctest): a cloud, a Slack and a mail server, made ready in one go,
// with commands for a person. The demo and the tests of other packages run
// against it; a test that needs one server takes it from its own package:
//
//	simcloud   the DCS API, which verifies signatures
//	simslack   the Web API of Slack, and an incoming webhook
//	simmail    an SMTP server with an authority of its own
//	simserver  what they have in common
//
// It imports nothing of ours, and its view of the signature is written from the
// documentation a second time, so that it is a judge of the client and not a
// mirror.
package sim
