package dcs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"strings"

	"github.com/sslwatch/sslwatch/internal/reason"
)

// fault is what a body says that is not an SSL state.
type fault struct {
	// api tells that the API or its gateway wrote the body, in any of its
	// shapes, and not something on the way to it.
	api bool
	// code and message are as written, not fit to be shown.
	code, message string
	requestID     string
}

// readFault reads the shapes of facts page 4: of DCS v2 and the gateway
// {"error_code","error_msg"}, of DCS v1 and IAM {"error":{"code","message"}}.
func readFault(o map[string]json.RawMessage) fault {
	f := fault{
		code:      scalar(o["error_code"]),
		message:   scalar(o["error_msg"]),
		requestID: scalar(o["request_id"]),
	}
	if inner, ok := object(o["error"]); ok && f.code == "" && f.message == "" {
		f.code, f.message = scalar(inner["code"]), scalar(inner["message"])
		if f.message == "" {
			f.message = scalar(inner["title"])
		}
	}
	f.api = f.code != "" || f.message != ""
	return f
}

// canonical returns a code in the form in which the tables have it. Codes
// also come as bare numbers, in the older form 111404022 (111, the status,
// the last digits), and from some gateways as APIG.
func canonical(code string) string {
	code = strings.ToUpper(strings.TrimSpace(code))
	switch code {
	case "111404022":
		return "DCS.3022"
	case "111400201": // by the pattern of the others; no table has it
		return "DCS.4201"
	}
	if len(code) == 4 && strings.Trim(code, "0123456789") == "" {
		return "DCS." + code
	}
	if n, ok := strings.CutPrefix(code, "APIG."); ok {
		return "APIGW." + n
	}
	return code
}

// nature says what a body is that the API did not write, for a person to
// recognise who did.
func (a answer) nature(out *redactor) reason.Reason {
	body := bytes.TrimSpace(a.Body)
	begins := reason.Args{"body": out.text(string(body), 80)}
	switch {
	case len(body) == 0:
		return reason.New(reason.EmptyBody, nil)
	case a.isPage() || isHTML(body):
		if t := out.text(title(body), 100); t != "" {
			return reason.New(reason.Page, reason.Args{"title": t})
		}
		return reason.New(reason.UntitledPage, nil)
	case json.Valid(body):
		if f := a.fault(); f.api {
			return reason.New(reason.SaysFault, reason.Args{"detail": out.detail(f.code, f.message)})
		}
		return reason.New(reason.OtherJSON, begins)
	case body[0] == '{':
		return reason.New(reason.BrokenJSON, begins)
	}
	return reason.New(reason.NotJSON, begins)
}

// isPage reports whether an answer says that it is an HTML page.
func (a answer) isPage() bool {
	kind, _, _ := strings.Cut(strings.ToLower(a.Header.Get("Content-Type")), ";")
	return strings.TrimSpace(kind) == "text/html"
}

// fault reads the body as one.
func (a answer) fault() fault {
	o, _ := object(a.Body)
	return readFault(o)
}

func isHTML(body []byte) bool {
	start := bytes.ToLower(body[:min(len(body), 256)])
	for _, tag := range []string{"<!doctype html", "<html", "<head", "<body", "<title"} {
		if bytes.Contains(start, []byte(tag)) {
			return true
		}
	}
	return false
}

// title returns the title of an HTML page, or "".
func title(page []byte) string {
	const head = 16 << 10 // it stands near the start
	page = page[:min(len(page), head)]
	lower := lowerASCII(page)
	i := bytes.Index(lower, []byte("<title"))
	if i < 0 {
		return ""
	}
	open := bytes.IndexByte(lower[i:], '>')
	if open < 0 {
		return ""
	}
	i += open + 1
	end := bytes.IndexByte(lower[i:], '<')
	if end < 0 {
		end = len(lower) - i
	}
	return html.UnescapeString(string(page[i : i+end]))
}

// lowerASCII keeps every byte where it is, which bytes.ToLower does not.
func lowerASCII(b []byte) []byte {
	lower := bytes.Clone(b)
	for i, c := range lower {
		if 'A' <= c && c <= 'Z' {
			lower[i] = c + 'a' - 'A'
		}
	}
	return lower
}

// detail joins a code and a message, both of which may be empty.
func (r *redactor) detail(code, message string) string {
	code, message = r.text(code, 40), r.text(message, maxMessage)
	if code == "" || message == "" {
		return code + message
	}
	return fmt.Sprintf("%s: %s", code, message)
}
