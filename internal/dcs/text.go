package dcs

import (
	"errors"
	"strings"

	"github.com/sslwatch/sslwatch/internal/reason"
	"github.com/sslwatch/sslwatch/internal/secret"
	"github.com/sslwatch/sslwatch/internal/text"
)

// maxMessage is how many characters of a message of the API are kept.
const maxMessage = 300

// A redactor makes text from outside fit to be shown: on one line, short,
// and without the secrets that it was told of. The zero value knows none.
type redactor struct {
	known      *secret.Redactor
	accessKeys []string
}

// addCredential tells of a credential, whose secrets a redactor knows. The access
// key is one of the secrets: when both keys were exchanged, or one was put in the
// other's place, what stands there is the secret key. It is shown by its
// beginning.
func (r *redactor) addCredential(c Credential, known *secret.Redactor) {
	r.known = r.known.And(known)
	if !c.accessKey.IsZero() {
		r.accessKeys = append(r.accessKeys, c.accessKey.Reveal())
	}
}

// beginning returns what is shown of an access key: enough to tell one's own
// keys apart. Of what does not have the form of one nothing is shown.
func beginning(accessKey string) string {
	const length, shown = 20, 4
	if len(accessKey) != length || strings.Trim(accessKey, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != "" {
		return secret.New(accessKey).String()
	}
	return accessKey[:shown] + "…"
}

// add tells of secrets.
func (r *redactor) add(secrets ...secret.Text) { r.known = r.known.With(secrets...) }

// text returns s in at most limit characters.
func (r *redactor) text(s string, limit int) string {
	// Redacting shortens and lengthens, so some more than the limit is
	// taken first. That cut may go through a secret, which Redact bears.
	s = text.Cut(text.Clean(s), 4*limit)
	for _, key := range r.accessKeys {
		s = strings.ReplaceAll(s, key, beginning(key))
	}
	return text.Cut(text.Clean(r.known.Redact(s)), limit)
}

// reason returns one that is fit to be shown.
func (r *redactor) reason(why reason.Reason) reason.Reason {
	return why.Map(func(s string) string { return r.text(s, maxMessage) })
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
