package cache

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Keep is how many entries of one name Fill leaves when it adds one: the current one and some for other work trees.
const Keep = 4

// Cache is a folder of entries.
type Cache struct {
	root string
}

// Open makes the cache folder. An empty dir means the user's: $TRYON_CACHE, or tryon-operator under $XDG_CACHE_HOME or ~/.cache.
func Open(dir string) (*Cache, error) {
	if dir == "" {
		dir = os.Getenv("TRYON_CACHE")
	}
	if dir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return nil, fmt.Errorf("finding the cache folder: %w", err)
		}
		dir = filepath.Join(user, "tryon-operator")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("finding the cache folder: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("making the cache folder: %w", err)
	}
	return &Cache{root: dir}, nil
}

// Path joins names to the cache's folder.
func (c *Cache) Path(names ...string) string {
	return filepath.Join(append([]string{c.root}, names...)...)
}

// Key is a digest (64 hexadecimal digits) of v's JSON form: what an entry is made from.
func Key(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		// Keys are made of our own structs of strings and numbers: a value that has no JSON form is a mistake in the code.
		panic(fmt.Sprintf("cache key: %v", err))
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// Fill returns the folder of the entry kind/name-key. When there is none, fill makes its content in an empty folder first.
// Older entries of the same name are removed, the newest Keep stay.
func (c *Cache) Fill(kind, name, key string, fill func(dir string) error) (string, error) {
	if len(key) < 16 {
		return "", fmt.Errorf("cache key %q is too short", key)
	}
	parent := c.Path(kind)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return "", fmt.Errorf("making the cache folder: %w", err)
	}
	place := filepath.Join(parent, name+"-"+key[:16])
	unlock, err := lock(filepath.Join(parent, "."+name+"-"+key[:16]+".lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(place); err == nil {
		// The time of use decides what prune removes; a cache on a read-only disk still serves.
		now := time.Now()
		_ = os.Chtimes(place, now, now)
		return place, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("looking into the cache: %w", err)
	}
	tmp, err := os.MkdirTemp(parent, ".fill-")
	if err != nil {
		return "", fmt.Errorf("making a cache entry: %w", err)
	}
	defer os.RemoveAll(tmp)
	if err := os.Chmod(tmp, 0o755); err != nil {
		return "", fmt.Errorf("making a cache entry: %w", err)
	}
	if err := fill(tmp); err != nil {
		return "", err
	}
	// What fills the folder may have given it an old time, and prune would take the new entry for the oldest.
	now := time.Now()
	if err := os.Chtimes(tmp, now, now); err != nil {
		return "", fmt.Errorf("making a cache entry: %w", err)
	}
	if err := os.Rename(tmp, place); err != nil {
		return "", fmt.Errorf("placing a cache entry: %w", err)
	}
	return place, c.prune(parent, name)
}

// prune removes the oldest entries of a name beyond Keep.
func (c *Cache) prune(parent, name string) error {
	list, err := os.ReadDir(parent)
	if err != nil {
		return fmt.Errorf("listing the cache: %w", err)
	}
	type entry struct {
		path string
		used time.Time
	}
	var entries []entry
	for _, e := range list {
		key, ok := strings.CutPrefix(e.Name(), name+"-")
		if !ok || len(key) != 16 {
			continue
		}
		info, err := e.Info()
		if err != nil {
			continue
		}
		entries = append(entries, entry{filepath.Join(parent, e.Name()), info.ModTime()})
	}
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(b.used.Compare(a.used), strings.Compare(a.path, b.path))
	})
	for i, e := range entries {
		if i < Keep {
			continue
		}
		if err := os.RemoveAll(e.path); err != nil {
			return fmt.Errorf("removing an old cache entry: %w", err)
		}
	}
	return nil
}

// lock takes an exclusive lock that ends with the process; unlock gives it back.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("locking a cache entry: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("locking a cache entry: %w", err)
	}
	return func() { f.Close() }, nil
}
