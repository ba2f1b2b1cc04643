// Package garment makes the tops of a drawn dataset: sleeves, neckline and hem of the cut, fabric and print of the texture.
// A garment knows no body; internal/synth/drape puts it on one.
package garment
