// Package drape puts a garment on a body: on the person who wears it, or on the invisible one that it is photographed on.
// Both views are one texture under two skeletons, so that a try-on method has a real warp to learn.
package drape
