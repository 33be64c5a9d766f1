package dcs

import (
	"errors"
	"strings"
	"unicode"

	"github.com/sslwatch/sslwatch/internal/secret"
)

// maxMessage is how many characters of a message of the API are kept.
const maxMessage = 300

// A redactor makes text from outside fit to be shown: on one line, short,
// and without the secrets that it was told of. The zero value knows none.
type redactor struct{ secrets []secret.Text }

// add tells of secrets.
func (r *redactor) add(secrets ...secret.Text) { r.secrets = append(r.secrets, secrets...) }

// text returns s in at most limit characters.
func (r *redactor) text(s string, limit int) string {
	// Redacting shortens and lengthens, so some more than the limit is
	// taken first. That cut may go through a secret, which Redact bears.
	s = strings.TrimSpace(secret.Redact(oneLine(s, 4*limit), r.secrets...))
	runes := []rune(s)
	if len(runes) > limit {
		return string(runes[:limit-1]) + "…"
	}
	return s
}

// oneLine returns the first limit characters of s, in which every run of
// space, control and format characters is one space.
func oneLine(s string, limit int) string {
	var b strings.Builder
	n, space := 0, false
	for _, c := range s {
		if unicode.IsSpace(c) || !unicode.IsPrint(c) {
			space = n > 0
			continue
		}
		if space {
			b.WriteByte(' ')
			n, space = n+1, false
		}
		if n >= limit {
			break
		}
		b.WriteRune(c) // U+FFFD for a broken byte
		n++
	}
	return b.String()
}

// cause returns an error that is err for errors.Is and errors.As, with a
// text that is fit to be shown: net/http quotes what it could not parse.
func (r *redactor) cause(err error) error {
	if err == nil {
		return nil
	}
	return &cause{r.text(err.Error(), maxMessage), err}
}

// cause has no Unwrap, which would lead to the text that it stands for.
type cause struct {
	text string
	err  error
}

var _ error = (*cause)(nil)

func (c *cause) Error() string        { return c.text }
func (c *cause) Is(target error) bool { return errors.Is(c.err, target) }
func (c *cause) As(target any) bool   { return errors.As(c.err, target) }
