package control

import (
	"crypto/rand"
	"encoding/hex"
)

// NewInstance names one count of a process, in 32 hexadecimal digits: totals of another process, or under another document, are not its own.
func NewInstance() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
