package email

// For tests of what can't be seen from outside on every machine.
var (
	Greeting = greeting
	Encoded  = encoded
)
