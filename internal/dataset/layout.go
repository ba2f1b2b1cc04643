package dataset

import (
	"fmt"
	"path"
	"strings"
)

// Role is what a file is to its row.
type Role string

// Roles in VITON-HD's layout; the value is the folder's name.
const (
	RolePerson   Role = "image"
	RoleGarment  Role = "cloth"
	RoleMask     Role = "cloth-mask"
	RoleParse    Role = "image-parse-v3"
	RolePose     Role = "openpose_json"
	RoleAgnostic Role = "agnostic-v3.2"
)

// Roles in the order in which everything treats them.
var Roles = []Role{RolePerson, RoleGarment, RoleMask, RoleParse, RolePose, RoleAgnostic}

// OfGarment tells whether files of the role are named after the garment and not after the person.
func (r Role) OfGarment() bool { return r == RoleGarment || r == RoleMask }

// suffix is what the role's files carry after the row's stem, before the extension.
func (r Role) suffix() string {
	if r == RolePose {
		return "_keypoints"
	}
	return ""
}

// Stem is the row that a file of the role belongs to.
func (r Role) Stem(file string) string { return strings.TrimSuffix(stem(file), r.suffix()) }

// Index finds files by split, role and stem.
type Index struct {
	files map[string]map[Role][]File
	rows  map[string]map[Role]map[string]File
}

// MakeIndex sorts a manifest's files into the layout. Files elsewhere are none of the rows' business.
func MakeIndex(m *Manifest) *Index {
	x := &Index{files: map[string]map[Role][]File{}, rows: map[string]map[Role]map[string]File{}}
	for _, split := range Splits {
		x.files[split], x.rows[split] = map[Role][]File{}, map[Role]map[string]File{}
		for _, role := range Roles {
			x.rows[split][role] = map[string]File{}
		}
	}
	for _, f := range m.Files {
		split, rest, _ := strings.Cut(f.Path, "/")
		folder := Role(path.Dir(rest))
		if rows, ok := x.rows[split][folder]; ok {
			x.files[split][folder] = append(x.files[split][folder], f)
			rows[folder.Stem(f.Path)] = f
		}
	}
	return x
}

// Files are the files of one folder, sorted by path.
func (x *Index) Files(split string, role Role) []File { return x.files[split][role] }

// Find gives the file of a row. The name in a pair list decides for persons and garments; the other roles follow its stem.
func (x *Index) Find(split string, role Role, name string) (File, bool) {
	f, ok := x.rows[split][role][stem(name)]
	if ok && (role == RolePerson || role == RoleGarment) && path.Base(f.Path) != name {
		return File{}, false
	}
	return f, ok
}

// Expected is the path a row's file of that role should have, for messages.
func Expected(split string, role Role, name string) string {
	extension := ".png"
	switch role {
	case RolePerson, RoleGarment:
		extension = path.Ext(name)
	case RolePose:
		extension = ".json"
	}
	return fmt.Sprintf("%s/%s/%s%s%s", split, role, stem(name), role.suffix(), extension)
}

// discover checks that a manifest holds the declared layout at all, with words for whoever pointed at the wrong folder.
func discover(m *Manifest, layout string) error {
	if layout != LayoutVITONHD {
		return fmt.Errorf("%w: %q is not supported, only %s is", ErrLayout, layout, LayoutVITONHD)
	}
	if len(m.Files) == 0 {
		return ErrEmpty
	}
	x := MakeIndex(m)
	for _, split := range Splits {
		if len(x.files[split][RolePerson]) > 0 {
			return nil
		}
	}
	top := map[string]bool{}
	for _, f := range m.Files {
		first, _, _ := strings.Cut(f.Path, "/")
		if len(top) < 8 {
			top[first] = true
		}
	}
	names := make([]string, 0, len(top))
	for name := range top {
		names = append(names, name)
	}
	return fmt.Errorf("%w: neither train/image nor test/image among %d files; the top level holds %s", ErrLayout, len(m.Files), listed(names))
}

// ByStem gives the file of a row whatever its extension.
func (x *Index) ByStem(split string, role Role, stem string) (File, bool) {
	f, ok := x.rows[split][role][stem]
	return f, ok
}
