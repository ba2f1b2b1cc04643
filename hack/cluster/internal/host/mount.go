package host

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
)

// ParseMounts returns the mount points of a /proc/<pid>/mounts table, in its order. Spaces and other
// octal-escaped characters are decoded.
func ParseMounts(table io.Reader) ([]string, error) {
	var points []string
	scanner := bufio.NewScanner(table)
	scanner.Buffer(nil, 1<<20) // overlay options name every layer
	for scanner.Scan() {
		fields := strings.Fields(scanner.Text())
		if len(fields) < 4 {
			return nil, fmt.Errorf("mount table has a line of %d fields", len(fields))
		}
		points = append(points, unescape(fields[1]))
	}
	if err := scanner.Err(); err != nil {
		return nil, fmt.Errorf("reading mount table: %w", err)
	}
	return points, nil
}

// MountsBelow returns the mount points below a folder, the last mounted first, so that unmounting in this order works.
func MountsBelow(folder string) ([]string, error) {
	table, err := os.Open("/proc/self/mounts")
	if err != nil {
		return nil, fmt.Errorf("opening mount table: %w", err)
	}
	defer table.Close()
	points, err := ParseMounts(table)
	if err != nil {
		return nil, err
	}
	below := slices.DeleteFunc(points, func(point string) bool { return !strings.HasPrefix(point, folder+"/") })
	slices.Reverse(below)
	return below, nil
}

// UnmountBelow unmounts everything below a folder; what is busy is detached and goes with its last user.
func UnmountBelow(folder string) error {
	points, err := MountsBelow(folder)
	if err != nil {
		return err
	}
	var errs []error
	for _, point := range points {
		err := syscall.Unmount(point, 0)
		if errors.Is(err, syscall.EBUSY) {
			err = syscall.Unmount(point, syscall.MNT_DETACH)
		}
		if err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOENT) {
			errs = append(errs, fmt.Errorf("unmounting %s: %w", point, err))
		}
	}
	return errors.Join(errs...)
}

// unescape decodes the \ooo sequences of the kernel's mount table.
func unescape(field string) string {
	var out strings.Builder
	for i := 0; i < len(field); i++ {
		if field[i] == '\\' && i+3 < len(field) {
			if value, ok := octal(field[i+1 : i+4]); ok {
				out.WriteByte(value)
				i += 3
				continue
			}
		}
		out.WriteByte(field[i])
	}
	return out.String()
}

func octal(digits string) (byte, bool) {
	value := 0
	for _, digit := range digits {
		if digit < '0' || digit > '7' {
			return 0, false
		}
		value = value*8 + int(digit-'0')
	}
	return byte(value), value < 256
}
