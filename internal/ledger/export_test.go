package ledger

// The steps of a line, for tests of the rules that go by no book.
var (
	Await      = await
	HandOn     = passOn
	Inherit    = inherit
	Owed       = owed
	Tell       = tell
	Rewind     = Lines.rewind
	RewindTold = Lines.rewindTold
	Try        = try
)
