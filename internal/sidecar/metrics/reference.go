package metrics

import (
	"cmp"
	"slices"
	"strings"
)

// Row is a metric as the reference in docs lists it.
type Row struct{ Name, Type, Labels, Help string }

// Reference lists the sidecar's own metrics by name.
func Reference() []Row {
	rows := make([]Row, 0, len(families))
	for _, f := range families {
		labels := make([]string, 0, len(f.labels))
		for _, l := range f.labels {
			labels = append(labels, l.name+" ("+l.values+")")
		}
		rows = append(rows, Row{Name: namespace + "_" + subsystem + "_" + f.name, Type: f.kind, Labels: strings.Join(labels, "; "), Help: f.help})
	}
	slices.SortFunc(rows, func(a, b Row) int { return cmp.Compare(a.Name, b.Name) })
	return rows
}
