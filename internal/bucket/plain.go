package bucket

import (
	"errors"
	"fmt"
)

// refused is what an S3 server said.
type refused interface {
	error
	ErrorCode() string
	ErrorMessage() string
}

// Plain leaves the number of the request out: it is another one at each look, and trouble that stays must not read as new.
func Plain(err error) error {
	if said := refused(nil); errors.As(err, &said) {
		return fmt.Errorf("the server says %s: %s", said.ErrorCode(), said.ErrorMessage())
	}
	return err
}
