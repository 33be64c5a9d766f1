package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/parser"
	"go/token"
	"io/fs"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/ledger"
	"github.com/sslwatch/sslwatch/internal/reason"
)

// locked is a disk that lets this user read nothing.
type locked struct{ Disk }

func (locked) Read(name string) ([]byte, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
}

// To give the file to whoever looks at it would break the service.
func TestWhoeverMayNotLookIsToldWhoMay(t *testing.T) {
	_, _, err := read(locked{}, "/var/lib/sslwatch/state.json")
	if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "sudo") || strings.Contains(err.Error(), "own /var") {
		t.Errorf("%v", err)
	}
}

// What is written and not read is forgotten at each restart, without a word.
func TestEverythingThatIsWrittenIsRead(t *testing.T) {
	at := time.Date(2026, 11, 23, 2, 7, 13, 123456789, time.UTC)
	s := State{
		Version: Version, Written: at,
		Records:  map[check.Key]check.Record{{ProjectID: "p", InstanceID: "i"}: {Subject: check.Subject{ProjectID: "p", InstanceID: "i"}}},
		Projects: map[string]check.ProjectRecord{"p": {Credential: "0a", Seen: at, Forbidden: at, Pause: check.Pause{Why: check.PauseThrottled, Until: at, Reason: reason.New(reason.APIFailed, reason.Args{"status": 500, "said": "<&>"})}}},
		Ledgers:  map[string]ledger.Ledger{"oncall": {{ProjectID: "p"}: {check.CheckFailing: {Tried: ledger.Firing, Pending: &ledger.Pending{Since: at, Severity: check.Warning}}}}},
		Messages: map[string]map[string]ledger.Sent{"oncall": {"0a": {
			Receipt: json.RawMessage(`{"ts":"1.2"}`), Stale: true,
			Entries: []ledger.Entry{{Key: check.Key{ProjectID: "p", InstanceID: "i"}, Condition: check.SSLDisabled, Severity: check.Critical, Name: "prod/a", Line: "FIRING"}},
		}}},
		Clocks:    check.Clocks{"p": {Off: true, Since: at, Ahead: check.Offset(-time.Hour)}},
		Receivers: map[string]ReceiverState{"oncall": {Owed: 2, OwedSince: at, Failure: "no", FailingSince: at, Succeeded: at}},
	}
	for i, v := 0, reflect.ValueOf(s); i < v.NumField(); i++ {
		if v.Field(i).IsZero() {
			t.Fatalf("the test says nothing about %s", v.Type().Field(i).Name)
		}
	}
	data, err := Encode(s)
	if err != nil {
		t.Fatal(err)
	}
	// The words may change, or be those of another language, without touching it.
	if bytes.Contains(data, []byte("the API failed")) || !bytes.Contains(data, []byte(`"api_failed"`)) {
		t.Errorf("a sentence is stored, or no reason:\n%s", data)
	}
	got, bad, err := Decode(data)
	if err != nil || len(bad) > 0 {
		t.Fatal(err, bad)
	}
	var compact bytes.Buffer
	sent := got.Messages["oncall"]["0a"]
	if err := json.Compact(&compact, sent.Receipt); err != nil {
		t.Fatal(err)
	}
	sent.Receipt = compact.Bytes()
	got.Messages["oncall"]["0a"] = sent
	if diff := cmp.Diff(s, got); diff != "" {
		t.Errorf("-written +read:\n%s", diff)
	}
	for _, broken := range []string{`{"oncall":{"owed":-1}}`, `{"oncall":{"succeeded":"soon"}}`, `{"oncall":7}`} {
		data := bytes.Replace(data, []byte(`"receivers": {`), []byte(`"receivers": `+broken+`, "x": {`), 1)
		got, bad, err := Decode(data)
		if err != nil || len(bad) != 1 || len(got.Receivers) != 0 || len(got.Records) != 1 {
			t.Errorf("%s: %v, %v, %+v", broken, err, bad, got.Receivers)
		}
	}
}

// What the package comment shows is what is written.
func TestThePackageCommentShowsAState(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "state.go", nil, parser.PackageClauseOnly|parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	_, shown, _ := strings.Cut(file.Doc.Text(), "\t{")
	shown, _, _ = strings.Cut("\t{"+shown, "\n\n")
	shown = strings.ReplaceAll("\n"+shown, "\n\t", "\n")[1:] + "\n"

	at := time.Date(2026, 3, 1, 12, 30, 15, 0, time.UTC)
	ends := time.Date(2026, 3, 7, 0, 0, 0, 0, time.UTC)
	r := check.Record{
		Subject: check.Subject{ProjectID: "p", InstanceID: "i", Instance: "orders"},
		Terms:   check.Terms{Expiry: []check.Duration{check.Duration(check.Week)}, Critical: check.Duration(check.Day), RequireSSL: true},
		Due:     at.Add(15 * time.Minute), Checked: at, Verified: at, NotAfter: ends,
	}
	told := &ledger.Told{
		Severity: check.Warning, Threshold: check.Duration(check.Week), NotAfter: ends, Since: ends.Add(-check.Week),
		First: at, LastNews: at, Last: at, Message: "0c",
	}
	data, err := Encode(State{
		Written:   at,
		Records:   map[check.Key]check.Record{r.Key(): r},
		Projects:  map[string]check.ProjectRecord{"p": {Credential: "0a1b", Seen: at}},
		Ledgers:   map[string]ledger.Ledger{"oncall": {r.Key(): {check.CertificateExpiring: {Told: told}}}},
		Receivers: map[string]ReceiverState{"oncall": {Succeeded: at}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(data), shown); diff != "" {
		t.Errorf("-written +shown:\n%s", diff)
	}
}
