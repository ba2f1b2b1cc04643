// Package image makes a container image of a few files and pushes it to a registry, without a container engine.
package image
