// Package dice makes the choices of a drawn dataset. Every part of a row has a random stream of its own, so that adding a
// choice to hair does not move the arms, and no row depends on another.
package dice
