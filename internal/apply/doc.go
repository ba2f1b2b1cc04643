// Package apply writes children with server-side apply, after making sure that they are ours to write.
package apply
