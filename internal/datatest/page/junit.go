package page

import (
	"encoding/xml"
	"fmt"
	"strings"

	"github.com/braincreators/tryon-operator/internal/datatest"
	"github.com/braincreators/tryon-operator/internal/report"
)

type junitSuite struct {
	XMLName  xml.Name    `xml:"testsuite"`
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string      `xml:"name,attr"`
	Class   string      `xml:"classname,attr"`
	Failure *junitFault `xml:"failure,omitempty"`
	Error   *junitFault `xml:"error,omitempty"`
	Skipped *struct{}   `xml:"skipped,omitempty"`
	Output  string      `xml:"system-out,omitempty"`
}

type junitFault struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// junit gives the report in the XML that build systems show. Only checks that block fail; warnings are a test's output.
func junit(f *datatest.Full) ([]byte, error) {
	s := junitSuite{Name: "data tests of " + f.Dataset, Tests: len(f.Checks)}
	for _, r := range f.Checks {
		c := junitCase{Name: r.Name, Class: "tryon.data-tests"}
		switch {
		case r.Severity == datatest.Off:
			s.Skipped++
			c.Skipped = &struct{}{}
		case r.Verdict == report.Errored:
			s.Errors++
			c.Error = &junitFault{Message: r.Note}
		case r.Verdict == report.Failed && r.Severity == datatest.Block:
			s.Failures++
			c.Failure = &junitFault{Message: r.Finding(), Text: offenderLines(r)}
		case r.Offenders > 0:
			c.Output = fmt.Sprintf("%s: %s\n%s", r.Severity, r.Finding(), offenderLines(r))
		}
		s.Cases = append(s.Cases, c)
	}
	body, err := xml.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encoding JUnit report: %w", err)
	}
	return append([]byte(xml.Header), append(body, '\n')...), nil
}

func offenderLines(r datatest.Result) string {
	var out strings.Builder
	for _, o := range r.Named {
		fmt.Fprintf(&out, "%s: %s\n", o.Path, o.Detail)
	}
	if more := r.Offenders - int64(len(r.Named)); more > 0 {
		fmt.Fprintf(&out, "and %d more\n", more)
	}
	return out.String()
}
