package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const traced = "seconds,rate,replicas,ready,backlog\n0.0,0.5,1,1,0.0\n30.2,2.5,1,1,3.4\n41.0,2.5,3,1,9.7\n80.5,2.5,3,3,1.0\n120.0,0.5,1,1,0.0\n"

func TestATraceIsDrawn(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "scaling.csv")
	for name, text := range map[string]string{file: traced, filepath.Join(folder, page): "before\n" + traces.begin + traces.end + "after\n"} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := writeTrace(file, folder); err != nil {
		t.Fatal(err)
	}
	picture, err := os.ReadFile(filepath.Join(folder, tracePicture))
	if err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(bytes.NewReader(picture)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("the picture is not XML: %v", err)
		}
	}
	text, err := os.ReadFile(filepath.Join(folder, page))
	if err != nil {
		t.Fatal(err)
	}
	if want := "From 0.50 to 2.50 requests per second and back: replicas 1, 3, 1, and a backlog of at most 9.7 s."; !strings.Contains(string(text), want) {
		t.Errorf("the page lacks %q:\n%s", want, text)
	}
	for _, want := range []string{">9</text>", ">2 min</text>", "replicas"} {
		if !strings.Contains(string(picture), want) {
			t.Errorf("the picture lacks %s", want)
		}
	}
}

func TestWhatIsNoTraceIsAnError(t *testing.T) {
	for name, body := range map[string]string{
		"nothing": "", "other columns": "a,b\n1,2\n3,4\n", "one row": strings.Join(strings.SplitAfter(traced, "\n")[:2], ""),
		"a word": strings.Replace(traced, "9.7", "much", 1), "not a number": strings.Replace(traced, "9.7", "NaN", 1),
		"time goes back": strings.Replace(traced, "80.5", "1", 1), "no time": "seconds,rate,replicas,ready,backlog\n0,1,1,1,0\n0,1,1,1,0\n",
	} {
		t.Run(name, func(t *testing.T) {
			if run, err := readTrace([]byte(body)); err == nil {
				t.Errorf("got %+v", run)
			}
		})
	}
}
