// Package shopper is the wire form of the Shopper API: requests as multipart form or JSON, the choice of the reply's type, and replies as PNG,
// JPEG or JSON. It knows no network and no model. Every error is a *problem.Problem.
package shopper
