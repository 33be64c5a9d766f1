package simslack

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// Slack's limits on blocks. All but the last are documented.
const (
	maxBlocks       = 50
	maxSectionText  = 3000
	maxFields       = 10
	maxFieldText    = 2000
	maxHeaderText   = 150
	maxContextParts = 10
	maxActions      = 25
	maxButtonText   = 75
	maxURL          = 3000
	maxBlockID      = 255
	maxBlocksText   = 13_000 // all text of all blocks; measured by users
)

// A block has the fields of all kinds of blocks and elements together.
type block struct {
	Type     string          `json:"type"`
	BlockID  string          `json:"block_id"`
	Text     json.RawMessage `json:"text"` // an object; in rich text a string
	Fields   []textObject    `json:"fields"`
	Elements []block         `json:"elements"`
	URL      string          `json:"url"`
	ImageURL string          `json:"image_url"`
	AltText  string          `json:"alt_text"`
	Name     string          `json:"name"` // of an emoji
}

type textObject struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// textObject reads Text as the object that it is outside rich text.
func (b block) textObject() (t textObject, ok bool) {
	return t, json.Unmarshal(b.Text, &t) == nil && t.Type != ""
}

func parseBlocks(raw json.RawMessage) ([]block, error) {
	var blocks []block
	err := json.Unmarshal(raw, &blocks)
	return blocks, err
}

// checkBlocks returns nil for blocks that Slack would take.
func checkBlocks(raw json.RawMessage) *problem {
	if !json.Valid(raw) {
		return &problem{name: "invalid_blocks_format"}
	}
	blocks, err := parseBlocks(raw)
	if err != nil {
		return &problem{name: "invalid_blocks_format", messages: []string{err.Error()}}
	}
	var c blockChecker
	if len(blocks) > maxBlocks {
		c.complain("/blocks", "no more than %d items allowed", maxBlocks)
	}
	ids := make(map[string]bool)
	for n, b := range blocks {
		at := fmt.Sprintf("/blocks/%d", n)
		if len(b.BlockID) > maxBlockID || b.BlockID != "" && ids[b.BlockID] {
			c.complain(at+"/block_id", "must be unique and have no more than %d characters", maxBlockID)
		}
		ids[b.BlockID] = true
		c.block(at, b)
	}
	if len(c.messages) > 0 {
		return &problem{name: "invalid_blocks", messages: c.messages}
	}
	if textLength(raw) > maxBlocksText {
		return &problem{name: "msg_blocks_too_long"}
	}
	return nil
}

type blockChecker struct{ messages []string }

func (c *blockChecker) complain(at, format string, args ...any) {
	c.messages = append(c.messages, fmt.Sprintf("[ERROR] "+format, args...)+" [json-pointer:"+at+"]")
}

func (c *blockChecker) block(at string, b block) {
	switch b.Type {
	case "section":
		if b.Text == nil && len(b.Fields) == 0 {
			c.complain(at, "needs text or fields")
		}
		if b.Text != nil {
			c.text(at+"/text", b, maxSectionText, "mrkdwn", "plain_text")
		}
		if len(b.Fields) > maxFields {
			c.complain(at+"/fields", "no more than %d items allowed", maxFields)
		}
		for n, f := range b.Fields {
			c.length(fmt.Sprintf("%s/fields/%d/text", at, n), f, maxFieldText, "mrkdwn", "plain_text")
		}
	case "header":
		c.text(at+"/text", b, maxHeaderText, "plain_text")
	case "context":
		c.elements(at, b, maxContextParts)
		for n, e := range b.Elements {
			if e.Type != "image" {
				t := textObject{Type: e.Type}
				json.Unmarshal(e.Text, &t.Text) // a failure leaves it empty, which is refused
				c.length(fmt.Sprintf("%s/elements/%d", at, n), t, maxSectionText, "mrkdwn", "plain_text")
			}
		}
	case "actions":
		c.elements(at, b, maxActions)
		for n, e := range b.Elements {
			at := fmt.Sprintf("%s/elements/%d", at, n)
			if e.Type == "button" {
				c.text(at+"/text", e, maxButtonText, "plain_text")
			}
			if len(e.URL) > maxURL {
				c.complain(at+"/url", "must be no more than %d characters", maxURL)
			}
		}
	case "image":
		if b.ImageURL == "" || b.AltText == "" {
			c.complain(at, "needs image_url and alt_text")
		}
	case "divider", "rich_text", "markdown":
	default:
		c.complain(at+"/type", "unsupported type: %s", b.Type)
	}
}

func (c *blockChecker) elements(at string, b block, most int) {
	if len(b.Elements) == 0 || len(b.Elements) > most {
		c.complain(at+"/elements", "must have between 1 and %d items", most)
	}
}

func (c *blockChecker) text(at string, b block, most int, types ...string) {
	t, ok := b.textObject()
	if !ok {
		c.complain(at, "must be a text object")
		return
	}
	c.length(at, t, most, types...)
}

func (c *blockChecker) length(at string, t textObject, most int, types ...string) {
	for _, known := range types {
		if t.Type != known {
			continue
		}
		switch n := utf8.RuneCountInString(t.Text); {
		case n == 0:
			c.complain(at, "must be more than 0 characters")
		case n > most:
			c.complain(at, "must be less than %d characters", most+1)
		}
		return
	}
	c.complain(at, "unsupported type: %s", t.Type)
}

// textLength adds up every string named "text" anywhere in the blocks.
func textLength(raw json.RawMessage) int {
	var tree any
	if json.Unmarshal(raw, &tree) != nil {
		return 0
	}
	var walk func(any) int
	walk = func(v any) int {
		sum := 0
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				sum += walk(e)
			}
		case map[string]any:
			for k, e := range v {
				if s, ok := e.(string); ok && k == "text" {
					sum += utf8.RuneCountInString(s)
					continue
				}
				sum += walk(e)
			}
		}
		return sum
	}
	return walk(tree)
}
