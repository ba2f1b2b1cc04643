// Package page writes a report on the data unit tests in its three forms: JSON, JUnit XML, and one self-contained HTML page with
// thumbnails of the offenders.
package page
