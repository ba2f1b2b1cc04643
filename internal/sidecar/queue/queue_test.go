package queue

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestAFullQueueRefusesAtOnceWithATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(1, 1)
		leave, err := q.Enter(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(4 * time.Second)
		leave()
		leave, err = q.Enter(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		waited := make(chan error, 1)
		go func() {
			second, err := q.Enter(context.Background())
			if err == nil {
				second()
			}
			waited <- err
		}()
		synctest.Wait()
		if got := q.Backlog(); got != 8*time.Second {
			t.Errorf("backlog %s, want two runs of 4 s", got)
		}
		_, err = q.Enter(context.Background())
		var full *FullError
		if !errors.As(err, &full) || full.Expected != 8*time.Second {
			t.Errorf("a third request: %v, want a refusal that expects 8 s", err)
		}
		leave()
		if err := <-waited; err != nil {
			t.Errorf("the waiting request: %v", err)
		}
	})
}

func TestARequestThatCannotBeInTimeIsRefusedBeforeItWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(1, 10)
		leave, _ := q.Enter(context.Background())
		<-time.After(10 * time.Second)
		leave()
		_, err := q.Enter(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		short, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		start := time.Now()
		var full *FullError
		if _, err := q.Enter(short); !errors.As(err, &full) || time.Since(start) != 0 {
			t.Errorf("%v after %s, want a refusal at once", err, time.Since(start))
		}
	})
}

func TestAWaitEndsWithItsDeadlineOrItsClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(1, 10)
		if _, err := q.Enter(context.Background()); err != nil {
			t.Fatal(err)
		}
		short, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if _, err := q.Enter(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, want %v", err, context.DeadlineExceeded)
		}
		gone, leave := context.WithCancel(context.Background())
		leave()
		if _, err := q.Enter(gone); !errors.Is(err, context.Canceled) || q.Waiting() != 0 {
			t.Errorf("%v, %d waiting; want %v, none", err, q.Waiting(), context.Canceled)
		}
	})
}
