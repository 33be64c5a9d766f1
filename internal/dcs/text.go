package dcs

import (
	"errors"

	"github.com/sslwatch/sslwatch/internal/secret"
	"github.com/sslwatch/sslwatch/internal/text"
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
	s = text.Cut(text.Clean(s), 4*limit)
	return text.Cut(text.Clean(secret.Redact(s, r.secrets...)), limit)
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
