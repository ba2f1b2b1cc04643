// Package catalogue reads garments by id from a folder or a bucket, with a bounded cache of the encoded files.
package catalogue
