package config

import (
	"context"
	"io/fs"
	"path/filepath"

	"github.com/sslwatch/sslwatch/internal/config/sdkchain"
	"github.com/sslwatch/sslwatch/internal/config/tomlfile"
	"github.com/sslwatch/sslwatch/internal/secret"
)

// document is a configuration that is being read, with what it refers to.
type document struct {
	tomlfile.Document
	dir     string // what relative paths in it are relative to
	lookup  func(string) (string, bool)
	need    Need
	ctx     context.Context // bounds the reading of files
	mode    fs.FileMode     // the permissions of the file
	files   []File
	secrets []secret.Text
	chain   *sdkchain.Chain // nil until a project needs it
}

func newDocument(path string, lookup func(string) (string, bool), need Need) *document {
	return &document{
		Document: tomlfile.Document{File: path, Quote: quote, Nested: tablesOfNamed},
		dir:      filepath.Dir(path), lookup: lookup, need: need, ctx: context.Background(),
	}
}
