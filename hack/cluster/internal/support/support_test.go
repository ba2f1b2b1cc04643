package support

import (
	"errors"
	"strings"
	"testing"
)

func TestOnlyRootOnLinuxCanRunTheCluster(t *testing.T) {
	for name, test := range map[string]struct {
		system  string
		user    int
		wantErr bool
	}{
		"root on Linux":   {system: "linux"},
		"a user on Linux": {system: "linux", user: 1000, wantErr: true},
		"a Mac":           {system: "darwin", wantErr: true},
		"Windows":         {system: "windows", user: -1, wantErr: true},
	} {
		t.Run(name, func(t *testing.T) {
			err := check(test.system, test.user)
			if errors.Is(err, Err) != test.wantErr {
				t.Fatalf("error = %v", err)
			}
			if err == nil {
				return
			}
			for _, want := range []string{"CLUSTER=kind", "CLUSTER=current"} {
				if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
					t.Errorf("not one line with %s: %q", want, err)
				}
			}
		})
	}
}
