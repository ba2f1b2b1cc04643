package kube

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestATableHasTheColumnsThatATerminalHasRoomFor(t *testing.T) {
	got := render(metav1.Table{
		ColumnDefinitions: []metav1.TableColumnDefinition{{Name: "Name"}, {Name: "URL", Priority: 1}, {Name: "Stable"}, {Name: "Candidate"}},
		Rows:              []metav1.TableRow{{Cells: []any{"storefront", "http://x", "tops-v3", nil}}, {Cells: []any{"other"}}},
	})
	want := "NAME         STABLE    CANDIDATE\nstorefront   tops-v3   \nother                  \n"
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
