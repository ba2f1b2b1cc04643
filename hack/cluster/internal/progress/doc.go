// Package progress tells a person what is being done and how long it usually takes.
package progress
