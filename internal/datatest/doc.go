// Package datatest holds the unit tests of try-on datasets: what must be true of the data before a GPU is asked for.
//
// A check is a small named unit with a severity (Block, Warn, Report) and a budget, the share of offenders it allows; users
// override both by name. One pass decodes every row once, on all cores, and shows it to every check; what is kept per row is a
// few hundred bytes. Checks do not overlap: a file that is missing is the business of manifest-completeness and of no other
// check, so that a report names the cause and not its echoes.
//
// Could not measure (Errored) is never the same as measured and bad (Failed).
package datatest
