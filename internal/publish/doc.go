// Package publish composes what is served of a version: the checked ONNX graph and its signature from the serving stage, the
// golden requests from the evaluation, and a card that says what the weights are made of. The composed tree's digest is the
// version's identity; nothing in it depends on when or where it was made.
package publish
