// Package route decides which version answers a request: it follows the control document, deals out the candidate's share exactly, and asks the
// candidate in such a way that a fault of it costs no request.
package route
