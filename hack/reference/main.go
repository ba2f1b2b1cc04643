// Command reference writes docs/reference from the code, so that it cannot go stale: conditions and reasons from the API's constants,
// data unit tests from the suite, errors of the Shopper API and metrics from the sidecar, and metrics of the manager with the chart's alerts.
package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"

	"github.com/braincreators/tryon-operator/internal/datatest"
	"github.com/braincreators/tryon-operator/internal/metrics"
	sidecar "github.com/braincreators/tryon-operator/internal/sidecar/metrics"
	"github.com/braincreators/tryon-operator/internal/sidecar/problem"
)

const folder = "docs/reference/"

func main() {
	if err := errors.Join(os.MkdirAll(folder, 0o755), writeConditions(), writeDataTests(), writeShopperErrors(), writeSidecarMetrics(), writeManagerMetrics()); err != nil {
		fmt.Fprintf(os.Stderr, "reference: %v\n", err)
		os.Exit(1)
	}
}

func writeConditions() error {
	file, err := parser.ParseFile(token.NewFileSet(), "api/v1alpha1/conditions.go", nil, parser.ParseComments)
	if err != nil {
		return fmt.Errorf("reading conditions: %w", err)
	}
	var b strings.Builder
	b.WriteString("# Conditions and reasons\n\nGenerated from `api/v1alpha1/conditions.go`. The reason of `Ready` names the current stage and is the STAGE column of `kubectl get`.\n")
	for _, decl := range file.Decls {
		block, ok := decl.(*ast.GenDecl)
		if !ok || block.Tok != token.CONST {
			continue
		}
		fmt.Fprintf(&b, "\n## %s\n\n| name | meaning |\n|---|---|\n", heading(block))
		for _, spec := range block.Specs {
			b.WriteString(row(block, spec))
		}
	}
	return write("conditions.md", b.String())
}

func heading(block *ast.GenDecl) string {
	if len(block.Specs) == 1 && !block.Lparen.IsValid() {
		return "The summary"
	}
	return strings.TrimSuffix(firstSentence(block.Doc.Text()), ".")
}

func row(block *ast.GenDecl, spec ast.Spec) string {
	value, ok := spec.(*ast.ValueSpec)
	if !ok || len(value.Values) != 1 {
		return ""
	}
	literal, ok := value.Values[0].(*ast.BasicLit)
	if !ok {
		return ""
	}
	doc := value.Doc.Text()
	if !block.Lparen.IsValid() {
		doc = block.Doc.Text()
	}
	if _, after, found := strings.Cut(doc, ": "); found {
		doc = after
	}
	return fmt.Sprintf("| `%s` | %s |\n", strings.Trim(literal.Value, `"`), strings.Join(strings.Fields(doc), " "))
}

func firstSentence(text string) string {
	before, _, _ := strings.Cut(strings.Join(strings.Fields(text), " "), ". ")
	return before
}

func writeDataTests() error {
	var b strings.Builder
	b.WriteString("# Data unit tests\n\nGenerated from `internal/datatest`. Severity and budget can be changed per model under `spec.dataTests.checks`.\n\n" +
		"| check | severity | budget | what holds | why |\n|---|---|---|---|---|\n")
	for _, check := range datatest.Checks() {
		fmt.Fprintf(&b, "| `%s` | %s | %.4g%% of %s | %s | %s |\n", check.Name, check.Severity, 100*check.Budget, check.Unit, check.Title, check.Why)
	}
	return write("data-tests.md", b.String())
}

func writeShopperErrors() error {
	var b strings.Builder
	b.WriteString("# Errors of the Shopper API\n\nGenerated from `internal/sidecar/problem`. Each is `application/problem+json` with `type`, `title`, `status`, `detail` and `code`; " +
		"codes do not change between releases.\n\n| status | code | meaning | what to do |\n|---|---|---|---|\n")
	for _, refusal := range problem.Refusals() {
		fmt.Fprintf(&b, "| %d | `%s` | %s | %s |\n", refusal.Status, refusal.Code, refusal.Title, refusal.Advice)
	}
	return write("shopper-errors.md", b.String())
}

func writeSidecarMetrics() error {
	var b strings.Builder
	b.WriteString("# Metrics of the sidecar\n\nGenerated from `internal/sidecar/metrics`; served at `/metrics` of the ops port, beside those of the Go runtime and the process. " +
		"All labels have closed sets of values.\n\n| metric | type | labels | what it is |\n|---|---|---|---|\n")
	for _, row := range sidecar.Reference() {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", row.Name, row.Type, row.Labels, row.Help)
	}
	return write("sidecar-metrics.md", b.String())
}

// managerMetrics says who may read them, and what is asked with them; ' stands for a backtick.
const managerMetrics = `
The manager that leads serves them, beside those of controller-runtime, the Go runtime and the process. Gauges are read from the objects at each scrape: a series goes with its
object. Counters begin at 0 with the manager. Labels have closed sets of values, but for the names of the objects that people have made.

## Who may read them

By default they are served by HTTPS at port 8443 of the Service '<release>-manager-metrics', to those alone whose token the cluster knows and who may get the non-resource URL
'/metrics'. Bind the ClusterRole '<release>-metrics-reader' to the service account of your Prometheus:

'''
kubectl create clusterrolebinding tryon-metrics --clusterrole=tryon-metrics-reader --serviceaccount=monitoring:prometheus-k8s
'''

The manager makes a certificate that nobody can verify, unless 'metrics.certificateSecret' of the chart names one. 'metrics.serviceMonitor.enabled' has the Prometheus operator
find them; without it, scrape with the scheme 'https', the token of that service account and 'honor_labels: true', so that the label 'namespace' stays that of the object.
'metrics.secure=false' serves them by plain HTTP at port 8080, to everybody whom the network lets through.

## Alerts

'metrics.prometheusRule.enabled' of the chart makes these rules for the Prometheus operator. They are examples: change what does not suit you.

'''
%s'''

What a reason asks for is in the page of its kind: [TryOnModel](../spec/tryonmodel.md), [TryOnDeployment](../spec/tryondeployment.md).
`

func writeManagerMetrics() error {
	alerts, err := os.ReadFile("charts/tryon-operator/files/alerts.yaml")
	if err != nil {
		return fmt.Errorf("reading alerts: %w", err)
	}
	var b strings.Builder
	b.WriteString("# Metrics of the manager\n\nGenerated from `internal/metrics` and `charts/tryon-operator/files/alerts.yaml`.\n\n| metric | type | labels | what it is |\n|---|---|---|---|\n")
	for _, row := range metrics.Reference() {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", row.Name, row.Type, row.Labels, row.Help)
	}
	fmt.Fprintf(&b, strings.ReplaceAll(managerMetrics, "'", "`"), alerts)
	return write("manager-metrics.md", b.String())
}

func write(name, text string) error {
	if err := os.WriteFile(folder+name, []byte(text), 0o644); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return nil
}
