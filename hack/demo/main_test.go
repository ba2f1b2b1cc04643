package main

import (
	"strings"
	"testing"
)

func TestADemoThatCannotWorkHereSaysSoAtOnceAndNamesAWayOut(t *testing.T) {
	root, user := machine{"linux", 0}, machine{"linux", 1000}
	tests := map[string]struct {
		machine machine
		options options
		want    string
	}{
		"a local cluster as root":          {root, options{cluster: "local"}, ""},
		"a local cluster as somebody else": {user, options{cluster: "local"}, "CLUSTER=kind"},
		"a local cluster off Linux":        {machine{"darwin", 0}, options{cluster: "local"}, "CLUSTER=current"},
		"kind as somebody else":            {user, options{cluster: "kind"}, ""},
		"the current cluster, no registry": {user, options{cluster: "current"}, "REGISTRY="},
		"the current cluster":              {user, options{cluster: "current", registry: "ghcr.io/me/tryon"}, ""},
		"a cluster of another name":        {user, options{cluster: "minikube"}, "use local, kind or current"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			err := tt.options.check(tt.machine)
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("it was refused: %v", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n")):
				t.Errorf("error %v, want one line with %q", err, tt.want)
			}
		})
	}
}
