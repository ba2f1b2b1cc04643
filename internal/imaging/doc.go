// Package imaging is what the project knows about pictures: reading them from strangers within limits, turning them upright,
// fitting them into a model's frame, measuring them, comparing them, finding near duplicates, and laying out contact sheets.
//
// Everything works on 8-bit sRGB and needs nothing but the standard library and golang.org/x/image.
package imaging
