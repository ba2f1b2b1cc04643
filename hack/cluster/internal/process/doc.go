// Package process starts programs that outlive their starter, finds them again and ends them.
package process
