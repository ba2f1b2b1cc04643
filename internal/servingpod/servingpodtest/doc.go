// Package servingpodtest makes serving pods for tests.
package servingpodtest
