// Package archtest holds the layers of the code over what packages import transitively. The linter's lists (.golangci.yml)
// hold them file by file, where a mistake is made; this test holds them also through third packages. It has no code of its
// own.
package archtest
