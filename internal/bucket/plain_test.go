package bucket

import (
	"errors"
	"fmt"
	"testing"
)

// refusal is what the S3 client makes of a server's answer, with the number of the request.
type refusal struct{ request int }

func (r refusal) Error() string      { return fmt.Sprintf("StatusCode: 403, RequestID: %d", r.request) }
func (refusal) ErrorCode() string    { return "AccessDenied" }
func (refusal) ErrorMessage() string { return "Access Denied." }

func TestARefusalReadsTheSameEachTime(t *testing.T) {
	for request := range 2 {
		if got := Plain(fmt.Errorf("writing: %w", refusal{request})).Error(); got != "the server says AccessDenied: Access Denied." {
			t.Errorf("got %q", got)
		}
	}
	if other := errors.New("no such host"); !errors.Is(Plain(other), other) {
		t.Error("another error is not left as it is")
	}
}
