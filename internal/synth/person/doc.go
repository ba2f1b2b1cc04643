// Package person makes the people of a drawn dataset: body, pose, skin, hair, trousers and the studio that they stand in.
// A person knows no garment; internal/synth/drape dresses it, between the layers that a Painter paints.
package person
