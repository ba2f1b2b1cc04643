// Package picture turns shoppers' pictures into a model's input and a model's output into a shopper's picture. It is pure: pixels in, pixels out.
//
// The way in: input gate, garment mask (given, from transparency, or derived from a plain background), letterbox. The way out: find what the
// try-on changed, feather it, and lay only that over the shopper's own photo at its own resolution, so that face and background stay theirs.
package picture
