// Package assemble makes an image of a recipe's final stage: the layers of its base, one layer for each COPY, and the
// configuration that its lines give. The same input gives the same digest.
package assemble
