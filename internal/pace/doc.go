// Package pace holds back what should be done only every so often, for each of many objects.
package pace
