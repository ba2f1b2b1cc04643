// Package strict reads JSON of other programs: bounded, without unknown fields, and nothing after it.
package strict
