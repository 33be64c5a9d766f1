package check

import (
	"cmp"
	"fmt"
	"strings"
)

// Key identifies a subject: an instance, or with an empty InstanceID a whole
// project. As text it is project_id/instance_id, or the project_id alone.
type Key struct{ ProjectID, InstanceID string }

// IsProject reports whether the key is that of a whole project.
func (k Key) IsProject() bool { return k.InstanceID == "" }

// OfProject returns the key of the project that the subject belongs to.
func (k Key) OfProject() Key { return Key{ProjectID: k.ProjectID} }

// Compare orders keys as their texts.
func (k Key) Compare(other Key) int {
	return cmp.Or(cmp.Compare(k.ProjectID, other.ProjectID), cmp.Compare(k.InstanceID, other.InstanceID))
}

func (k Key) String() string {
	if k.IsProject() {
		return k.ProjectID
	}
	return k.ProjectID + "/" + k.InstanceID
}

// MarshalText writes the key as String does.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what MarshalText writes, and nothing else.
func (k *Key) UnmarshalText(text []byte) error {
	project, instance, isInstance := strings.Cut(string(text), "/")
	if project == "" || isInstance && instance == "" || strings.Contains(instance, "/") {
		return fmt.Errorf("%q is not a valid key of an instance or a project", text)
	}
	*k = Key{ProjectID: project, InstanceID: instance}
	return nil
}
