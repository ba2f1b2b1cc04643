// Package task holds the documents that tell a worker what to do: the one contract between the controllers that start
// pods and the worker subcommands that run in them. A task is handed over as JSON in the environment variable TRYON_TASK
// and decoded strictly, so a worker never guesses.
package task
