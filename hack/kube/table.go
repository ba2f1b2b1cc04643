package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"text/tabwriter"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
)

// Table is what kubectl get prints for a resource of the operator in Namespace, such as tryondeployments.
func (k *Cluster) Table(ctx context.Context, resource string) (string, error) {
	url := fmt.Sprintf("%s/apis/%s/namespaces/%s/%s", k.config.Host, v1alpha1.GroupVersion, Namespace, resource)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return "", fmt.Errorf("making request: %w", err)
	}
	req.Header.Set("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io")
	res, err := k.http.Do(req)
	if err != nil {
		return "", fmt.Errorf("asking for %s: %w", resource, err)
	}
	defer func() { _ = res.Body.Close() }()
	const limit = 4 << 20
	body, err := io.ReadAll(io.LimitReader(res.Body, limit))
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", resource, err)
	}
	if res.StatusCode != http.StatusOK {
		return "", &AnswerError{Status: res.StatusCode, Body: string(body)}
	}
	var table metav1.Table
	if err := json.Unmarshal(body, &table); err != nil {
		return "", fmt.Errorf("reading table of %s: %w", resource, err)
	}
	return render(table), nil
}

// render writes the columns that a terminal has room for.
func render(table metav1.Table) string {
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 3, ' ', 0)
	line := func(cell func(i int) string) {
		var cells []string
		for i, column := range table.ColumnDefinitions {
			if column.Priority == 0 {
				cells = append(cells, cell(i))
			}
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	line(func(i int) string { return strings.ToUpper(table.ColumnDefinitions[i].Name) })
	for _, row := range table.Rows {
		line(func(i int) string {
			if i >= len(row.Cells) || row.Cells[i] == nil {
				return ""
			}
			return fmt.Sprint(row.Cells[i])
		})
	}
	_ = w.Flush()
	return out.String()
}
