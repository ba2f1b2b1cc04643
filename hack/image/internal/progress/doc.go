// Package progress tells a person at a terminal what a build is doing, how long that usually takes, and how long it took.
package progress
