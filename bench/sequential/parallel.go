package main

import (
	"errors"
	"runtime"
	"sync"
)

// each runs f for 0..n-1 on all processors.
func each(n int, f func(i int) error) error {
	var wait sync.WaitGroup
	errs := make([]error, runtime.GOMAXPROCS(0))
	for w := range errs {
		wait.Go(func() {
			for i := w; i < n && errs[w] == nil; i += len(errs) {
				errs[w] = f(i)
			}
		})
	}
	wait.Wait()
	return errors.Join(errs...)
}
