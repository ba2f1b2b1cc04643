// Package capture keeps answered try-ons for a while, in a folder or a bucket that the owner of a TryOnDeployment named in spec.capture.
//
// A captured request is one file: a ZIP archive of the pictures that the model saw and made, at the network's resolution, and a small JSON
// document. What the shopper uploaded, the headers and the address are not in it. Its name begins with the time of the answer, so that a
// listing alone tells what is too old; whoever adds a file removes what is (Sweep). A page made of captured pictures lies beside them under
// the time of its oldest one and goes with it.
//
// The folder is written by several pods, and what is read from it is not trusted: names, sizes and pictures are checked.
package capture
